"""What may stand around the one instance of a service: address, name, alarms, snapshots, database.

Each gives resources by logical id, and nothing where the definition asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from provisimus.ondisk.places import DISK, METRIC, NAMESPACE
from provisimus.stacks.permissions import Statement, allow
from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import WantedStack
from provisimus.workspace.definitions.stack import DataVolume
from provisimus.workspace.definitions.stacks.service import ServiceDefinition

Wanted = WantedStack[ServiceDefinition]
BY_DLM = "provisimus:dlm"
"""Tag of a volume: the policy that takes its snapshots."""


def address(wanted: Wanted, instance: str) -> dict[str, Any]:
    """An address that outlives the instance, and a name."""
    found: dict[str, Any] = {}
    if wanted.definition.fixed_address:
        found["Address"] = {
            "Type": "AWS::EC2::EIP",
            "Properties": {"Domain": "vpc", "Tags": parts.named()},
        }
        found["AddressOfInstance"] = {
            "Type": "AWS::EC2::EIPAssociation",
            "Properties": {
                "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                "InstanceId": {"Ref": instance},
            },
        }
    if dns := wanted.definition.dns:
        fixed = wanted.definition.fixed_address
        where = {"Ref": "Address"} if fixed else {"Fn::GetAtt": [instance, "PrivateIp"]}
        found["Name"] = {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {
                "HostedZoneId": parts.zone_id(dns.zone, wanted.others),
                "Name": dns.name,
                "Type": "A",
                "TTL": "60",
                "ResourceRecords": [where],
            },
        }
    return found


def alarms(wanted: Wanted, instance: str) -> dict[str, Any]:
    asked, found = wanted.definition, {}
    where = {"InstanceId": {"Ref": instance}}
    if asked.recovery:
        recover = {"Fn::Sub": "arn:${AWS::Partition}:automate:${AWS::Region}:ec2:recover"}
        found["RecoveryAlarm"] = parts.alarm(
            f"the computer under {wanted.service} failed: the instance is moved to another",
            ("AWS/EC2", "StatusCheckFailed_System"),
            where,
            above=0,
            of=(2, 2),
            statistic="Maximum",
            actions=[recover],
            all_clear=False,
        )
    if asked.alarms is None:
        return found
    actions = list(asked.alarms.notify)
    found["StatusAlarm"] = parts.alarm(
        f"the instance of {wanted.service} does not answer EC2",
        ("AWS/EC2", "StatusCheckFailed"),
        where,
        above=0,
        of=(3, 3),
        statistic="Maximum",
        actions=actions,
    )
    found["CpuAlarm"] = parts.alarm(
        f"{wanted.service} computes without a pause",
        ("AWS/EC2", "CPUUtilization"),
        where,
        above=asked.alarms.cpu,
        of=(10, 10),
        actions=actions,
    )
    if asked.health.metric:
        found["HealthAlarm"] = parts.alarm(
            f"{wanted.service} says that it is not healthy, or nothing",
            (NAMESPACE, METRIC),
            {**where, "Service": wanted.service},
            below=1,
            # The machine tells a change at once, and every few minutes that nothing did.
            of=(2, 2),
            period=300,
            statistic="Minimum",
            missing="breaching",
            actions=actions,
        )
        found["DiskAlarm"] = parts.alarm(
            f"a disk of {wanted.service} fills up",
            (NAMESPACE, DISK),
            {**where, "Service": wanted.service},
            above=asked.alarms.disk,
            of=(2, 2),
            period=300,
            statistic="Maximum",
            actions=actions,
        )
    return found


# ---- snapshots by Amazon Data Lifecycle Manager --------------------------------------------------


def taken_by_dlm(volumes: Mapping[str, DataVolume]) -> dict[str, DataVolume]:
    return {
        name: each
        for name, each in volumes.items()
        if each.snapshots is not None and each.snapshots.by == "dlm"
    }


def dlm_policy(volume: DataVolume) -> dict[str, Any]:
    """The value of the tag by which a policy finds its volume, and no other stack's."""
    return {"Fn::Sub": f"${{AWS::StackName}}:{volume.mount}"}


def snapshots(wanted: Wanted, volumes: Mapping[str, DataVolume]) -> dict[str, Any]:
    asked = taken_by_dlm(volumes)
    if not asked:
        return {}
    managed = "service-role/AWSDataLifecycleManagerServiceRole"
    found: dict[str, Any] = {
        "SnapshotRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Description": f"Snapshots of {wanted.service}",
                "AssumeRolePolicyDocument": parts.trust("dlm.amazonaws.com"),
                "ManagedPolicyArns": [
                    {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:policy/{managed}"}
                ],
            },
        }
    }
    for name, each in asked.items():
        assert each.snapshots is not None
        found[f"Snapshots{name}"] = {
            "Type": "AWS::DLM::LifecyclePolicy",
            "Properties": {
                "Description": f"Snapshots of {_plain(wanted.service + each.mount)}",
                "State": "ENABLED",
                "ExecutionRoleArn": {"Fn::GetAtt": ["SnapshotRole", "Arn"]},
                "PolicyDetails": {
                    "PolicyType": "EBS_SNAPSHOT_MANAGEMENT",
                    "ResourceTypes": ["VOLUME"],
                    "TargetTags": [{"Key": BY_DLM, "Value": dlm_policy(each)}],
                    "Schedules": [
                        {
                            "Name": "regular",
                            "CopyTags": True,
                            "CreateRule": {
                                "Interval": each.snapshots.every // 3600,
                                "IntervalUnit": "HOURS",
                            },
                            "RetainRule": {"Count": each.snapshots.keep},
                        }
                    ],
                },
            },
        }
    return found


def _plain(text: str) -> str:
    """Letters, digits, dashes and spaces, which is all that a policy is described by."""
    return re.sub(r"[^0-9A-Za-z _-]", " ", text)


# ---- the database --------------------------------------------------------------------------------

_VARIABLES = {
    "DATABASE_HOST": "DatabaseHost",
    "DATABASE_PORT": "DatabasePort",
    "DATABASE_NAME": "DatabaseName",
    "DATABASE_USER": "DatabaseUser",
    "DATABASE_PASSWORD": "DatabasePassword",
}


def database_variables(wanted: Wanted) -> dict[str, str]:
    """Variables of the main container, as text for Fn::Sub; those of the definition go before."""
    return {name: f"${{{value}}}" for name, value in _VARIABLES.items()} if _uses(wanted) else {}


def database_values(wanted: Wanted) -> dict[str, Any]:
    """What stands behind their names. Of the secret the machine gets a reference alone."""
    if not _uses(wanted):
        return {}
    other = wanted.others[wanted.definition.database or ""]

    def reference(key: str) -> dict[str, Any]:
        return {"Fn::Join": ["", ["${secret:", other.output("SecretArn"), f"#{key}}}"]]}

    return {
        "DatabaseHost": other.output("Endpoint"),
        "DatabasePort": other.output("Port"),
        "DatabaseName": other.output("DatabaseName"),
        "DatabaseUser": reference("username"),
        "DatabasePassword": reference("password"),
    }


def database_group(wanted: Wanted) -> list[Any]:
    """The security group to wear."""
    if not _uses(wanted):
        return []
    return [wanted.others[wanted.definition.database or ""].output("ClientSecurityGroupId")]


def reading_database(wanted: Wanted) -> list[Statement]:
    if not _uses(wanted):
        return []
    secret = wanted.others[wanted.definition.database or ""].output("SecretArn")
    return [allow("secretsmanager:GetSecretValue", secret)]


def _uses(wanted: Wanted) -> bool:
    return wanted.definition.database is not None
