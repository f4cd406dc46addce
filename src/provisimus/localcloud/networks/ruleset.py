"""A VPC's picture as rules for nftables: one table, replaced whole and at once. Pure.

A packet is judged like on AWS, by base chains one after the other; accepting in one only leads to
the next. ``acl`` asks the network ACLs of the subnets whose border is crossed, without memory;
``leaving`` the groups of who sends; ``arriving`` the groups of who receives, or the way out. The
same three are hooked where packets pass from machine to machine (forward), to a service that runs
here (input) and from one (output). Connections that were let in once go on (groups have a memory).

Sources: VPC User Guide, "Security group rules", "Network ACL rules" and "Infrastructure security",
nft(8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provisimus.localcloud.networks.picture import AclRule, Member, Picture, Rule
from provisimus.localcloud.networks.ways import reaches_services, sorted_routes

OUTSIDE = "198.18.0.1"
"""What stands in a namespace for every client at a public address (RFC 2544 keeps its block free
for tests)."""
WAY_OUT = "out"
"""The device of slirp4netns."""
_HOOKS = ("forward", "input", "output")
_KNOWN = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


@dataclass(frozen=True)
class Inner:
    """What this computer itself is in the VPC: addresses that no member has."""

    resolver: str
    gateways: tuple[str, ...]
    """At which machines reach the ports of this computer that are open to them."""
    ports: tuple[int, ...]


def ruleset(picture: Picture, inner: Inner, taps: dict[str, str]) -> str:
    """The table as text for ``nft -f``. ``taps`` are devices by their member's interface."""
    guests = [each for each in picture.members if each.interface in taps]
    return "\n".join(
        (
            "table inet vpc {}",
            "delete table inet vpc",
            "table inet vpc {",
            *_indented(_genuine(guests, taps)),
            *_indented(_acls(picture)),
            *_indented(_groups(picture)),
            *_indented(_members(picture)),
            *_indented(_leaving(picture, inner)),
            *_indented(_arriving(picture, inner)),
            *_indented(_ways(picture)),
            *_indented(
                _chain("masked", f'oifname "{WAY_OUT}" masquerade',
                       hook="type nat hook postrouting priority srcnat; policy accept;")
            ),
            "}",
            "",
        )
    )  # fmt: skip


def _genuine(guests: Iterable[Member], taps: dict[str, str]) -> Iterator[str]:
    """Nobody speaks under another's address."""
    lines = [
        "meta nfproto ipv6 drop",
        f'iifname {{ "lo", "{WAY_OUT}" }} accept',
        "ip saddr 0.0.0.0 udp dport 67 accept",
    ]
    for guest in guests:
        own = f" ip saddr {guest.address}" if guest.checked else ""
        lines.append(f'iifname "{taps[guest.interface]}"{own} accept')
    hook = "type filter hook prerouting priority raw; policy drop;"
    yield from _chain("genuine", *lines, hook=hook)


def _acls(picture: Picture) -> Iterator[str]:
    told: list[str] = []
    for number, subnet in enumerate(picture.subnets):
        if subnet.acl is None:
            continue
        out, into = f"acl_out_{number}", f"acl_in_{number}"
        yield from _chain(out, *_acl(subnet.acl.egress, "daddr"))
        yield from _chain(into, *_acl(subnet.acl.ingress, "saddr"))
        told.append(f"ip saddr {subnet.block} ip daddr != {subnet.block} jump {out}")
        told.append(f"ip daddr {subnet.block} ip saddr != {subnet.block} jump {into}")
    if not told:
        return
    for hook in _HOOKS:
        # The resolver and DHCP are no subnet's neighbours ("Network ACL basics").
        free = ["udp dport { 67, 68 } accept"]
        if hook == "input":
            free.append('iifname "lo" return')  # judged when it left
        yield from _chain(f"acl_{hook}", *free, *told, hook=_hook(hook, -20, "accept"))


def _acl(rules: Iterable[AclRule], side: str) -> Iterator[str]:
    for rule in rules:
        verdict = "return" if rule.allow else "drop"
        yield f"ip {side} {rule.block} {_matching(rule)}{verdict}"
    yield "drop"


def _groups(picture: Picture) -> Iterator[str]:
    known = {group.identifier for group in picture.groups}
    for group in picture.groups:
        own = [each.address for each in picture.members if group.identifier in each.groups]
        yield from _named("set", f"members_{_plain(group.identifier)}", "ipv4_addr", own)
    for group in picture.groups:
        for name, rules, side in (
            ("in", group.ingress, "saddr"), ("out", group.egress, "daddr"),
        ):  # fmt: skip
            lines = [line for rule in rules for line in _permission(rule, side, known)]
            yield from _chain(f"{name}_{_plain(group.identifier)}", *lines)


def _permission(rule: Rule, side: str, groups: set[str]) -> Iterator[str]:
    if _KNOWN.get(rule.protocol, rule.protocol) == "icmpv6":
        return
    for peer in rule.peers:
        if peer in groups:
            yield f"ip {side} @members_{_plain(peer)} {_matching(rule)}accept"
        elif "/" in peer and ":" not in peer:
            yield f"ip {side} {peer} {_matching(rule)}accept"


def _matching(rule: Rule | AclRule) -> str:
    protocol = _KNOWN.get(rule.protocol, rule.protocol)
    if protocol == "-1":
        return ""
    if protocol == "icmp":
        kind, code = rule.icmp or (-1, -1)
        told = f"icmp type {kind} " if kind >= 0 else ""
        return f"ip protocol icmp {told}" + (f"icmp code {code} " if code >= 0 else "")
    if protocol in ("tcp", "udp"):
        if rule.ports is None or rule.ports == (0, 65535):
            return f"ip protocol {protocol} "
        return f"{protocol} dport {_range(rule.ports)} "
    return f"ip protocol {protocol} "


def _members(picture: Picture) -> Iterator[str]:
    """A chain for each set of groups in use; what none of them lets pass is dropped."""
    known = {group.identifier for group in picture.groups}
    for number, groups in enumerate(_group_sets(picture)):
        jumps = [_plain(each) for each in groups if each in known]
        for name in ("in", "out"):
            yield from _chain(f"{name}_set_{number}", *(f"jump {name}_{e}" for e in jumps), "drop")


def _leaving(picture: Picture, inner: Inner) -> Iterator[str]:
    sets = {groups: number for number, groups in enumerate(_group_sets(picture))}
    elements = [f"{m.address} : jump out_set_{sets[m.groups]}" for m in picture.members]
    yield from _named("map", "senders", "ipv4_addr : verdict", elements)
    known = ["ct state established,related accept", "ct state invalid drop"]
    own = [
        "udp dport 67 accept",
        f"ip daddr {inner.resolver} meta l4proto {{ tcp, udp }} th dport 53 accept",
        f"ip daddr {_set(inner.gateways)} accept",  # judged when it arrives
    ]
    for hook in _HOOKS:
        lines = [*known, *(own if hook == "input" else ())]
        if hook == "input":
            lines.append('iifname "lo" accept')  # judged when it left
        yield from _chain(
            f"leaving_{hook}", *lines, "ip saddr vmap @senders", hook=_hook(hook, -10, "accept")
        )


def _arriving(picture: Picture, inner: Inner) -> Iterator[str]:
    sets = {groups: number for number, groups in enumerate(_group_sets(picture))}
    elements = [f"{m.address} : jump in_set_{sets[m.groups]}" for m in picture.members]
    yield from _named("map", "receivers", "ipv4_addr : verdict", elements)
    known = ["ct state established,related accept", "ct state invalid drop"]
    last = "ip daddr vmap @receivers"
    yield from _chain(
        "arriving_forward", *known, last, f'oifname "{WAY_OUT}" jump ways',
        hook=_hook("forward", 0, "drop"),
    )  # fmt: skip
    served = [m.address for m in picture.members if reaches_services(picture, m)]
    reaching = (
        f"ip saddr {_set(served)} ip daddr {_set(inner.gateways)} "
        f"tcp dport {_set(inner.ports)} accept"
    )
    resolving = f"ip daddr {inner.resolver} meta l4proto {{ tcp, udp }} th dport 53 accept"
    yield from _chain(
        "arriving_input", *known, "ip daddr 127.0.0.0/8 accept",
        "udp dport 67 accept", *([resolving] if picture.resolver else []),
        *([reaching] if served and inner.ports else []),
        f'iifname "lo" ip saddr {OUTSIDE} accept', last,
        hook=_hook("input", 0, "drop"),
    )  # fmt: skip
    yield from _chain(
        "arriving_output", *known, "ip daddr 127.0.0.0/8 accept", "udp sport 67 accept",
        f"ip saddr {OUTSIDE} accept", 'oifname "lo" accept', last,
        hook=_hook("output", 0, "drop"),
    )  # fmt: skip


def _ways(picture: Picture) -> Iterator[str]:
    public = [member.address for member in picture.members if member.public]
    jumps: list[str] = []
    for number, subnet in enumerate(picture.subnets):
        lines: list[str] = []
        for route in sorted_routes(subnet):
            to = f"ip daddr {route.block}"
            if route.target == "nat":
                lines.append(f"{to} accept")
                continue
            if route.target == "internet" and public:
                lines.append(f"{to} ip saddr {_set(public)} accept")
            lines.append(f"{to} drop")
        if lines:
            yield from _chain(f"way_{number}", *lines)
            jumps.append(f"ip saddr {subnet.block} jump way_{number}")
    yield from _chain("ways", *(f"ip daddr {block} drop" for block in picture.blocks), *jumps)


def _group_sets(picture: Picture) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(member.groups for member in picture.members))


def _chain(name: str, *lines: str, hook: str = "") -> Iterator[str]:
    yield f"chain {name} {{"
    yield from _indented(([hook] if hook else []) + list(lines))
    yield "}"


def _named(what: str, name: str, kind: str, elements: Iterable[str]) -> Iterator[str]:
    """A set or a map."""
    found = list(elements)
    yield f"{what} {name} {{"
    yield f"  type {kind}"
    if found:
        yield f"  elements = {_set(found)}"
    yield "}"


def _hook(name: str, priority: int, policy: str) -> str:
    return f"type filter hook {name} priority {priority}; policy {policy};"


def _set(elements: Iterable[object]) -> str:
    return "{ " + ", ".join(map(str, elements)) + " }"


def _range(ports: tuple[int, int]) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def _plain(identifier: str) -> str:
    return identifier.replace("-", "_")


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
