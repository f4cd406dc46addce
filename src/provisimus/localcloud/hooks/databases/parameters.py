"""DB parameter groups: what the server takes, and nothing else; applied when they say so.

Sources: "Parameter groups for Amazon RDS" in the RDS User Guide; API reference,
ModifyDBParameterGroup, ResetDBParameterGroup, DescribeDBParameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import DBParameterGroupNotFoundError, RDSClientError
from moto.rds.models import RDSBackend
from moto.rds.responses import RDSResponse

from provisimus.localcloud.databases.installed import Installed, chosen, servers
from provisimus.localcloud.databases.settings import FORCE_SSL, catalogue, refusal
from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.hooks.databases import life, rules
from provisimus.localcloud.hooks.databases.record import applied_now, wanted_parameters

_moto_create = RDSBackend.create_db_parameter_group
_moto_delete = RDSBackend.delete_db_parameter_group
_moto_describe_groups = RDSResponse.describe_db_parameter_groups


def install(cloud: Cloud) -> None:
    """Replace moto's methods, and add what it has not."""

    def create(backend: Any, wanted: Any) -> Any:
        with cloud.changes:
            _server_of(str(wanted.get("db_parameter_group_family")))
            if str(wanted.get("db_parameter_group_name")).startswith("default"):
                raise RDSClientError(rules.INVALID, "Names that begin with default are reserved")
            return _moto_create(backend, wanted)

    def modify(backend: Any, name: str, given: Iterable[dict[str, Any]]) -> Any:
        parameters = list(given)
        with cloud.changes:
            group = _found(backend, name)
            server = _server_of(group.family)
        for each in parameters:
            _check(cloud, server, each)
        with cloud.changes:
            for each in parameters:
                group.parameters[str(each["ParameterName"]).lower()].update(
                    {**each, "ParameterName": str(each["ParameterName"]).lower()}
                )
            at_once = {
                str(each["ParameterName"]).lower() for each in parameters
                if each.get("ApplyMethod", "immediate") == "immediate"
            }  # fmt: skip
            _apply(cloud, backend, group, frozenset(at_once))
            return group

    def reset(response: Any) -> ActionResult:
        backend, name = response.backend, response.params.get("DBParameterGroupName")
        with cloud.changes:
            group = _found(backend, name)
            given = [dict(each.original_dict()) for each in response.params.get("Parameters", [])]
            if response.params.get("ResetAllParameters") in (True, "true"):
                given = [
                    {"ParameterName": each, "ApplyMethod": _method(group, each)}
                    for each in list(group.parameters)
                ]
            names = {str(each["ParameterName"]).lower(): each for each in given}
            for each in names:
                group.parameters.pop(each, None)
            at_once = {
                each for each, asked in names.items() if asked.get("ApplyMethod") == "immediate"
            }
            _apply(cloud, backend, group, frozenset(at_once))
        return ActionResult({"DBParameterGroupName": group.name})

    def delete(backend: Any, name: str) -> Any:
        with cloud.changes:
            group = _found(backend, name)
            users = _users(backend, group)
            if users or name.startswith("default"):
                who = users[0].db_instance_identifier if users else ""
                raise RDSClientError(
                    "InvalidDBParameterGroupState",
                    f"One or more database instances are still members of this parameter group "
                    f"{name}: {who}, so the group cannot be deleted"
                    if users
                    else f"The parameter group {name} is a default one, it cannot be deleted",
                )
            return _moto_delete(backend, name)

    def describe(response: Any) -> Any:
        group = _found(response.backend, response.params.get("DBParameterGroupName"))
        told = _told(_server_of(group.family), group.parameters)
        source = response.params.get("Source")
        return ActionResult(
            {"Parameters": [each for each in told if source in (None, each["Source"])]}
        )

    def describe_groups(response: Any) -> Any:
        name = response.params.get("DBParameterGroupName")
        if name and name not in response.backend.db_parameter_groups:
            raise DBParameterGroupNotFoundError(name)
        return _moto_describe_groups(response)

    replace(RDSBackend, "create_db_parameter_group", create)
    replace(RDSResponse, "describe_db_parameter_groups", describe_groups)
    replace(RDSBackend, "modify_db_parameter_group", modify)
    replace(RDSBackend, "delete_db_parameter_group", delete)
    replace(RDSResponse, "describe_db_parameters", describe)
    RDSResponse.reset_db_parameter_group = reset  # type: ignore[attr-defined]


def family(server: Installed) -> str:
    return f"{rules.ENGINE}{server.major}"


def _server_of(name: str) -> Installed:
    found = chosen(servers(), name.removeprefix(rules.ENGINE)) if name else None
    if found is None or name != family(found):
        known = ", ".join(family(each) for each in servers()) or "none"
        raise RDSClientError(
            rules.INVALID,
            f"ParameterGroupFamily {name} is not a valid parameter group family here: there are "
            f"{known}",
        )
    return found


def _check(cloud: Cloud, server: Installed, each: dict[str, Any]) -> None:
    name, value = str(each.get("ParameterName", "")), str(each.get("ParameterValue", ""))
    known = catalogue(server)
    wrong = refusal(known, name, value, str(each.get("ApplyMethod", "immediate")))
    if wrong:
        raise RDSClientError(*wrong)
    if name.lower() == FORCE_SSL:
        return
    said = cloud.servers.takes(server, name, value)
    if said:
        raise RDSClientError(rules.INVALID, f"Invalid parameter value: {value} for: {name}: {said}")


def _apply(cloud: Cloud, backend: Any, group: Any, at_once: frozenset[str]) -> None:
    """Have the instances of a group take what is to be taken at once."""
    wanted = wanted_parameters(group.parameters)
    for database in _users(backend, group):
        before = database.local.applied
        # One that does not run takes all of it when it is started.
        database.local.applied = applied_now(before, wanted, at_once)
        if database.local.applied != before and cloud.servers.is_running(database.local.folder):
            life.begin(cloud, database, life.reload)


def _users(backend: Any, group: Any) -> list[Any]:
    return [
        each
        for each in backend.databases.values()
        if each.db_parameter_groups()[0].name == group.name
    ]


def _found(backend: Any, name: str) -> Any:
    group = backend.db_parameter_groups.get(name)
    if group is None and str(name).startswith(f"default.{rules.ENGINE}"):
        from moto.rds.models import DBParameterGroup

        _server_of(name.removeprefix("default."))
        make: Any = DBParameterGroup
        group = make(backend, name, f"Default parameter group for {name[8:]}", name[8:], [])
        backend.db_parameter_groups[name] = group
    if group is None:
        raise DBParameterGroupNotFoundError(name)
    return group


def _method(group: Any, name: str) -> str:
    setting = catalogue(_server_of(group.family)).get(name)
    return "immediate" if setting is not None and setting.apply == "dynamic" else "pending-reboot"


def _told(server: Installed, own: Any) -> list[dict[str, Any]]:
    """Every parameter that the server knows, as DescribeDBParameters tells it."""
    return [
        {
            "ParameterName": name,
            "Description": setting.description,
            "Source": "user" if name in own else "engine-default",
            "ApplyType": setting.apply,
            "DataType": setting.kind,
            "AllowedValues": setting.allowed or None,
            "IsModifiable": setting.modifiable,
            "ApplyMethod": own[name].get("ApplyMethod") if name in own else "pending-reboot",
            **({"ParameterValue": own[name].get("ParameterValue")} if name in own else {}),
        }
        for name, setting in sorted(catalogue(server).items())
    ]
