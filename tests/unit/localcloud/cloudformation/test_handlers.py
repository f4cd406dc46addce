"""What every handler says of itself, held against AWS's own schemas."""

from __future__ import annotations

import pytest

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers import all_handlers
from provisimus.localcloud.cloudformation.schemas import schema_of

NOT_CHECKED = {"AWS::CloudFormation::WaitCondition", "AWS::EC2::VolumeAttachment"}
"""Types that drift detection leaves out."""
KEYS = {"KmsKeyId", "MasterUserSecret"}
"""Of KMS: a key, and an object of which a template gives nothing else."""


@pytest.mark.parametrize("name", sorted(all_handlers()))
def test_a_handler_honours_only_what_its_type_has(name: str) -> None:
    handler, schema = all_handlers()[name], schema_of(name)
    tops = {path.split("/")[0] for path in handler.honoured}
    assert tops <= schema.properties.keys() - schema.read_only
    assert set(handler.recorded) <= {"*", *tops}
    assert handler.name_property is None or handler.name_property in tops


def test_what_is_only_recorded_is_told_where_it_is_asked_for() -> None:
    cloud = Cloud(lambda service: None, "eu-west-1", "123456789012")
    endpoint = all_handlers()["AWS::EC2::VPCEndpoint"]
    everywhere = endpoint.told(cloud, {"ServiceName": "s"})
    assert everywhere is not None
    assert "policy" not in everywhere
    asked = endpoint.told(cloud, {"ServiceName": "s", "PolicyDocument": {"Statement": []}})
    assert asked is not None
    assert asked.startswith(everywhere.removesuffix("."))
    assert "its policy is not enforced" in asked
    assert all_handlers()["AWS::EC2::Instance"].told(cloud, {"ImageId": "ami-1"}) is None


def test_networks_are_told_to_be_records_where_they_cannot_be_made() -> None:
    cloud = Cloud(lambda service: None, "eu-west-1", "123456789012")
    route = all_handlers()["AWS::EC2::Route"]
    assert route.told(cloud, {}) is None
    cloud.no_networks = lambda: "no /dev/net/tun"
    assert route.told(cloud, {}) == (
        "Recorded, not simulated: networks cannot be made on this computer (no /dev/net/tun)."
    )


@pytest.mark.parametrize("name", sorted(all_handlers()))
def test_a_handler_tells_back_whatever_it_honours_or_says_why_not(name: str) -> None:
    """What is neither told nor named here counts as lost, so a handler that forgets drifts."""
    handler = all_handlers()[name]
    assert handler.tells_live == (name not in NOT_CHECKED)
    assert set(handler.untold) <= {path.split("/")[0] for path in handler.honoured}
    assert all(handler.untold.values())
    # What AWS's schema says is written only; and keys, which drift detection never compares.
    assert set(handler.untold) <= schema_of(name).write_only | KEYS
