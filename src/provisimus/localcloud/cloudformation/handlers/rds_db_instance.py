"""AWS::RDS::DBInstance, made anew or of a snapshot; deleted with a snapshot unless told otherwise.

As CloudFormation does, an update is applied at once unless ApplyImmediately says no, and an
instance whose parameter group waits for a reboot after it is rebooted.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._rds import (
    instance,
    is_ours,
    name_of,
    retag,
)
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_BOTH = (
    "AutoMinorVersionUpgrade", "CopyTagsToSnapshot", "DBInstanceClass", "DBParameterGroupName",
    "DeletionProtection", "EnableCloudwatchLogsExports", "Iops", "ManageMasterUserPassword",
    "MultiAZ", "PubliclyAccessible", "StorageThroughput", "StorageType",
)  # fmt: skip
"""Go to making, restoring and changing under these names."""
_MADE = (
    "AvailabilityZone", "DBName", "DBSubnetGroupName", "Engine", "LicenseModel", "NetworkType",
)  # fmt: skip
"""Go to making and restoring."""
_NEW = ("EngineVersion", "KmsKeyId", "MasterUsername", "StorageEncrypted")
"""Go to making only."""
_LATER = (
    "BackupRetentionPeriod", "CACertificateIdentifier", "DatabaseInsightsMode",
    "EnablePerformanceInsights", "MasterUserPassword", "MaxAllocatedStorage", "MonitoringInterval",
    "MonitoringRoleArn", "PerformanceInsightsKMSKeyId", "PerformanceInsightsRetentionPeriod",
    "PreferredBackupWindow", "PreferredMaintenanceWindow",
)  # fmt: skip
"""Go to making and changing: what is restored gets them afterwards."""
_ALIKE = frozenset({*_BOTH, *_LATER, "EngineVersion", "LicenseModel", "NetworkType"})
"""Go to changing under these names."""
_CHANGED = (*sorted(_ALIKE), "AllocatedStorage", "MasterUserSecret", "Port", "VPCSecurityGroups")
_LEFT_OUT = {
    "DatabaseInsightsMode": "standard", "DeletionProtection": False,
    "EnablePerformanceInsights": False, "ManageMasterUserPassword": False, "MonitoringInterval": 0,
    "PubliclyAccessible": False,
}  # fmt: skip
"""What they become that a template names no more."""
_WATCHED_BY = "PerformanceInsightsKMSKeyId"
_UNFINISHED = "local:restored"
"""A tag that stands at a restored instance until it has what restoring cannot give it."""
_FAILED = ("failed", "incompatible-network", "incompatible-parameters", "incompatible-restore")


class DBInstance(Handler):
    type = "AWS::RDS::DBInstance"
    honoured = frozenset(
        {
            *_BOTH, *_MADE, *_NEW, *_LATER, "AllocatedStorage", "ApplyImmediately",
            "DBInstanceIdentifier", "DBSnapshotIdentifier", "DeleteAutomatedBackups",
            "EnableCloudwatchLogsExports/*", "MasterUserSecret/KmsKeyId", "Port", "Tags/*/Key",
            "Tags/*/Value", "VPCSecurityGroups/*",
        }
        - {"EnableCloudwatchLogsExports"}
    )  # fmt: skip
    attributes = frozenset(
        {
            "DBInstanceArn", "DBInstanceStatus", "DbiResourceId", "Endpoint.Address",
            "Endpoint.HostedZoneId", "Endpoint.Port", "InstanceCreateTime",
            "MasterUserSecret.SecretArn",
        }
    )  # fmt: skip
    name_property = "DBInstanceIdentifier"
    seconds = 300
    snapshots = True
    recorded: ClassVar[Mapping[str, str]] = {
        "AutoMinorVersionUpgrade": "its server is never upgraded",
        "CACertificateIdentifier": "its certificate is of the local cloud's own authority",
        "DatabaseInsightsMode": "nothing is measured of it",
        "EnableCloudwatchLogsExports": "its log is not sent to CloudWatch",
        "EnablePerformanceInsights": "nothing is measured of it",
        "MaxAllocatedStorage": "its storage does not grow",
        "MonitoringInterval": "nothing is measured of it",
        "MultiAZ": "there is no standby, and no failover",
        "PreferredMaintenanceWindow": "no maintenance window ever comes",
        "StorageEncrypted": "its data are not encrypted on this computer's disk",
    }

    untold: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("ApplyImmediately", "DeleteAutomatedBackups"), "it is said of a call"),
        **dict.fromkeys(
            ("KmsKeyId", "MasterUserSecret"),
            "a key has several names, and drift detection compares none",
        ),
        "DBSnapshotIdentifier": "it only says what the data came from",
        "MasterUserPassword": "no drift is worth a secret in an answer",
    }  # fmt: skip

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        given, name = wanted.properties, name_of(wanted, "DBInstanceIdentifier")
        shared = {
            **only(given, *_BOTH, *_MADE),
            **_renamed(given),
            "DBInstanceIdentifier": name,
            "Tags": wanted.tag_list(),
        }
        if "Port" in given:
            shared["Port"] = int(given["Port"])
        if not given.get("DBSnapshotIdentifier"):
            cloud.rds.create_db_instance(**shared, **only(given, *_NEW, *_LATER))
            return name
        shared["Tags"] = [*shared["Tags"], {"Key": _UNFINISHED, "Value": "yes"}]
        cloud.rds.restore_db_instance_from_db_snapshot(
            DBSnapshotIdentifier=given["DBSnapshotIdentifier"], **shared
        )
        return name

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        told = cloud.rds.describe_db_instances()["DBInstances"]
        return [each["DBInstanceIdentifier"] for each in told if is_ours(each["TagList"], wanted)]

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        told = instance(cloud, physical_id)
        state = told["DBInstanceStatus"] if told else "gone"
        if told is None or state in _FAILED:
            raise ResourceFailed(f"DB instance {physical_id} did not become available: {state}")
        if state != "available":
            return False
        if not any(each["Key"] == _UNFINISHED for each in told["TagList"]):
            return True
        later = only(properties, *_LATER)
        if later:
            cloud.rds.modify_db_instance(
                DBInstanceIdentifier=physical_id, ApplyImmediately=True, **later
            )
        cloud.rds.remove_tags_from_resource(
            ResourceName=told["DBInstanceArn"], TagKeys=[_UNFINISHED]
        )
        return False

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        told = instance(cloud, physical_id) or {}
        found = {
            "DBInstanceArn": told["DBInstanceArn"],
            "DBInstanceStatus": told["DBInstanceStatus"],
            "DbiResourceId": told["DbiResourceId"],
            "InstanceCreateTime": told["InstanceCreateTime"].isoformat(),
        }
        for key, value in told.get("Endpoint", {}).items():
            found[f"Endpoint.{key}"] = str(value)
        if told.get("MasterUserSecret"):
            found["MasterUserSecret.SecretArn"] = told["MasterUserSecret"]["SecretArn"]
        return found

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The password is not told, and with it nothing that only says how it came to be."""
        told = instance(cloud, physical_id)
        if told is None:
            return None
        key, written = told.get("PerformanceInsightsKMSKeyId"), properties.get(_WATCHED_BY)
        if key and written and _arn_of(cloud, written) == key:
            key = written
        return {**_as_template(told, properties), _WATCHED_BY: key}

    def must_replace(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        replacing = ["AvailabilityZone", "DBSnapshotIdentifier", "Engine"]
        if _WATCHED_BY in before and _WATCHED_BY in after:
            replacing.append(_WATCHED_BY)
        return changed(before, after, *replacing)

    def refusal(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        if int(after.get("AllocatedStorage") or 0) < int(before.get("AllocatedStorage") or 0):
            return "The storage of a DB instance cannot be made smaller"
        return None

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        fresh = {name: new[name] for name in _CHANGED if name in new and changed(old, new, name)}
        fresh |= {
            name: value for name, value in _LEFT_OUT.items() if old.get(name) and name not in new
        }
        if "DBParameterGroupName" in old and "DBParameterGroupName" not in new:
            family = f"postgres{str(_version(cloud, physical_id)).partition('.')[0]}"
            fresh["DBParameterGroupName"] = f"default.{family}"
        exports = fresh.pop("EnableCloudwatchLogsExports", None)
        if fresh:
            if "Port" in fresh:
                fresh["DBPortNumber"] = int(fresh.pop("Port"))
            cloud.rds.modify_db_instance(
                DBInstanceIdentifier=physical_id,
                ApplyImmediately=bool(new.get("ApplyImmediately", True)),
                **{key: fresh[key] for key in fresh if key in _ALIKE or key == "DBPortNumber"},
                **_renamed(fresh),
            )
        if exports is not None:
            gone = [each for each in old.get("EnableCloudwatchLogsExports", [])
                    if each not in exports]  # fmt: skip
            new_ones = [each for each in exports
                        if each not in old.get("EnableCloudwatchLogsExports", [])]  # fmt: skip
            cloud.rds.modify_db_instance(
                DBInstanceIdentifier=physical_id,
                CloudwatchLogsExportConfiguration={
                    "EnableLogTypes": new_ones, "DisableLogTypes": gone,
                },
            )  # fmt: skip
        told = self._available(cloud, physical_id, new)
        waits = [
            each for each in told["DBParameterGroups"]
            if each["ParameterApplyStatus"] == "pending-reboot"
        ]  # fmt: skip
        if waits and changed(old, new, "DBParameterGroupName"):
            cloud.rds.reboot_db_instance(DBInstanceIdentifier=physical_id)
            told = self._available(cloud, physical_id, new)
        retag(cloud, told["DBInstanceArn"], before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        told = instance(cloud, physical_id)
        if told is None or told["DBInstanceStatus"] == "deleting":
            return
        unless_absent(
            lambda: cloud.rds.delete_db_instance(
                DBInstanceIdentifier=physical_id, SkipFinalSnapshot=True,
                **only(properties, "DeleteAutomatedBackups"),
            ),
            "DBInstanceNotFound",
        )  # fmt: skip

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return instance(cloud, physical_id) is None

    def snapshot(self, cloud: Cloud, physical_id: str, shape: Shape) -> str:
        told = instance(cloud, physical_id) or {}
        if told.get("DeletionProtection"):
            # The final snapshot is a part of the deletion, which is refused as a whole.
            cloud.rds.delete_db_instance(DBInstanceIdentifier=physical_id, SkipFinalSnapshot=True)
        made = f"{physical_id}-snapshot-{secrets.token_hex(6)}"
        cloud.rds.create_db_snapshot(
            DBSnapshotIdentifier=made, DBInstanceIdentifier=physical_id, Tags=shape.tag_list()
        )

        def complete() -> bool:
            found = cloud.rds.describe_db_snapshots(DBSnapshotIdentifier=made)["DBSnapshots"][0]
            if found["Status"] == "failed":
                raise ResourceFailed(f"Snapshot {made} of {physical_id} failed")
            return bool(found["Status"] == "available")

        cloud.until(complete, f"snapshot {made} of {physical_id}", self.seconds)
        return made

    def _available(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any]:
        cloud.until(
            lambda: self.settled(cloud, physical_id, properties),
            f"{physical_id} to be modified",
            self.seconds,
        )
        return instance(cloud, physical_id) or {}


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the API has under other names, or of another kind."""
    result: dict[str, Any] = {}
    if "AllocatedStorage" in given:
        result["AllocatedStorage"] = int(given["AllocatedStorage"])
    if "VPCSecurityGroups" in given:
        result["VpcSecurityGroupIds"] = given["VPCSecurityGroups"]
    if given.get("MasterUserSecret", {}).get("KmsKeyId"):
        result["MasterUserSecretKmsKeyId"] = given["MasterUserSecret"]["KmsKeyId"]
    return result


def _arn_of(cloud: Cloud, key: str) -> str | None:
    """Of a key by any of its names; None when it is gone."""
    found = unless_absent(lambda: cloud.kms.describe_key(KeyId=key), "NotFoundException")
    return str(found["KeyMetadata"]["Arn"]) if found else None


def _version(cloud: Cloud, physical_id: str) -> str:
    return str((instance(cloud, physical_id) or {}).get("EngineVersion"))


def _as_template(told: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """What DescribeDBInstances tells, in the words of a template."""
    version, written = str(told["EngineVersion"]), str(properties.get("EngineVersion", ""))
    window = str(properties.get("PreferredMaintenanceWindow", ""))
    kept = told["PreferredMaintenanceWindow"]
    return {
        **only(
            told, "AutoMinorVersionUpgrade", "AvailabilityZone", "BackupRetentionPeriod",
            "CACertificateIdentifier", "CopyTagsToSnapshot", "DBInstanceClass",
            "DBInstanceIdentifier", "DBName", "DatabaseInsightsMode", "DeletionProtection",
            "Engine", "Iops", "LicenseModel", "MasterUsername", "MaxAllocatedStorage",
            "MonitoringInterval", "MonitoringRoleArn", "MultiAZ", "NetworkType",
            "PerformanceInsightsRetentionPeriod", "PreferredBackupWindow", "PubliclyAccessible",
            "StorageEncrypted", "StorageThroughput", "StorageType",
        ),
        "AllocatedStorage": str(told["AllocatedStorage"]),
        "DBParameterGroupName": told["DBParameterGroups"][0]["DBParameterGroupName"],
        "DBSubnetGroupName": told.get("DBSubnetGroup", {}).get("DBSubnetGroupName"),
        "EnableCloudwatchLogsExports": told.get("EnabledCloudwatchLogsExports", []),
        "EnablePerformanceInsights": told.get("PerformanceInsightsEnabled", False),
        # A template may give the beginning of it.
        "EngineVersion": written if f"{version}.".startswith(f"{written}.") else version,
        "ManageMasterUserPassword": bool(told.get("MasterUserSecret")),
        "Port": str(told.get("Endpoint", {}).get("Port", told.get("DbInstancePort"))),
        # RDS keeps it in small letters.
        "PreferredMaintenanceWindow": window if kept == window.lower() else kept,
        "Tags": told["TagList"],
        "VPCSecurityGroups": [each["VpcSecurityGroupId"] for each in told["VpcSecurityGroups"]],
    }  # fmt: skip


HANDLER = DBInstance()
