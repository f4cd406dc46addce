"""Who has a way out, and who reaches the API."""

from __future__ import annotations

import pytest

from provisimus.localcloud.networks.picture import Group, Member, Picture, Route, Rule, Subnet
from provisimus.localcloud.networks.ways import leads_out, reaches_services

ANYWHERE = "0.0.0.0/0"
ALL_OUT = (Rule("-1", (ANYWHERE,)),)


def picture(
    target: str | None,
    public: str | None = None,
    egress: tuple[Rule, ...] = ALL_OUT,
    endpoints: tuple[frozenset[str], ...] = (),
) -> Picture:
    routes = (Route(ANYWHERE, target),) if target else ()  # type: ignore[arg-type]
    return Picture(
        "vpc-1", ("10.0.0.0/16",), (Subnet("subnet-a", "10.0.1.0/24", routes),),
        (Group("sg-1", (), egress), Group("sg-2")),
        (Member("eni-1", "10.0.1.4", "subnet-a", ("sg-1",), public),), endpoint_groups=endpoints,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "public", "out"),
    [
        ("internet", "127.9.1.1", True),
        ("internet", None, False),
        ("nat", None, True),
        ("nowhere", "127.9.1.1", False),
        (None, "127.9.1.1", False),
    ],
)
def test_the_default_route_leads_out(target: str | None, public: str | None, out: bool) -> None:
    drawn = picture(target, public)
    assert leads_out(drawn.subnets[0], drawn.members[0]) is out
    assert reaches_services(drawn, drawn.members[0]) is out


@pytest.mark.parametrize(
    ("egress", "reaches"),
    [
        ((Rule("tcp", (ANYWHERE,), (443, 443)),), True),
        ((Rule("tcp", (ANYWHERE,), (0, 65535)),), True),
        ((Rule("tcp", (ANYWHERE,), (80, 80)),), False),
        ((Rule("udp", (ANYWHERE,), (443, 443)),), False),
        ((Rule("tcp", ("10.0.0.0/16",), (443, 443)),), False),
        ((), False),
    ],
)
def test_https_must_be_let_out(egress: tuple[Rule, ...], reaches: bool) -> None:
    drawn = picture("nat", egress=egress)
    assert reaches_services(drawn, drawn.members[0]) is reaches


@pytest.mark.parametrize(
    ("peer", "reaches"), [("sg-2", True), ("10.0.0.0/16", True), ("192.0.2.0/24", False)]
)
def test_an_endpoint_needs_no_way_out(peer: str, reaches: bool) -> None:
    egress = (Rule("tcp", (peer,), (443, 443)),)
    drawn = picture(None, egress=egress, endpoints=(frozenset({"sg-2"}),))
    assert reaches_services(drawn, drawn.members[0]) is reaches
