"""Bases and machine images as EC2's API tells of them."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.aws import as_tags
from provisimus.environment import Environment
from provisimus.errors import NotFound, Unreachable
from provisimus.machines import tags
from provisimus.machines.catalogue import (
    find_base,
    find_machine_image,
    list_machine_images,
    vpc_of,
)
from provisimus.model import Commits, Digest
from provisimus.workspace.definitions.project import AwsBase, Base

FINGERPRINT = Digest.of(b"wanted")
OWNER = "123456789012"


def register(environment: Environment, name: str, tagged: dict[str, str] | None = None) -> str:
    ec2: Any = environment.cloud.ec2
    image: str = ec2.register_image(
        Name=name,
        RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}],
    )["ImageId"]
    if tagged:
        ec2.create_tags(Resources=[image], Tags=as_tags(tagged))
    return image


def lineage(version: str, fingerprint: Digest) -> dict[str, str]:
    return tags.image_tags(
        *("acme", "greeter", version, fingerprint),
        inputs={},
        images={},
        commits=Commits({}),
        base="ami-1",
        run="20260101T000000-abcdef",
    )


def test_a_machine_image_is_found_by_its_fingerprint(environment: Environment) -> None:
    register(environment, "untested", lineage("1.0.0", FINGERPRINT))
    assert find_machine_image(environment, "acme", "greeter", FINGERPRINT) is None
    usable = {**lineage("1.0.0", FINGERPRINT), tags.USABLE: "2026-01-01T00:00:00Z"}
    image = register(environment, "one", usable)
    register(environment, "two", lineage("1.0.1", Digest.of(b"other")))
    found = find_machine_image(environment, "acme", "greeter", FINGERPRINT)
    assert found is not None
    assert (found.image_id, found.version, found.fingerprint) == (image, "1.0.0", FINGERPRINT)
    assert find_machine_image(environment, "acme", "other", FINGERPRINT) is None
    assert {each.version for each in list_machine_images(environment, "acme")} == {"1.0.0", "1.0.1"}


def test_a_base_is_the_newest_with_its_owner_and_name(environment: Environment) -> None:
    register(environment, "debian-11-amd64-1")
    image = register(environment, "debian-12-amd64-1")
    base = Base(aws=AwsBase(owner=OWNER, name="debian-12-amd64-*"))
    found = find_base(environment, "debian-12", base)
    assert (found.image_id, found.name) == (image, "debian-12-amd64-1")


def test_a_base_that_is_not_there(environment: Environment) -> None:
    base = Base(aws=AwsBase(owner=OWNER, name="debian-13-*"))
    with pytest.raises(NotFound, match=f"there is no AMI debian-13-\\* of {OWNER}"):
        find_base(environment, "debian-13", base)


def test_the_default_vpc(environment: Environment) -> None:
    assert vpc_of(environment).startswith("vpc-")


def test_nothing_answers() -> None:
    from provisimus.aws import Cloud

    nobody = Environment(
        "local", Cloud("eu-west-1", None, "http://127.0.0.1:9", None, ("t", "t")), "127.0.0.1:5000"
    )
    with pytest.raises(Unreachable, match="nothing answers"):
        list_machine_images(nobody, "acme")
