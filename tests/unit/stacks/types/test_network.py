"""Stack type `network`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other
from tests.unit.stacks.types.told import told

from provisimus.stacks.types.interface import WantedStack
from provisimus.stacks.types.network import TYPE
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.problems import parse


def wanted(**given: Any) -> WantedStack[NetworkDefinition]:
    return WantedStack("main", "", parse(NetworkDefinition, {"type": "network", **given}))


CASES = {
    "plain": wanted(),
    "with-all": wanted(
        cidr="10.40.0.0/16",
        zones=3,
        nat="per-zone",
        endpoints={"gateway": ["s3", "dynamodb"], "interface": ["ssm", "ecr.api"]},
        flow_logs={"traffic": "REJECT", "keep": "90d"},
        dns="acme.internal",
    ),
    "own-subnets": wanted(
        cidr="10.50.0.0/20",
        zones=["eu-west-1a", "eu-west-1c"],
        tiers=["public", "private"],
        nat="one",
        subnets={"private": ["10.50.8.0/22", "10.50.12.0/22"]},
    ),
    "public-alone": wanted(tiers=["public"], endpoints={"gateway": []}),
    "open-data": wanted(tiers=["data"], closed_data=False),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


def test_another_zone_moves_no_subnet() -> None:
    two, three = (wanted(zones=count).definition.blocks() for count in (2, 3))
    for tier, blocks in two.items():
        assert three[tier][:2] == blocks


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cidr: 10.0.0.0/8", "2 cidr: 10.0.0.0/8 is not between /16 and /28"),
        ("cidr: 10.0.0.1/16", "2 cidr: '10.0.0.1/16' is no IPv4 network"),
        (
            "cidr: 10.0.0.0/26",
            "2 cidr: 10.0.0.0/26 is too small to be divided",
        ),
        ("zones: [a, eu-west-1b]", "2 zones/0: 'a' is no availability zone"),
        ("zones: [eu-west-1a, eu-west-1a]", "2 zones: a zone is named twice"),
        (
            "zones: [eu-west-1a, us-east-1b]",
            "2 zones: the zones are of different regions",
        ),
        ("tiers: [public, public]", "2 tiers: a tier is named twice"),
        (
            "nat: one\ntiers: [private]",
            "2 nat: a NAT gateway stands in a public subnet and serves private ones",
        ),
        (
            "tiers: [public]\nendpoints: {interface: [ssm]}",
            "3 endpoints: interface endpoints stand in private subnets",
        ),
        (
            "subnets:\n  public: [10.20.0.0/24]",
            "3 subnets/public: 1 blocks for 2 zones",
        ),
        (
            "tiers: [private]\nsubnets:\n  data: [10.20.0.0/24, 10.20.1.0/24]",
            "4 subnets/data: data is not among the tiers",
        ),
        (
            "subnets:\n  public: [10.30.0.0/24, 10.20.1.0/24]",
            "3 subnets/public: 10.30.0.0/24 is not within 10.20.0.0/16",
        ),
        (
            "subnets:\n  private: [10.20.16.0/24, 10.20.1.0/24]",
            "3 subnets/private: 10.20.16.0/24 overlaps 10.20.16.0/20 of the public subnets",
        ),
        ("cidr: 127.0.0.0/16", "2 cidr: 127.0.0.0/16 is kept for other things"),
        ("cidr: 224.0.0.0/16", "2 cidr: 224.0.0.0/16 is kept for other things"),
        (
            "endpoints: {interface: [s3]}",
            "2 endpoints/interface/0: s3 is reached by the route tables",
        ),
        ("endpoints: {interface: [ssm, ssm]}", "2 endpoints/interface: ssm stands twice"),
        ("dns: '*.acme.internal'", "2 dns: '*.acme.internal' is no zone"),
        ("zones: 4", "2 zones: input should be less than or equal to 3, not 4"),
        ("flow_logs: {keep: 8d}", "2 flow_logs/keep: CloudWatch Logs does not keep for 8 days"),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: network\n{text}\n") == [problem]
