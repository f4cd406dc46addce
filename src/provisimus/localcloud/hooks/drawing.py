"""From moto's records to the picture of a VPC, and to the names that its name server knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from provisimus.localcloud.hooks.zones import find_record
from provisimus.localcloud.network import open_ports
from provisimus.localcloud.networks.picture import (
    Acl,
    AclRule,
    Group,
    Member,
    Picture,
    Route,
    Rule,
    Subnet,
    Target,
)
from provisimus.localcloud.networks.resolver import Known
from provisimus.localcloud.networks.ways import ANYWHERE


class Drawing:
    """Reads moto without its lock: whoever draws may hold others."""

    def __init__(self, account: str) -> None:
        self._account = account

    def picture(self, vpc: str, interfaces: frozenset[str]) -> Picture | None:
        """The VPC with those of its interfaces that are in use; None when it is gone."""
        backend = next((each for each in self._backends() if vpc in each.vpcs), None)
        if backend is None:
            return None
        record = backend.vpcs[vpc]
        subnets = [
            subnet
            for zone in list(backend.subnets.values())
            for subnet in list(zone.values())
            if subnet.vpc_id == vpc
        ]
        drawn = {each.id: _subnet(backend, each) for each in sorted(subnets, key=lambda s: s.id)}
        nics = [nic for nic in list(backend.enis.values()) if nic.id in interfaces]
        groups = list(backend.groups.get(vpc, {}).values())
        return Picture(
            vpc=vpc,
            blocks=tuple(each["cidr_block"] for each in record.cidr_block_association_set),
            subnets=tuple(drawn.values()),
            groups=tuple(
                Group(g.id, tuple(rules(g.ingress_rules)), tuple(rules(g.egress_rules)))
                for g in sorted(groups, key=lambda group: group.id)
            ),
            members=tuple(
                _member(nic, drawn[nic.subnet.id])
                for nic in sorted(nics, key=lambda each: each.id)
                if nic.subnet.id in drawn
            ),
            resolver=str(record.enable_dns_support).lower() != "false",
            endpoint_groups=tuple(
                frozenset(each.security_group_ids)
                for each in list(backend.vpc_end_points.values())
                if each.vpc_id == vpc
                and each.vpc_endpoint_type == "Interface"
                and each.state != "deleted"
            ),
        )

    def vpc_of(self, interface: str) -> str | None:
        """The VPC that an interface lies in; None when it is gone."""
        found = next((b.enis[interface] for b in self._backends() if interface in b.enis), None)
        return str(found.subnet.vpc_id) if found is not None else None

    def find(self, vpc: str, name: str, kind: str) -> Known | None:
        """What EC2's own names and the zones of this cloud say; None for a name of others."""
        label, _, domain = name.partition(".")
        if domain == "ec2.internal" or domain.endswith(".compute.internal"):
            address = label.removeprefix("ip-").replace("-", ".")
            known = any(
                nic.private_ip_address == address
                for backend in self._backends()
                for nic in list(backend.enis.values())
                if nic.subnet.vpc_id == vpc
            )
            return Known((address,) if known and kind == "A" else ())
        return find_record(self._account, vpc, name, kind)

    def _backends(self) -> list[Any]:
        from moto.ec2.models import ec2_backends

        return list(ec2_backends[self._account].values())


def rules(records: Iterable[Any]) -> Iterator[Rule]:
    """A security group's rules. Those for IPv6 and prefix lists have no peer."""
    for record in list(records):
        protocol = record.ip_protocol or "-1"
        peers = (record.ip_range.get("CidrIp"), record.source_group.get("GroupId"))
        span = None
        if record.from_port is not None and record.to_port is not None:
            span = record.from_port, record.to_port
        yield Rule(
            protocol,
            tuple(peer for peer in peers if peer),
            span if protocol in ("tcp", "udp") and span != (-1, -1) else None,
            span if protocol == "icmp" else None,
        )


def _member(nic: Any, subnet: Subnet) -> Member:
    public = nic.public_ip
    open_to_us: tuple[int, ...] = ()
    if public and any(r.block == ANYWHERE and r.target == "internet" for r in subnet.routes):
        opened = [rule for group in nic.group_set for rule in rules(group.ingress_rules)]
        open_to_us = open_ports(opened).ports
    return Member(
        interface=nic.id,
        address=nic.private_ip_address,
        subnet=nic.subnet.id,
        groups=tuple(sorted(group.id for group in nic.group_set)),
        public=public,
        ports=open_to_us,
        checked=str(nic.source_dest_check).lower() != "false",
    )


def _subnet(backend: Any, subnet: Any) -> Subnet:
    tables = [each for each in list(backend.route_tables.values()) if each.vpc_id == subnet.vpc_id]
    own = [each for each in tables if subnet.id in each._associations.values()]
    main = [each for each in tables if each.main_association_id]
    routes = [
        Route(route.destination_cidr_block, _target(backend, route))
        for table in (own or main)[:1]
        for route in table.routes
        if route.destination_cidr_block
    ]
    acl = next(
        (
            each
            for each in list(backend.network_acls.values())
            if any(a.subnet_id == subnet.id for a in list(each._associations.values()))
        ),
        None,
    )
    return Subnet(subnet.id, subnet.cidr_block, tuple(routes), _acl(acl) if acl else None)


def _target(backend: Any, route: Any) -> Target:
    if route.local:
        return "local"
    if route.nat_gateway is not None:
        gateway = backend.nat_gateways.get(route.nat_gateway.id)
        return "nat" if gateway is not None and gateway.state == "available" else "nowhere"
    if route.gateway is not None and str(route.gateway.id).startswith("igw-"):
        attached = backend.internet_gateways.get(route.gateway.id)
        return "internet" if attached is not None and attached.vpc is not None else "nowhere"
    return "nowhere"


def _acl(acl: Any) -> Acl | None:
    sides = []
    for egress in (False, True):
        entries = sorted(
            (e for e in list(acl.network_acl_entries) if bool(e.egress) == egress),
            key=lambda entry: int(entry.rule_number),
        )
        sides.append(tuple(_entry(each) for each in entries if each.cidr_block))
    everything = AclRule(allow=True, protocol="-1", block=ANYWHERE)
    if all(side and side[0] == everything for side in sides):
        return None
    return Acl(*sides)


def _entry(entry: Any) -> AclRule:
    span = None
    if entry.port_range_from is not None and entry.port_range_to is not None:
        span = int(entry.port_range_from), int(entry.port_range_to)
    icmp = None
    if entry.icmp_type is not None:
        icmp = int(entry.icmp_type), int(entry.icmp_code if entry.icmp_code is not None else -1)
    return AclRule(entry.rule_action == "allow", str(entry.protocol), entry.cidr_block, span, icmp)
