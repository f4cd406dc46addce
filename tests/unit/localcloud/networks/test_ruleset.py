"""The rules of a VPC, as text: what a reader of the table sees."""

from __future__ import annotations

from dataclasses import replace

from provisimus.localcloud.networks.picture import (
    Acl,
    AclRule,
    Group,
    Member,
    Picture,
    Route,
    Rule,
    Subnet,
)
from provisimus.localcloud.networks.ruleset import Inner, ruleset

ANYWHERE = "0.0.0.0/0"
OUT = Route(ANYWHERE, "internet")
WEB = Group("sg-1", (Rule("tcp", (ANYWHERE,), (80, 81)),), (Rule("-1", (ANYWHERE,)),))
BACK = Group("sg-2", (Rule("tcp", ("sg-1",), (5432, 5432)),))
PICTURE = Picture(
    "vpc-1",
    ("10.0.0.0/16",),
    (
        Subnet("subnet-a", "10.0.1.0/24", (Route("10.0.0.0/16", "local"), OUT)),
        Subnet("subnet-b", "10.0.2.0/24", (Route("10.0.0.0/16", "local"),)),
    ),
    (WEB, BACK),
    (
        Member("eni-1", "10.0.1.4", "subnet-a", ("sg-1",), "127.9.1.1", (80,)),
        Member("eni-2", "10.0.2.4", "subnet-b", ("sg-2",)),
    ),
)
INNER = Inner("10.0.0.2", ("10.0.1.2", "10.0.2.2"), (4800, 5000))
TAPS = {"eni-1": "tap0"}


def chain(picture: Picture, name: str, taps: dict[str, str] | None = None) -> list[str]:
    """The lines of a chain, without its frame."""
    text = ruleset(picture, INNER, TAPS if taps is None else taps)
    _, found, rest = text.partition(f"  chain {name} {{\n")
    assert found, text
    return [line.strip() for line in f"\n{rest}".partition("\n  }")[0].splitlines() if line]


def test_the_table_is_replaced_whole() -> None:
    text = ruleset(PICTURE, INNER, TAPS)
    assert text.startswith("table inet vpc {}\ndelete table inet vpc\ntable inet vpc {\n")


def test_a_machine_speaks_under_its_own_address_only() -> None:
    assert chain(PICTURE, "genuine")[-1] == 'iifname "tap0" ip saddr 10.0.1.4 accept'
    first, second = PICTURE.members
    relay = replace(PICTURE, members=(replace(first, checked=False), second))
    assert chain(relay, "genuine")[-1] == 'iifname "tap0" accept'


def test_a_group_as_source_is_its_members() -> None:
    assert chain(PICTURE, "in_sg_1") == [f"ip saddr {ANYWHERE} tcp dport 80-81 accept"]
    assert chain(PICTURE, "in_sg_2") == ["ip saddr @members_sg_1 tcp dport 5432 accept"]
    assert chain(PICTURE, "out_sg_1") == [f"ip daddr {ANYWHERE} accept"]
    assert chain(PICTURE, "out_sg_2") == []
    text = ruleset(PICTURE, INNER, TAPS)
    assert "set members_sg_1 {\n    type ipv4_addr\n    elements = { 10.0.1.4 }\n" in text


def test_what_no_group_lets_pass_is_dropped() -> None:
    assert chain(PICTURE, "in_set_0") == ["jump in_sg_1", "drop"]
    assert chain(PICTURE, "out_set_1") == ["jump out_sg_2", "drop"]
    text = ruleset(PICTURE, INNER, TAPS)
    assert "elements = { 10.0.1.4 : jump in_set_0, 10.0.2.4 : jump in_set_1 }" in text


def test_rules_for_icmp_udp_and_other_protocols() -> None:
    rules = (
        Rule("icmp", ("10.0.0.0/8",), icmp=(8, -1)),
        Rule("icmp", ("10.0.0.0/8",), icmp=(-1, -1)),
        Rule("udp", ("10.0.0.0/8",), (0, 65535)),
        Rule("50", ("10.0.0.0/8",)),
        Rule("58", ("10.0.0.0/8",)),
        Rule("tcp", ("::/0",), (80, 80)),
    )
    told = chain(replace(PICTURE, groups=(Group("sg-1", rules), BACK)), "in_sg_1")
    assert told == [
        "ip saddr 10.0.0.0/8 ip protocol icmp icmp type 8 accept",
        "ip saddr 10.0.0.0/8 ip protocol icmp accept",
        "ip saddr 10.0.0.0/8 ip protocol udp accept",
        "ip saddr 10.0.0.0/8 ip protocol 50 accept",
    ]


def test_an_acl_is_asked_at_the_border_and_denies_the_rest() -> None:
    acl = Acl(
        (AclRule(allow=True, protocol="6", block=ANYWHERE, ports=(80, 80)),),
        (AclRule(allow=False, protocol="-1", block="10.0.9.0/24"),),
    )
    near, far = PICTURE.subnets
    picture = replace(PICTURE, subnets=(near, replace(far, acl=acl)))
    assert chain(picture, "acl_in_1") == [f"ip saddr {ANYWHERE} tcp dport 80 return", "drop"]
    assert chain(picture, "acl_out_1") == ["ip daddr 10.0.9.0/24 drop", "drop"]
    assert chain(picture, "acl_forward")[-2:] == [
        "ip saddr 10.0.2.0/24 ip daddr != 10.0.2.0/24 jump acl_out_1",
        "ip daddr 10.0.2.0/24 ip saddr != 10.0.2.0/24 jump acl_in_1",
    ]
    assert "acl_" not in ruleset(PICTURE, INNER, TAPS)


def test_the_longest_prefix_leads_the_way() -> None:
    near, far = PICTURE.subnets
    routes = (OUT, Route("192.0.2.0/24", "nowhere"), Route("192.0.2.8/29", "nat"))
    picture = replace(PICTURE, subnets=(replace(near, routes=routes), far))
    assert chain(picture, "way_0") == [
        "ip daddr 192.0.2.8/29 accept",
        "ip daddr 192.0.2.0/24 drop",
        f"ip daddr {ANYWHERE} ip saddr {{ 10.0.1.4 }} accept",
        f"ip daddr {ANYWHERE} drop",
    ]
    assert chain(picture, "ways") == [
        "ip daddr 10.0.0.0/16 drop",
        "ip saddr 10.0.1.0/24 jump way_0",
    ]


def test_only_who_may_reaches_the_api() -> None:
    served = "ip saddr { 10.0.1.4 } ip daddr { 10.0.1.2, 10.0.2.2 } tcp dport { 4800, 5000 } accept"
    assert served in chain(PICTURE, "arriving_input")


def test_without_dns_support_no_name_server_is_reached() -> None:
    lines = chain(replace(PICTURE, resolver=False), "arriving_input")
    assert not any("dport 53" in line for line in lines)
