"""What forbids a bake, by what was found out before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisimus.errors import Finding
from provisimus.machines.access import ImageFacts
from provisimus.machines.asking import way_out
from provisimus.machines.catalogue import BaseImage
from provisimus.machines.preflight import (
    Facts,
    InstanceType,
    Metadata,
    Quota,
    Way,
    family,
    findings,
    wanted_disk,
    warnings,
)

GIB = 1024**3
IMAGE = "r.example/greeter@sha256:" + "1f" * 32
OLD = "and Packer 1.6.6 starts instances without asking for IMDSv2"
BASE = BaseImage("ami-1", "debian-12-amd64", "/dev/xvda", 8, "x86_64")
FINE = Facts(
    definition="packer/greeter/machine.yaml",
    environment="staging",
    instance_type="t3.small",
    disk=8,
    base=BASE,
    name="acme-greeter",
    packer="1.6.6",
    asks_imdsv2=False,
    over_public=True,
    asks_address=True,
    type=InstanceType(("x86_64",), 2),
    quota=Quota(32, 30),
    ways=(Way("subnet-1", "internet gateway", public=False),),
    metadata=Metadata(None, enforced=False),
    may_launch=True,
    images={IMAGE: ImageFacts({"linux/amd64": GIB})},
)
NOTHING_KNOWN = replace(
    FINE, base=None, type=None, quota=None, ways=None, metadata=None, may_launch=None, images={}
)


def test_nothing_stands_in_the_way() -> None:
    assert findings(FINE) == ()
    assert warnings(FINE) == ()


def test_what_is_not_known_forbids_nothing() -> None:
    assert findings(NOTHING_KNOWN) == ()
    assert warnings(NOTHING_KNOWN) == ()


@pytest.mark.parametrize(
    ("facts", "what", "where"),
    [
        (
            replace(FINE, type=None, type_known=False),
            "there is no instance type t3.small in this region",
            "packer/greeter/machine.yaml: instance_type",
        ),
        (
            replace(FINE, type=InstanceType(("arm64",), 2)),
            "t3.small runs arm64, and the base debian-12-amd64 is x86_64",
            "packer/greeter/machine.yaml: instance_type",
        ),
        (
            replace(FINE, quota=Quota(32, 31)),
            "the quota of running on-demand vCPUs is 32, 31 are in use, and t3.small needs 2",
            "environment staging",
        ),
        (
            replace(FINE, ways=()),
            "the default VPC has no subnet to bake in",
            "environments/staging/subnet in provisimus.yaml",
        ),
        (
            replace(FINE, ways=(Way("subnet-1", None, public=True),)),
            "the subnet subnet-1 has no way out: its route table leads nowhere for 0.0.0.0/0",
            "environments/staging/subnet in provisimus.yaml",
        ),
        (
            replace(FINE, ways=(Way("subnet-1", "NAT gateway", public=True),)),
            "Packer comes in over a public address, and the way out of subnet-1 is NAT gateway",
            "environments/staging/subnet in provisimus.yaml",
        ),
        (
            replace(FINE, asks_address=False),
            "Packer comes in over a public address, and subnet-1 gives none",
            "environments/staging/subnet in provisimus.yaml",
        ),
        (
            replace(FINE, metadata=Metadata("optional", enforced=True)),
            f"the account starts none without IMDSv2, {OLD}",
            "environment staging",
        ),
        (
            replace(FINE, may_launch=False, may_launch_imdsv2=True),
            f"a policy forbids instances without IMDSv2, {OLD}",
            "environment staging",
        ),
        (
            replace(FINE, may_launch=False, may_launch_imdsv2=False),
            "these credentials may not start an instance",
            "environment staging",
        ),
        (
            replace(FINE, name_taken=True),
            "there is an AMI named acme-greeter already",
            "environment staging",
        ),
        (
            replace(FINE, images={IMAGE: None}),
            f"the image {IMAGE} is not in its registry",
            "packer/greeter/machine.yaml",
        ),
        (
            replace(FINE, images={IMAGE: ImageFacts({"linux/arm64": 1})}),
            f"the image {IMAGE} is for linux/arm64, and the base is linux/amd64",
            "packer/greeter/machine.yaml",
        ),
        (
            replace(FINE, base=replace(BASE, size=10)),
            "8 GiB is less than the 10 GiB of its base",
            "packer/greeter/machine.yaml: disk",
        ),
        (
            replace(FINE, images={IMAGE: ImageFacts({"linux/amd64": 7 * GIB})}),
            "8 GiB cannot hold the base and 7.0 GiB of images, which take more unpacked",
            "packer/greeter/machine.yaml: disk",
        ),
    ],
)
def test_what_forbids_a_bake(facts: Facts, what: str, where: str) -> None:
    (found,) = findings(facts)
    assert (found.what, found.where) == (what, where)
    assert found.hint


def test_everything_is_told_at_once() -> None:
    facts = replace(FINE, quota=Quota(1, 0), ways=(), images={IMAGE: None}, name_taken=True)
    assert len(findings(facts)) == 4
    assert all(isinstance(each, Finding) for each in findings(facts))


def test_a_template_of_ones_own_may_come_in_over_a_nat() -> None:
    facts = replace(FINE, over_public=False, ways=(Way("subnet-1", "NAT gateway", public=False),))
    assert findings(facts) == ()


@pytest.mark.parametrize(
    "facts",
    [
        replace(FINE, asks_imdsv2=True, metadata=Metadata("optional", enforced=True)),
        replace(FINE, metadata=Metadata("required", enforced=True)),
        replace(FINE, metadata=Metadata(None, enforced=True), base=replace(BASE, imdsv2=True)),
    ],
)
def test_enforced_imdsv2_is_fine_where_it_is_had(facts: Facts) -> None:
    assert findings(facts) == ()


def test_imdsv2_by_default_is_told_to_an_old_packer() -> None:
    facts = replace(FINE, metadata=Metadata("required", enforced=False))
    (warning,) = warnings(facts)
    assert "Packer 1.6.6 can neither ask for that nor mark the AMI with it" in warning
    assert warnings(replace(facts, asks_imdsv2=True)) == ()


def test_a_disk_that_may_be_too_small() -> None:
    facts = replace(FINE, images={IMAGE: ImageFacts({"linux/amd64": 3 * GIB, "linux/arm64": 1})})
    assert wanted_disk(facts) == 10
    (warning,) = warnings(facts)
    assert warning.startswith("8 GiB may be too little for 3.0 GiB of images")
    assert "write disk: 10 GiB in packer/greeter/machine.yaml" in warning


@pytest.mark.parametrize(
    ("name", "family_"), [("t3.small", "t"), ("im4gn.large", "im"), ("g5g.xlarge", "g"), ("1", "")]
)
def test_families(name: str, family_: str) -> None:
    assert family(name) == family_


ROUTE = {"DestinationCidrBlock": "0.0.0.0/0", "State": "active"}
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}


def table(subnet: str | None, *routes: dict[str, str]) -> dict[str, object]:
    link = {"SubnetId": subnet} if subnet else {"Main": True}
    return {"Associations": [link], "Routes": [LOCAL, *routes]}


@pytest.mark.parametrize(
    ("tables", "out"),
    [
        ([table("subnet-1", {**ROUTE, "GatewayId": "igw-1"})], "internet gateway"),
        ([table("subnet-1", {**ROUTE, "NatGatewayId": "nat-1"})], "NAT gateway"),
        ([table("subnet-1", {**ROUTE, "TransitGatewayId": "tgw-1"})], "tgw-1"),
        ([table("subnet-1", {**ROUTE, "GatewayId": "igw-1", "State": "blackhole"})], None),
        ([table("subnet-1")], None),
        ([table(None, {**ROUTE, "GatewayId": "igw-1"})], "internet gateway"),
        ([table(None, {**ROUTE, "GatewayId": "igw-1"}), table("subnet-1")], None),
        ([table("subnet-2", {**ROUTE, "GatewayId": "igw-1"})], None),
    ],
)
def test_the_way_out_of_a_subnet(tables: list[dict[str, object]], out: str | None) -> None:
    assert way_out("subnet-1", tables) == out
