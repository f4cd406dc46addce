"""Load balancers as records: where they may be, the interfaces they have, how they are named.

An internet-facing balancer is named by its public address: no name server on this computer knows
names of AWS, and a client outside of the VPC shall reach what the API tells.

Sources: Elastic Load Balancing API reference, CreateLoadBalancer, DeleteLoadBalancer,
SetSecurityGroups, SetSubnets, ModifyLoadBalancerAttributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import elastic_network_interfaces
from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
from moto.elbv2.exceptions import (
    DuplicateLoadBalancerName,
    ELBClientError,
    LoadBalancerNotFoundError,
)
from moto.elbv2.models import AvailabilityZone, ELBv2Backend, FakeLoadBalancer

from provisimus.localcloud.hooks.balancers.refusals import (
    check_attributes,
    denied,
    invalid,
    unknown,
    whole_number,
)
from provisimus.localcloud.hooks.cloud import replace, replace_property

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
HONOURED = {
    "deletion_protection.enabled": ("true", "false"),
    "idle_timeout.timeout_seconds": (),
    "routing.http.drop_invalid_header_fields.enabled": ("true", "false"),
    "routing.http2.enabled": ("true", "false"),
    "routing.http.xff_header_processing.mode": ("append", "preserve", "remove"),
}
DEFAULTS = {
    "access_logs.s3.bucket": "",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "health_check_logs.s3.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "true",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
"""What attributes are unless they are set. HAProxy passes a Host header on as it came."""

_moto_create = ELBv2Backend.create_load_balancer
_moto_delete = ELBv2Backend.delete_load_balancer
_moto_groups = ELBv2Backend.set_security_groups
_moto_subnets = ELBv2Backend.set_subnets
_moto_attributes = ELBv2Backend.modify_load_balancer_attributes
_moto_address_type = ELBv2Backend.set_ip_address_type


def install() -> None:
    """Replace moto's methods."""
    replace(ELBv2Backend, "create_load_balancer", _create)
    replace(ELBv2Backend, "delete_load_balancer", _delete)
    replace(ELBv2Backend, "set_security_groups", _set_security_groups)
    replace(ELBv2Backend, "set_subnets", _set_subnets)
    replace(ELBv2Backend, "set_ip_address_type", _set_ip_address_type)
    replace(ELBv2Backend, "modify_load_balancer_attributes", _modify_attributes)
    replace_property(FakeLoadBalancer, "availability_zones", _zones)
    _keep_interfaces()


def full_name(balancer: Any) -> str:
    """The end of its ARN: `app/NAME/ID`."""
    return str(balancer.arn.partition(":loadbalancer/")[2])


def interfaces(balancer: Any, ec2: Any) -> list[Any]:
    """Its network interfaces, in the order of its subnets."""
    kept: dict[str, str] = getattr(balancer, "interface_ids", {})
    return [ec2.enis[kept[s.id]] for s in balancer.subnets if kept.get(s.id) in ec2.enis]


def setting(balancer: Any, name: str) -> str:
    """An attribute as it is, set or not."""
    return str(balancer.attrs.get(name, DEFAULTS[name]))


def _create(
    backend: Any,
    name: str,
    security_groups: list[str],
    subnet_ids: list[str],
    subnet_mappings: list[dict[str, str]] | None = None,
    scheme: str | None = None,
    loadbalancer_type: str | None = None,
    ip_address_type: str = "ipv4",
    tags: Any = None,
) -> Any:
    kind = loadbalancer_type or "application"
    if kind != "application":
        raise unknown(f"A load balancer of type {kind}")
    if ip_address_type != "ipv4":
        raise unknown(f"IpAddressType {ip_address_type}")
    if not _NAME.fullmatch(name) or name.startswith("internal-"):
        raise invalid(
            f"The load balancer name '{name}' must have at most 32 letters, digits and hyphens, "
            "begin and end with none, and not begin with 'internal-'"
        )
    if any(each.name == name for each in backend.load_balancers.values()):
        raise DuplicateLoadBalancerName
    wanted = _subnets_of(subnet_ids, subnet_mappings)
    subnets = _places(backend, wanted)
    scheme = scheme or "internet-facing"
    vpc = subnets[0].vpc_id
    if scheme == "internet-facing" and not _has_gateway(backend.ec2_backend, vpc):
        raise ELBClientError("InvalidSubnet", f"VPC {vpc} has no internet gateway")
    groups = security_groups or [backend.ec2_backend.get_default_security_group(vpc).id]
    _check_groups(backend.ec2_backend, groups, vpc)
    made: Any = _moto_create(
        backend, name, groups, wanted, None, scheme, kind, ip_address_type, tags or []
    )
    made.attrs = {**DEFAULTS, **made.attrs, "load_balancing.cross_zone.enabled": "true"}
    made.interface_ids = {}
    for subnet in subnets:
        _add_interface(backend.ec2_backend, made, subnet)
    made.dns_name = _dns_name(backend, made)
    return made


def _dns_name(backend: Any, balancer: Any) -> str:
    if balancer.scheme == "internet-facing":
        return str(interfaces(balancer, backend.ec2_backend)[0].public_ip)
    number = int(balancer.arn.rpartition("/")[2], 16) % 10**10
    return f"internal-{balancer.name}-{number}.{backend.region_name}.elb.amazonaws.com"


def _delete(backend: Any, arn: str) -> None:
    balancer = backend.load_balancers.get(arn)
    if balancer is None:
        return  # "DeleteLoadBalancer also succeeds if the balancer does not exist"
    refuse_protected(balancer)
    _moto_delete(backend, arn)
    for subnet in list(balancer.interface_ids):
        remove_interface(backend.ec2_backend, balancer, subnet)
    for group in backend.target_groups.values():
        group.load_balancer_arns = [each for each in group.load_balancer_arns if each != arn]


def refuse_protected(balancer: Any) -> None:
    """Raises ELBClientError where deletion protection is on."""
    if setting(balancer, "deletion_protection.enabled") == "true":
        raise denied(
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is "
            "enabled"
        )


def _set_security_groups(backend: Any, arn: str, sec_groups: list[str]) -> None:
    balancer = _known(backend, arn)
    _check_groups(backend.ec2_backend, sec_groups, balancer.vpc_id)
    _moto_groups(backend, arn, sec_groups)
    for nic in interfaces(balancer, backend.ec2_backend):
        nic._group_set = [backend.ec2_backend.get_security_group_from_id(g) for g in sec_groups]


def _set_subnets(
    backend: Any, arn: str, subnets: list[str], subnet_mappings: list[dict[str, Any]]
) -> Any:
    balancer = _known(backend, arn)
    wanted = _subnets_of(subnets, subnet_mappings)
    places = _places(backend, wanted)
    if places[0].vpc_id != balancer.vpc_id:
        raise ELBClientError("InvalidSubnet", f"{wanted[0]} is not in VPC {balancer.vpc_id}")
    _moto_subnets(backend, arn, wanted, [])
    for subnet in places:
        if subnet.id not in balancer.interface_ids:
            _add_interface(backend.ec2_backend, balancer, subnet)
    for gone in [each for each in balancer.interface_ids if each not in wanted]:
        remove_interface(backend.ec2_backend, balancer, gone)
    balancer.dns_name = _dns_name(backend, balancer)
    return balancer.availability_zones


def _set_ip_address_type(backend: Any, arn: str, ip_type: str) -> None:
    if ip_type == "dualstack":
        raise unknown(f"IpAddressType {ip_type}")
    _moto_address_type(backend, arn, ip_type)


def _modify_attributes(backend: Any, arn: str, attrs: dict[str, str]) -> Any:
    _known(backend, arn)
    check_attributes(attrs, HONOURED, DEFAULTS)
    if "idle_timeout.timeout_seconds" in attrs:
        name = "idle_timeout.timeout_seconds"
        whole_number(name, attrs[name], 1, 4000)
    return _moto_attributes(backend, arn, attrs)


def _zones(balancer: Any) -> list[Any]:
    """With the addresses in each zone, which AWS tells of network load balancers alone."""
    from moto.ec2.models import ec2_backends

    _, _, _, region, account, _ = balancer.arn.split(":", 5)
    ec2 = ec2_backends[account][region]
    kept = getattr(balancer, "interface_ids", {})
    told = []
    for subnet in balancer.subnets:
        zone: Any = AvailabilityZone(subnet)
        nic = ec2.enis.get(kept.get(subnet.id, ""))
        if nic is not None:
            address = {"PrivateIPv4Address": nic.private_ip_address}
            zone.load_balancer_addresses = [
                {**address, **({"IpAddress": nic.public_ip} if nic.public_ip else {})}
            ]
        told.append(zone)
    return told


def _add_interface(ec2: Any, balancer: Any, subnet: Any) -> None:
    nic = ec2.create_network_interface(
        subnet, None, group_ids=balancer.security_groups, description=f"ELB {full_name(balancer)}"
    )
    nic.requester_managed, nic.requester_id, nic.status = True, "amazon-elb", "in-use"
    if balancer.scheme == "internet-facing":
        nic.public_ip = getattr(elastic_network_interfaces, "random_public_ip")()  # noqa: B009
    balancer.interface_ids[subnet.id] = nic.id


def remove_interface(ec2: Any, balancer: Any, subnet: str) -> None:
    """Take a balancer's interface in a subnet away."""
    nic = ec2.enis.get(balancer.interface_ids.pop(subnet))
    if nic is not None:
        nic.requester_managed, nic.public_ip = False, None
        ec2.delete_network_interface(nic.id)


def _keep_interfaces() -> None:
    """Nobody but the service takes its interfaces away."""
    under = NetworkInterfaceBackend.delete_network_interface

    def delete(backend: Any, eni_id: str) -> None:
        if backend.get_network_interface(eni_id).requester_managed:
            raise EC2ClientError(
                "InvalidParameterValue", f"Network interface '{eni_id}' is currently in use."
            )
        under(backend, eni_id)

    replace(NetworkInterfaceBackend, "delete_network_interface", delete)


def _known(backend: Any, arn: str) -> Any:
    balancer = backend.load_balancers.get(arn)
    if balancer is None:
        raise LoadBalancerNotFoundError
    return balancer


def _subnets_of(subnets: list[str], mappings: Iterable[dict[str, str]] | None) -> list[str]:
    for mapping in mappings or ():
        if set(mapping) - {"SubnetId"}:
            raise unknown("An address of one's own in a SubnetMapping")
    return [*subnets, *(each["SubnetId"] for each in mappings or ())]


def _places(backend: Any, wanted: list[str]) -> list[Any]:
    """The subnets: two zones or more, one in each, all of one VPC. Raises ELBClientError."""
    found = []
    for identifier in wanted:
        try:
            found.append(backend.ec2_backend.get_subnet(identifier))
        except EC2ClientError:
            raise ELBClientError(
                "SubnetNotFound", f"The subnet ID '{identifier}' does not exist"
            ) from None
    zones = {each.availability_zone for each in found}
    if len(zones) < 2:
        raise invalid("At least two subnets in two different Availability Zones must be specified")
    if len(zones) < len(found):
        raise ELBClientError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if len({each.vpc_id for each in found}) > 1:
        raise ELBClientError("InvalidSubnet", "All subnets must belong to the same VPC")
    return found


def _check_groups(ec2: Any, groups: list[str], vpc: str) -> None:
    for group in groups:
        found = ec2.get_security_group_from_id(group)
        if found is None or found.vpc_id != vpc:
            raise ELBClientError(
                "InvalidSecurityGroup", f"The security group '{group}' does not exist in {vpc}"
            )


def _has_gateway(ec2: Any, vpc: str) -> bool:
    return any(each.vpc and each.vpc.id == vpc for each in ec2.internet_gateways.values())
