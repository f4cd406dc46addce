"""Operations that moto has not or answers wrongly; those that nothing here does are refused.

Sources: API reference, DescribeDBEngineVersions, DescribeOrderableDBInstanceOptions.
"""

from __future__ import annotations

import inspect
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import RDSClientError
from moto.rds.responses import RDSResponse

from provisimus.localcloud.databases.installed import Installed, chosen, servers
from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.hooks.databases import rules
from provisimus.localcloud.hooks.databases.parameters import family

DONE = frozenset(
    {
        "add_tags_to_resource", "copy_db_parameter_group", "copy_db_snapshot",
        "create_db_instance", "create_db_parameter_group", "create_db_snapshot",
        "create_db_subnet_group", "delete_db_instance", "delete_db_parameter_group",
        "delete_db_snapshot", "delete_db_subnet_group", "describe_db_instances",
        "describe_db_parameter_groups", "describe_db_parameters", "describe_db_snapshots",
        "describe_db_subnet_groups", "describe_events", "list_tags_for_resource",
        "modify_db_instance", "modify_db_parameter_group", "modify_db_subnet_group",
        "reboot_db_instance", "remove_tags_from_resource", "reset_db_parameter_group",
        "restore_db_instance_from_db_snapshot", "start_db_instance", "stop_db_instance",
        # of what there is none here: the answer is empty
        "describe_db_clusters", "describe_db_cluster_snapshots", "describe_db_proxies",
        "describe_global_clusters", "describe_option_groups",
    }
)  # fmt: skip


def install(cloud: Cloud) -> None:
    """Add and replace moto's methods."""
    for name, method in vars(RDSResponse).copy().items():
        if inspect.isfunction(method) and not name.startswith("_") and name not in DONE:
            replace(RDSResponse, name, _refusing(name))
    for name in ("describe_db_engine_versions", "describe_orderable_db_instance_options"):
        setattr(RDSResponse, name, vars(Added)[name])


class Added:
    """Methods for moto's response."""

    params: Any

    def describe_db_engine_versions(self) -> Any:
        engine, version = self.params.get("Engine"), self.params.get("EngineVersion")
        wanted = self.params.get("DBParameterGroupFamily")
        known = [
            each for each in servers()
            if engine in (None, "", rules.ENGINE)
            and version in (None, "", each.version, str(each.major))
            and wanted in (None, "", family(each))
        ]  # fmt: skip
        if self.params.get("DefaultOnly"):
            known = known[:1]
        return ActionResult({"DBEngineVersions": [_version(each) for each in known]})

    def describe_orderable_db_instance_options(self) -> Any:
        from moto.ec2.models.instance_types import INSTANCE_TYPES

        version, name = self.params.get("EngineVersion"), self.params.get("DBInstanceClass")
        known = servers() if self.params.get("Engine") == rules.ENGINE else ()
        if version and known:
            one = chosen(known, version)
            known = (one,) if one else ()
        classes = sorted(
            f"db.{each}" for each in INSTANCE_TYPES if each.partition(".")[0] in rules.FAMILIES
        )
        told = [
            _option(server, each, kind)
            for server in known
            for each in classes
            if name in (None, "", each)
            for kind in sorted(rules.STORAGE)
        ]
        return ActionResult({"OrderableDBInstanceOptions": told})


def _version(server: Installed) -> dict[str, Any]:
    return {
        "Engine": rules.ENGINE,
        "MajorEngineVersion": str(server.major),
        "EngineVersion": server.version,
        "DBParameterGroupFamily": family(server),
        "DBEngineDescription": "PostgreSQL",
        "DBEngineVersionDescription": f"PostgreSQL {server.version}, of this computer",
        "ValidUpgradeTarget": [],
        "ExportableLogTypes": [],
        "SupportsLogExportsToCloudwatchLogs": False,
        "SupportsReadReplica": False,
        "SupportedFeatureNames": [],
        "Status": "available",
        "SupportsParallelQuery": False,
        "SupportsGlobalDatabases": False,
    }


def _option(server: Installed, name: str, kind: str) -> dict[str, Any]:
    least, most = rules.STORAGE[kind]
    return {
        "Engine": rules.ENGINE,
        "EngineVersion": server.version,
        "DBInstanceClass": name,
        "LicenseModel": "postgresql-license",
        "MultiAZCapable": False,
        "ReadReplicaCapable": False,
        "Vpc": True,
        "SupportsStorageEncryption": True,
        "StorageType": kind,
        "SupportsIops": kind in ("io1", "io2", "gp3"),
        "SupportsIAMDatabaseAuthentication": False,
        "SupportsPerformanceInsights": False,
        "SupportsEnhancedMonitoring": False,
        "MinStorageSize": least,
        "MaxStorageSize": most,
        "SupportsStorageAutoscaling": False,
        "SupportedNetworkTypes": ["IPV4"],
    }


def _refusing(name: str) -> Any:
    said = "".join(part.capitalize() for part in name.split("_")).replace("Db", "DB")

    def refuse(response: Any) -> ActionResult:
        raise RDSClientError("UnsupportedOperation", f"{said} is not simulated by the local cloud")

    return refuse
