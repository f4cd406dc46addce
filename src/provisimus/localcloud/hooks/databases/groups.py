"""DB subnet groups: subnets of one VPC in two zones at least.

Sources: API reference, CreateDBSubnetGroup, ModifyDBSubnetGroup, DeleteDBSubnetGroup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moto.rds.exceptions import DBSubnetGroupNotFoundError, RDSClientError
from moto.rds.models import RDSBackend

from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.hooks.databases import rules

_moto_create = RDSBackend.create_subnet_group
_moto_delete = RDSBackend.delete_subnet_group


def install(cloud: Cloud) -> None:
    """Replace moto's methods."""

    def create(backend: Any, name: str, description: str, subnets: Any, tags: Any) -> Any:
        with cloud.changes:
            if name in backend.subnet_groups:
                raise RDSClientError(
                    "DBSubnetGroupAlreadyExists",
                    f"DB Subnet Group {name} already exists.",
                )
            _refuse(name, subnets)
            return _moto_create(backend, name, description, subnets, tags)

    def modify(backend: Any, name: str, description: str | None, subnets: Any) -> Any:
        with cloud.changes:
            group = backend.subnet_groups.get(name)
            if group is None:
                raise DBSubnetGroupNotFoundError(name)
            _refuse(name, subnets, group.vpc_id)
            gone = {each.id for each in group._subnets} - {each.id for each in subnets}
            for database in _users(backend, group):
                if database.local.subnet in gone:
                    raise RDSClientError(
                        "SubnetAlreadyInUse",
                        f"The subnet {database.local.subnet} is used by "
                        f"{database.db_instance_identifier}",
                    )
            group._subnets = list(subnets)
            if description is not None:
                group.description = description
            return group

    def delete(backend: Any, name: str) -> Any:
        with cloud.changes:
            group = backend.subnet_groups.get(name)
            users = _users(backend, group) if group is not None else []
            if users:
                raise RDSClientError(
                    "InvalidDBSubnetGroupStateFault",
                    f"Cannot delete the subnet group '{name}' because at least one database "
                    f"instance: {users[0].db_instance_identifier} is still using it.",
                )
            return _moto_delete(backend, name)

    replace(RDSBackend, "create_subnet_group", create)
    replace(RDSBackend, "modify_db_subnet_group", modify)
    replace(RDSBackend, "delete_subnet_group", delete)


def wrong_subnets(name: str, subnets: Sequence[tuple[str, str]], vpc: str | None = None
                  ) -> rules.Refusal:  # fmt: skip
    """Whether a group may be of these, each a (VPC, zone)."""
    if name.lower() == "default":
        return rules.INVALID, "DBSubnetGroupName default is reserved"
    if len({each for each, _ in subnets} | ({vpc} if vpc else set())) > 1:
        return "InvalidSubnet", "The specified subnets are not all in the same VPC"
    zones = {zone for _, zone in subnets}
    if len(zones) < 2:
        return (
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            (
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
                f"Current AZ coverage: {', '.join(sorted(zones)) or 'none'}. Add subnets to cover "
                "at least 2 AZs."
            ),
        )
    return None


def _refuse(name: str, subnets: Any, vpc: str | None = None) -> None:
    told = [(each.vpc_id, each.availability_zone) for each in subnets]
    wrong = wrong_subnets(name, told, vpc)
    if wrong:
        raise RDSClientError(*wrong)


def _users(backend: Any, group: Any) -> list[Any]:
    return [
        each
        for each in backend.databases.values()
        if getattr(getattr(each, "db_subnet_group", None), "name", None) == group.name
    ]
