"""Stacks with databases: made, read back, changed, replaced, kept and restored.

Follows the template reference of AWS::RDS::DBInstance, DBSubnetGroup, DBParameterGroup,
AWS::SecretsManager::SecretTargetAttachment and ResourcePolicy, and "DeletionPolicy attribute".
Never run against AWS.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from provisimus.localcloud.databases.installed import servers

from .databases import Databases, eventually, needs_postgres

pytestmark = needs_postgres

STACK = """
Parameters:
  Subnets: {Type: List<AWS::EC2::Subnet::Id>}
  Group: {Type: AWS::EC2::SecurityGroup::Id}
Resources:
  Login:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        SecretStringTemplate: '{"username": "shop"}'
        GenerateStringKey: password
        ExcludePunctuation: true
  Policy:
    Type: AWS::SecretsManager::ResourcePolicy
    Properties:
      SecretId: !Ref Login
      ResourcePolicy: {Version: "2012-10-17", Statement: []}
  Whereabouts:
    Type: AWS::SecretsManager::SecretTargetAttachment
    Properties: {SecretId: !Ref Login, TargetId: !Ref Database, TargetType: AWS::RDS::DBInstance}
  Places:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: where, SubnetIds: !Ref Subnets}
  Tuning:
    Type: AWS::RDS::DBParameterGroup
    Properties:
      Family: FAMILY
      Description: tuned
      Parameters: PARAMETERS
  Database:
    Type: AWS::RDS::DBInstance
    Properties:
      Engine: postgres
      EngineVersion: "MAJOR"
      DBInstanceClass: CLASS
      AllocatedStorage: "20"
      StorageType: gp3
      StorageEncrypted: true
      DBName: NAME
      Port: "5544"
      MasterUsername: !Sub "{{resolve:secretsmanager:${Login}:SecretString:username}}"
      MasterUserPassword: !Sub "{{resolve:secretsmanager:${Login}:SecretString:password}}"
      DBSubnetGroupName: !Ref Places
      DBParameterGroupName: !Ref Tuning
      VPCSecurityGroups: [!Ref Group]
      PubliclyAccessible: true
      BackupRetentionPeriod: 0
      CopyTagsToSnapshot: true
      DeletionProtection: false
      MultiAZ: false
      Tags: [{Key: team, Value: TEAM}]
Outputs:
  Name: {Value: !Ref Database}
  Secret: {Value: !Ref Login}
  Address: {Value: !GetAtt Database.Endpoint.Address}
  Port: {Value: !GetAtt Database.Endpoint.Port}
"""
ALONE = """
Resources:
  Database:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Delete
    Properties:
      DBInstanceClass: db.t3.micro
      DBSnapshotIdentifier: SNAPSHOT
      MasterUserPassword: battery-staple
      PubliclyAccessible: true
      Port: "5545"
      BackupRetentionPeriod: 0
Outputs: {Name: {Value: !Ref Database}}
"""


class Stack:
    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self.api = databases.cloud.client("cloudformation")
        ec2 = databases.cloud.client("ec2")
        subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]]
        groups = ec2.describe_security_groups(
            Filters=[{"Name": "group-name", "Values": ["default"]}]
        )["SecurityGroups"]
        self.given = [
            {"ParameterKey": "Subnets", "ParameterValue": ",".join(subnets)},
            {"ParameterKey": "Group", "ParameterValue": groups[0]["GroupId"]},
        ]

    def body(self, **words: str) -> str:
        major = servers()[0].major
        given = {
            "FAMILY": f"postgres{major}", "MAJOR": str(major), "CLASS": "db.t3.micro",
            "NAME": "orders", "TEAM": "sales", "PARAMETERS": '{work_mem: "8192"}', **words,
        }  # fmt: skip
        text = STACK
        for word, value in given.items():
            text = text.replace(word, value)
        return text

    def do(self, call: str, name: str = "shop", **given: Any) -> str:
        """An operation, to its end."""
        if call != "delete_stack" and "Subnets" in given["TemplateBody"]:
            given["Parameters"] = self.given
        getattr(self.api, call)(StackName=name, **given)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = [s for s in self.api.list_stacks()["StackSummaries"] if s["StackName"] == name]
            if not found[0]["StackStatus"].endswith("_IN_PROGRESS"):
                return found[0]["StackStatus"]
            time.sleep(0.1)
        raise AssertionError(found)

    def outputs(self, name: str = "shop") -> dict[str, str]:
        told = self.api.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
        return {each["OutputKey"]: each["OutputValue"] for each in told}

    def reasons(self, name: str = "shop") -> dict[str, str]:
        told = self.api.describe_stack_events(StackName=name)["StackEvents"][::-1]
        return {e["LogicalResourceId"]: e.get("ResourceStatusReason", "") for e in told}

    def drifts(self) -> dict[str, str]:
        asked = self.api.detect_stack_drift(StackName="shop")["StackDriftDetectionId"]

        def detected():
            return self.api.describe_stack_drift_detection_status(
                StackDriftDetectionId=asked
            )["DetectionStatus"]  # fmt: skip

        eventually(detected, "DETECTION_COMPLETE")
        told = self.api.describe_stack_resource_drifts(StackName="shop")["StackResourceDrifts"]
        return {
            each["LogicalResourceId"]: each["StackResourceDriftStatus"]
            + str(each.get("PropertyDifferences") or "")
            for each in told
        }


@pytest.fixture
def stack(cloud):
    databases = Databases(cloud)
    databases.open()
    return Stack(databases)


def test_the_life_of_a_database_in_a_stack(stack):
    databases = stack.databases
    assert stack.do("create_stack", TemplateBody=stack.body()) == "CREATE_COMPLETE", stack.reasons()
    told = stack.outputs()
    name = told["Name"]
    secrets = databases.cloud.client("secretsmanager")

    def secret():
        return json.loads(secrets.get_secret_value(SecretId=told["Secret"])["SecretString"])

    password = secret()["password"]
    assert secret() == {
        "username": "shop", "password": password, "engine": "postgres", "dbname": "orders",
        "host": told["Address"], "port": 5544, "dbInstanceIdentifier": name,
    }  # fmt: skip
    assert databases.ask("SHOW work_mem", name, password) == "8MB"
    databases.ask("CREATE TABLE sold (id int); INSERT INTO sold VALUES (41)", name, password)
    # Every property, as the service tells it; what is only recorded is said.
    live = stack.drifts()
    assert {key: each for key, each in live.items() if each != "IN_SYNC"} == {}
    assert set(live) >= {"Database", "Places", "Policy", "Tuning", "Login"}
    reason = stack.reasons()["Database"]
    assert "its data are not encrypted" in reason
    assert "standby" not in reason  # MultiAZ is false
    ours = databases.told(name)
    assert (ours["StorageEncrypted"], ours["EngineVersion"]) == (True, servers()[0].version)
    assert ours["DBSubnetGroup"]["DBSubnetGroupDescription"] == "where"
    assert {each["Key"] for each in ours["TagList"]} >= {"team", "aws:cloudformation:stack-id"}

    # In place: another class, other parameters, other tags; the data stays.
    changed = stack.body(
        CLASS="db.t3.small", TEAM="stock", PARAMETERS='{max_connections: "50", work_mem: "16384"}'
    )
    assert stack.do("update_stack", TemplateBody=changed) == "UPDATE_COMPLETE", stack.reasons()
    assert stack.outputs()["Name"] == name
    ours = databases.told(name)
    assert ours["DBInstanceClass"] == "db.t3.small"
    assert {"Key": "team", "Value": "stock"} in ours["TagList"]
    assert databases.ask("SHOW work_mem; SELECT id FROM sold", name, password) == "16MB\n41"
    refused = stack.body(CLASS="db.t3.small", PARAMETERS='{log_statement: "everything"}')
    assert stack.do("update_stack", TemplateBody=refused) == "UPDATE_ROLLBACK_COMPLETE"
    assert databases.ask("SHOW log_statement", name, password) == "none"

    # Another database name is another instance; of the old one a snapshot remains.
    other = changed.replace("DBName: orders", "DBName: bills").replace(
        "    Type: AWS::RDS::DBInstance\n    P", "    Type: AWS::RDS::DBInstance\n"
        "    UpdateReplacePolicy: Snapshot\n    P",
    )  # fmt: skip
    assert stack.do("update_stack", TemplateBody=other) == "UPDATE_COMPLETE", stack.reasons()
    second = stack.outputs()["Name"]
    assert second != name
    assert databases.state(name) == "gone"
    assert databases.ask("SELECT 1", second, password, database="bills") == "1"
    assert (secret()["dbname"], secret()["dbInstanceIdentifier"]) == ("bills", second)

    # Deleted, it leaves a snapshot: so it is unless the template says otherwise.
    assert stack.do("delete_stack") == "DELETE_COMPLETE"
    assert databases.state(second) == "gone"
    kept = {
        each["DBInstanceIdentifier"]: each["DBSnapshotIdentifier"]
        for each in databases.api.describe_db_snapshots()["DBSnapshots"]
    }
    assert set(kept) == {name, second}
    assert databases.api.describe_db_subnet_groups()["DBSubnetGroups"] == []

    # A stack is made of the snapshot, with a password of its own.
    body = ALONE.replace("SNAPSHOT", kept[name])
    assert stack.do("create_stack", "again", TemplateBody=body) == "CREATE_COMPLETE"
    again = stack.outputs("again")["Name"]
    assert databases.ask("SELECT id FROM sold", again, "battery-staple") == "41"
    assert [
        e["Key"] for e in databases.told(again)["TagList"] if e["Key"].startswith("local")
    ] == []
    assert stack.do("delete_stack", "again") == "DELETE_COMPLETE"


def test_what_cannot_be_had_fails_the_stack(stack):
    body = ALONE.replace("      DBSnapshotIdentifier: SNAPSHOT\n", "").replace(
        "      DBInst", "      Engine: mysql\n      MasterUsername: shop\n      DBInst"
    )
    assert stack.do("create_stack", TemplateBody=body) == "ROLLBACK_COMPLETE"
    told = stack.api.describe_stack_events(StackName="shop")["StackEvents"]
    assert any("no other engine" in e.get("ResourceStatusReason", "") for e in told)
