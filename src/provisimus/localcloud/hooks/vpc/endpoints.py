"""VPC endpoints: services of this region, routes that follow their tables, addresses of subnets.

Source: EC2 API reference, CreateVpcEndpoint, ModifyVpcEndpoint, DeleteVpcEndpoints.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.vpcs import VPCBackend

from provisimus.localcloud.hooks.cloud import replace

_moto_create = VPCBackend.create_vpc_endpoint
_moto_modify = VPCBackend.modify_vpc_endpoint
_BY_ROUTE = ("s3", "dynamodb")
"""The services that have gateway endpoints."""


def install() -> None:
    """Replace moto's methods."""
    replace(VPCBackend, "create_vpc_endpoint", _create)
    replace(VPCBackend, "modify_vpc_endpoint", _modify)
    replace(VPCBackend, "delete_vpc_endpoints", _delete)


def _create(
    backend: Any, vpc_id: str, service_name: str, endpoint_type: str | None, *args: Any, **kw: Any
) -> Any:
    vpc = backend.get_vpc(vpc_id)
    kind = endpoint_type or "Gateway"
    ours = f"com.amazonaws.{backend.region_name}."
    if not service_name.startswith(ours):
        raise EC2ClientError(
            "InvalidServiceName", f"The Vpc Endpoint Service '{service_name}' does not exist"
        )
    if kind == "Gateway" and service_name.removeprefix(ours) not in _BY_ROUTE:
        raise EC2ClientError(
            "InvalidParameter",
            "Endpoint type (Gateway) does not match available service types ([Interface]).",
        )
    names = vpc.enable_dns_support and vpc.enable_dns_hostnames
    if kind == "Interface" and kw.get("private_dns_enabled") and not names:
        raise EC2ClientError(
            "InvalidParameter",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
            f"attributes set to true for {vpc_id}",
        )
    _check(backend, vpc_id, kw["route_table_ids"], kw["subnet_ids"], kw["security_group_ids"])
    wanted = kw["subnet_ids"] or []
    made = _moto_create(backend, vpc_id, service_name, kind, *args, **{**kw, "subnet_ids": []})
    _add_subnets(backend, made, wanted)
    if kind == "Interface" and not made.security_group_ids:
        made.security_group_ids = [backend.get_default_security_group(vpc_id).id]
    return made


def _modify(
    backend: Any,
    vpc_id: str,
    policy_doc: str,
    add_subnets: list[str],
    remove_subnets: list[str],
    remove_route_tables: list[str],
    add_route_tables: list[str],
    add_security_groups: list[str],
    remove_security_groups: list[str],
) -> None:
    endpoint = backend.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])[0]
    _check(backend, endpoint.vpc_id, add_route_tables, add_subnets, add_security_groups)
    _moto_modify(
        backend, vpc_id, policy_doc, [], [], remove_route_tables, add_route_tables,
        add_security_groups, remove_security_groups,
    )  # fmt: skip
    _add_subnets(backend, endpoint, add_subnets)
    _remove_subnets(backend, endpoint, remove_subnets)
    for table in add_route_tables or ():
        backend.create_route(
            table, None, gateway_id=vpc_id,
            destination_prefix_list_id=endpoint.destination_prefix_list_id,
        )  # fmt: skip
    for table in remove_route_tables or ():
        backend.delete_route(table, endpoint.destination_prefix_list_id)


def _delete(backend: Any, vpce_ids: list[str] | None = None) -> None:
    for identifier in vpce_ids or ():
        endpoint = backend.vpc_end_points.get(identifier)
        if endpoint is None or endpoint.state == "deleted":
            continue
        _remove_subnets(backend, endpoint, list(endpoint.subnet_ids))
        for table in endpoint.route_table_ids:
            if table in backend.route_tables:
                backend.delete_route(table, endpoint.destination_prefix_list_id)
        endpoint.state = "deleted"


def _add_subnets(backend: Any, endpoint: Any, subnets: list[str]) -> None:
    for subnet in subnets or ():
        if subnet not in endpoint.subnet_ids:
            nic = backend.create_network_interface(backend.get_subnet(subnet), None)
            endpoint.subnet_ids.append(subnet)
            endpoint.network_interface_ids.append(nic.id)


def _remove_subnets(backend: Any, endpoint: Any, subnets: list[str]) -> None:
    for identifier in list(endpoint.network_interface_ids):
        if backend.enis[identifier].subnet.id in (subnets or ()):
            backend.delete_network_interface(identifier)
            endpoint.network_interface_ids.remove(identifier)
    endpoint.subnet_ids = [each for each in endpoint.subnet_ids if each not in (subnets or ())]


def _check(
    backend: Any, vpc_id: str, tables: list[str], subnets: list[str], groups: list[str]
) -> None:
    """Everything that is named must be there, in this network. Raises EC2ClientError."""
    for table in tables or ():
        _refuse_stranger(backend.get_route_table(table), vpc_id)
    for subnet in subnets or ():
        _refuse_stranger(backend.get_subnet(subnet), vpc_id)
    for group in groups or ():
        found = backend.get_security_group_from_id(group)
        if found is None:
            raise EC2ClientError(
                "InvalidSecurityGroupId.NotFound", f"The security group '{group}' does not exist"
            )
        _refuse_stranger(found, vpc_id)


def _refuse_stranger(thing: Any, vpc_id: str) -> None:
    if thing.vpc_id != vpc_id:
        raise EC2ClientError("InvalidParameter", f"{thing.id} does not belong to {vpc_id}")
