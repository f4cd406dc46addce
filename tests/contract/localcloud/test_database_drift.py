"""What somebody changed of a database by hand is found, property by property, and its undoing.

Follows the CloudFormation user guide, "Detect unmanaged configuration changes to stacks and
resources with drift detection". Never run against AWS.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.in_sync import differences, differing

from provisimus.localcloud.databases.installed import servers

from .conftest import LocalCloud
from .databases import Databases, needs_networks, needs_postgres
from .test_database_stacks import Stack

pytestmark = needs_postgres
MAY = ["CAPABILITY_IAM"]
WATCHED = f"""
Parameters:
  Subnets: {{Type: List<AWS::EC2::Subnet::Id>}}
  Group: {{Type: AWS::EC2::SecurityGroup::Id}}
Resources:
  Watcher:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: sts:AssumeRole
            Principal: {{Service: monitoring.rds.amazonaws.com}}
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: "kms:*"
            Resource: "*"
            Principal: {{AWS: !Sub "arn:aws:iam::${{AWS::AccountId}}:root"}}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties: {{SecretString: '{{"username": "shop", "password": "correct-horse"}}'}}
  Whereabouts:
    Type: AWS::SecretsManager::SecretTargetAttachment
    Properties: {{SecretId: !Ref Login, TargetId: !Ref Database, TargetType: AWS::RDS::DBInstance}}
  Places:
    Type: AWS::RDS::DBSubnetGroup
    Properties:
      DBSubnetGroupDescription: where
      SubnetIds: !Ref Subnets
      Tags: [{{Key: team, Value: sales}}]
  Tuning:
    Type: AWS::RDS::DBParameterGroup
    Properties:
      Family: postgres{servers()[0].major if servers() else ""}
      Description: tuned
      Parameters: {{work_mem: "8192", log_statement: ddl}}
      Tags: [{{Key: team, Value: sales}}]
  Database:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Delete
    Properties:
      Engine: postgres
      DBInstanceClass: db.t3.micro
      DBInstanceIdentifier: watched
      DBName: orders
      AllocatedStorage: "400"
      MaxAllocatedStorage: 800
      StorageType: gp3
      Iops: 12000
      StorageThroughput: 500
      StorageEncrypted: true
      AutoMinorVersionUpgrade: false
      AvailabilityZone: eu-west-1a
      BackupRetentionPeriod: 0
      CACertificateIdentifier: rds-ca-rsa4096-g1
      CopyTagsToSnapshot: true
      DatabaseInsightsMode: advanced
      DBParameterGroupName: !Ref Tuning
      DBSubnetGroupName: !Ref Places
      DeletionProtection: false
      EnableCloudwatchLogsExports: [postgresql]
      EnablePerformanceInsights: true
      LicenseModel: postgresql-license
      MasterUsername: shop
      MasterUserPassword: correct-horse
      MonitoringInterval: 60
      MonitoringRoleArn: !GetAtt Watcher.Arn
      MultiAZ: false
      NetworkType: IPV4
      PerformanceInsightsKMSKeyId: !Ref Key
      PerformanceInsightsRetentionPeriod: 465
      Port: "5544"
      PreferredBackupWindow: "02:00-02:30"
      PreferredMaintenanceWindow: Sun:04:00-Sun:04:30
      PubliclyAccessible: false
      Tags: [{{Key: team, Value: sales}}]
      VPCSecurityGroups: [!Ref Group]
"""


@pytest.fixture
def stack(cloud: LocalCloud) -> Stack:
    needs_networks(cloud)
    return Stack(Databases(cloud))


def test_what_is_changed_by_hand_is_found_and_so_is_its_undoing(stack: Stack) -> None:
    assert stack.do("create_stack", TemplateBody=WATCHED, Capabilities=MAY) == "CREATE_COMPLETE", (
        stack.reasons()
    )
    databases, client = stack.databases, stack.databases.cloud.client
    rds, secrets = client("rds"), client("secretsmanager")
    of = physical_ids(stack)
    assert differing(stack.api, "shop") == {}

    def instance(**given: Any) -> Callable[[], Any]:
        def change() -> None:
            rds.modify_db_instance(DBInstanceIdentifier="watched", ApplyImmediately=True, **given)
            databases.reach("available", "watched")

        return change

    def parameter(value: str) -> Callable[[], Any]:
        asked = {"ParameterName": "work_mem", "ParameterValue": value, "ApplyMethod": "immediate"}
        return lambda: rds.modify_db_parameter_group(
            DBParameterGroupName=of["Tuning"], Parameters=[asked]
        )

    def subnets(description: str) -> Callable[[], Any]:
        told = rds.describe_db_subnet_groups(DBSubnetGroupName=of["Places"])["DBSubnetGroups"][0]
        return lambda: rds.modify_db_subnet_group(
            DBSubnetGroupName=of["Places"],
            DBSubnetGroupDescription=description,
            SubnetIds=[each["SubnetIdentifier"] for each in told["Subnets"]],
        )

    secret = json.loads(secrets.get_secret_value(SecretId=of["Login"])["SecretString"])

    def secret_of(**changed: str) -> Callable[[], Any]:
        text = json.dumps({**secret, **changed})
        return lambda: secrets.put_secret_value(SecretId=of["Login"], SecretString=text)

    exports = "CloudwatchLogsExportConfiguration"
    for path, change, undo in (
        ("Tuning/Parameters/work_mem", parameter("16384"), parameter("8192")),
        ("Places/DBSubnetGroupDescription", subnets("there"), subnets("where")),
        ("Whereabouts/TargetId", secret_of(dbInstanceIdentifier="other"), secret_of()),
        (
            "Database/DBInstanceClass",
            instance(DBInstanceClass="db.t3.small"),
            instance(DBInstanceClass="db.t3.micro"),
        ),
        (
            "Database/MonitoringInterval",
            instance(MonitoringInterval=15),
            instance(MonitoringInterval=60),
        ),
        (
            "Database/CACertificateIdentifier",
            instance(CACertificateIdentifier="rds-ca-rsa2048-g1"),
            instance(CACertificateIdentifier="rds-ca-rsa4096-g1"),
        ),
        (
            "Database/PerformanceInsightsRetentionPeriod",
            instance(PerformanceInsightsRetentionPeriod=731),
            instance(PerformanceInsightsRetentionPeriod=465),
        ),
        (
            "Database/DatabaseInsightsMode",
            instance(DatabaseInsightsMode="standard"),
            instance(DatabaseInsightsMode="advanced"),
        ),
        (
            "Database/PreferredMaintenanceWindow",
            instance(PreferredMaintenanceWindow="mon:04:00-mon:04:30"),
            instance(PreferredMaintenanceWindow="sun:04:00-sun:04:30"),
        ),
        (
            "Database/EnableCloudwatchLogsExports/1",
            instance(**{exports: {"EnableLogTypes": ["upgrade"]}}),
            instance(**{exports: {"DisableLogTypes": ["upgrade"]}}),
        ),
        (
            "Database/DeletionProtection",
            instance(DeletionProtection=True),
            instance(DeletionProtection=False),
        ),
    ):
        name, _, below = path.partition("/")
        change()
        assert differences(stack.api, "shop") == {name: [f"/{below}"]}
        undo()
        assert differing(stack.api, "shop") == {}, path

    # Without Performance Insights nothing of it is left.
    instance(EnablePerformanceInsights=False, DatabaseInsightsMode="standard")()
    assert differences(stack.api, "shop") == {
        "Database": [
            "/DatabaseInsightsMode",
            "/EnablePerformanceInsights",
            "/PerformanceInsightsKMSKeyId",
            "/PerformanceInsightsRetentionPeriod",
        ]
    }
    instance(
        EnablePerformanceInsights=True,
        PerformanceInsightsRetentionPeriod=465,
        PerformanceInsightsKMSKeyId=of["Key"],
        DatabaseInsightsMode="advanced",
    )()
    assert differing(stack.api, "shop") == {}

    # What the template says no more, or otherwise, is changed too.
    less = "".join(
        line
        for line in WATCHED.splitlines(keepends=True)
        if not line.strip().startswith(("DatabaseIns", "EnablePerf", "Monitoring", "Performance"))
    ).replace("rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")
    assert stack.do("update_stack", TemplateBody=less, Capabilities=MAY) == "UPDATE_COMPLETE", (
        stack.reasons()
    )
    assert differing(stack.api, "shop") == {}
    told = stack.databases.told("watched")
    assert (told["MonitoringInterval"], told["DatabaseInsightsMode"]) == (0, "standard")
    assert (told["PerformanceInsightsEnabled"], told.get("MonitoringRoleArn")) == (False, None)
    assert told["CACertificateIdentifier"] == "rds-ca-ecc384-g1"
    assert stack.do("update_stack", TemplateBody=WATCHED, Capabilities=MAY) == "UPDATE_COMPLETE", (
        stack.reasons()
    )
    assert differing(stack.api, "shop") == {}


def physical_ids(stack: Stack) -> dict[str, str]:
    told = stack.api.list_stack_resources(StackName="shop")["StackResourceSummaries"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in told}
