"""The stack type `database`: PostgreSQL or MySQL of Amazon RDS, which outlives its mistakes.

Nobody chooses its password: RDS makes it, keeps it in a secret and rotates it. Who may connect
wears the client security group that the stack gives, so neither knows the other's addresses.
"""

from __future__ import annotations

from typing import Any

from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.stacks.wiring import wired
from provisimus.workspace.definitions.stacks.database import WINDOW, DatabaseDefinition

Wanted = WantedStack[DatabaseDefinition]

_ENCRYPTED = {"postgres": {"rds.force_ssl": "1"}, "mysql": {"require_secure_transport": "ON"}}
"""Connections without TLS are refused."""
_LOGS = {"postgres": ["postgresql", "upgrade"], "mysql": ["error", "slowquery"]}


class Database(StackType[DatabaseDefinition]):
    name = "database"
    definition = DatabaseDefinition
    summary = "one PostgreSQL or MySQL of Amazon RDS: backups, secret, standby, alarms"
    example = """\
type: database
engine: postgres                # or mysql
engine_version: "17"            # a major version; minor ones come in the maintenance window
network: default                # or a stack of type network: main, in its data subnets
instance_class: db.t4g.small
storage: {size: 20 GiB, max: 100 GiB}
name: orders                    # the first database; the password stands in a secret of RDS
user: orders
standby: false                  # true: a second one in another zone takes over
backups: {keep: 14d, at: "02:00"}
maintenance: sun 03:30
parameters: {log_min_duration_statement: "500"}
protect: true                   # it cannot be deleted before this is false and applied
# restore: rds:orders-2030-01-02   # a snapshot to begin with
alarms: {cpu: 90, storage: 15}  # percent used, percent of the storage left
environments:                   # what differs, per environment
  production: {instance_class: db.m6g.large, standby: true, backups: {keep: 35d}}
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        template = {
            **parts.head(f"{wanted.service}: a database"),
            "Parameters": {
                **parts.vpc_parameter(),
                **parts.subnets_parameter("SubnetIds", "The subnets of the database."),
                "EngineVersion": {"Type": "String", "Description": "The version of the engine."},
            },
            "Resources": {
                "ClientSecurityGroup": _clients(wanted),
                "SecurityGroup": _group(wanted),
                "SubnetGroup": {
                    "Type": "AWS::RDS::DBSubnetGroup",
                    "Properties": {
                        "DBSubnetGroupDescription": f"Where {wanted.service} lives",
                        "SubnetIds": {"Ref": "SubnetIds"},
                    },
                },
                "ParameterGroup": _parameters(wanted),
                "Database": _database(wanted),
                **_alarms(wanted),
            },
            "Outputs": _outputs(wanted),
        }
        return wired(template, wanted.network.wires)

    def parameters(self, wanted: Wanted) -> dict[str, str]:
        network = wanted.network
        values = {
            "VpcId": network.vpc,
            "SubnetIds": ",".join(network.subnets),
            "EngineVersion": wanted.definition.engine_version,
        }
        return parts.given(wanted, values)


def _clients(wanted: Wanted) -> dict[str, Any]:
    return parts.security_group(f"{wanted.service}: whoever wears it may connect", [])


def _group(wanted: Wanted) -> dict[str, Any]:
    asked = wanted.definition
    clients = parts.group_id("ClientSecurityGroup")
    return parts.security_group(
        f"{wanted.service}: who may connect",
        [
            parts.port_from_group(asked.port, clients, "those who wear the client group"),
            *(parts.port_from(asked.port, network) for network in asked.clients),
        ],
    )


def _parameters(wanted: Wanted) -> dict[str, Any]:
    asked = wanted.definition
    return {
        "Type": "AWS::RDS::DBParameterGroup",
        "Properties": {
            "Description": f"How {wanted.service} runs",
            "Family": asked.family,
            "Parameters": {**_ENCRYPTED[asked.engine], **asked.parameters},
        },
    }


def _database(wanted: Wanted) -> dict[str, Any]:
    asked = wanted.definition
    properties: dict[str, Any] = {
        "Engine": asked.engine,
        "EngineVersion": {"Ref": "EngineVersion"},
        "DBInstanceClass": asked.instance_class,
        "DBSubnetGroupName": {"Ref": "SubnetGroup"},
        "DBParameterGroupName": {"Ref": "ParameterGroup"},
        "VPCSecurityGroups": [parts.group_id("SecurityGroup")],
        "Port": str(asked.port),
        "PubliclyAccessible": False,
        "MultiAZ": asked.standby,
        "ManageMasterUserPassword": True,
        "StorageType": "gp3",
        "AutoMinorVersionUpgrade": True,
        "CopyTagsToSnapshot": True,
        "BackupRetentionPeriod": asked.backups.keep // 86400,
        "PreferredBackupWindow": _window(asked.backups.at),
        "PreferredMaintenanceWindow": _weekly(asked.maintenance),
        "DeleteAutomatedBackups": False,
        "DeletionProtection": asked.protect,
        "EnableCloudwatchLogsExports": _LOGS[asked.engine],
        "Tags": parts.named(),
    }
    if asked.restore:
        properties["DBSnapshotIdentifier"] = asked.restore
    else:
        properties |= {
            "DBName": database_name(wanted),
            "MasterUsername": asked.user,
            "AllocatedStorage": str(asked.storage.size),
            "StorageEncrypted": True,
        }
    if asked.storage.max:
        properties["MaxAllocatedStorage"] = asked.storage.max
    return {
        "Type": "AWS::RDS::DBInstance",
        "DeletionPolicy": "Snapshot",
        "UpdateReplacePolicy": "Snapshot",
        "Properties": properties,
    }


def database_name(wanted: Wanted) -> str:
    return wanted.definition.name or wanted.service.replace("-", "_").replace(".", "_")


def _window(start: str) -> str:
    hour, minute = map(int, start.split(":"))
    end = (hour * 60 + minute + WINDOW) % (24 * 60)
    return f"{start}-{end // 60:02}:{end % 60:02}"


def _weekly(start: str) -> str:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    day, _, time = start.partition(" ")
    begin, _, end = _window(time).partition("-")
    later = days[(days.index(day) + (end < begin)) % 7]
    return f"{day}:{begin}-{later}:{end}"


def _alarms(wanted: Wanted) -> dict[str, Any]:
    asked = wanted.definition
    where = {"DBInstanceIdentifier": {"Ref": "Database"}}
    actions = [parts.arn_in(each, wanted.others, "TopicArn") for each in asked.alarms.notify]
    left = asked.storage.size * asked.alarms.storage * 2**30 // 100
    found = {
        "CpuAlarm": parts.alarm(
            f"{wanted.service} computes without a pause",
            ("AWS/RDS", "CPUUtilization"),
            where,
            above=asked.alarms.cpu,
            of=(10, 10),
            actions=actions,
        ),
        "StorageAlarm": parts.alarm(
            f"{wanted.service} has less than {asked.alarms.storage} percent of its storage left",
            ("AWS/RDS", "FreeStorageSpace"),
            where,
            below=left,
            statistic="Minimum",
            actions=actions,
        ),
    }
    if asked.alarms.connections:
        found["ConnectionsAlarm"] = parts.alarm(
            f"{wanted.service} has more than {asked.alarms.connections} connections",
            ("AWS/RDS", "DatabaseConnections"),
            where,
            above=asked.alarms.connections,
            statistic="Maximum",
            actions=actions,
        )
    return found


def _outputs(wanted: Wanted) -> dict[str, Any]:
    return {
        "Endpoint": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Address"]}},
        "Port": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Port"]}},
        "DatabaseName": {"Value": database_name(wanted)},
        "SecretArn": {
            "Description": "The secret with username and password.",
            "Value": {"Fn::GetAtt": ["Database", "MasterUserSecret.SecretArn"]},
        },
        "ClientSecurityGroupId": {
            "Description": "Whoever wears it may connect.",
            "Value": parts.group_id("ClientSecurityGroup"),
        },
        "DatabaseId": {"Value": {"Ref": "Database"}},
    }


TYPE = Database()
