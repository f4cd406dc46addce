"""Who may leave a VPC, and by which way. Pure.

Sources: VPC User Guide, "Route table concepts" (the longest prefix wins), "Enable internet access
for a VPC using an internet gateway" (only with a public address), "NAT gateways", "Access an AWS
service using an interface VPC endpoint".
"""

from __future__ import annotations

import ipaddress

from provisimus.localcloud.networks.picture import Member, Picture, Route, Rule, Subnet

ANYWHERE = "0.0.0.0/0"
_HTTPS = 443


def sorted_routes(subnet: Subnet) -> tuple[Route, ...]:
    """The routes that lead out of the VPC, the longest prefix first."""
    out = [route for route in subnet.routes if route.target != "local"]
    return tuple(
        sorted(out, key=lambda route: (-ipaddress.ip_network(route.block).prefixlen, route.block))
    )


def leads_out(subnet: Subnet, member: Member) -> bool:
    """Whether the member's default route leads to the internet."""
    for route in subnet.routes:
        if route.block == ANYWHERE:
            return route.target == "nat" or (route.target == "internet" and bool(member.public))
    return False


def reaches_services(picture: Picture, member: Member) -> bool:
    """Whether the member reaches AWS's API, which here is this local cloud's.

    As on AWS that needs a way out or an interface endpoint, and a rule that lets HTTPS leave. At
    an endpoint the rule may name the endpoint's own groups.
    """
    subnet = next((each for each in picture.subnets if each.identifier == member.subnet), None)
    if subnet is None:
        return False
    groups = {group.identifier: group for group in picture.groups}
    rules = [
        rule for name in member.groups if name in groups
        for rule in groups[name].egress if _lets_https(rule)
    ]  # fmt: skip
    peers = {peer for rule in rules for peer in rule.peers}
    if leads_out(subnet, member) and ANYWHERE in peers:
        return True
    inside = {ANYWHERE, *picture.blocks, *(each.block for each in picture.subnets)}
    return any(peers & inside or peers & groups for groups in picture.endpoint_groups)


def _lets_https(rule: Rule) -> bool:
    if rule.protocol == "-1":
        return True
    return rule.protocol == "tcp" and (
        rule.ports is None or rule.ports[0] <= _HTTPS <= rule.ports[1]
    )
