"""Templates as values: fingerprints, capabilities, the two halves of a swap."""

import json

import pytest

from provisimus.errors import Refused
from provisimus.model import Digest
from provisimus.stacks.template import (
    SWAP_OF,
    attached,
    body_of,
    capabilities_of,
    detached,
    fingerprint_of,
    is_detached,
    needs_swap,
    resources_of,
    yaml_of,
)

MACHINE, OTHER = Digest("a" * 64), Digest("b" * 64)


def template(*, instance: str = "Instance1", device: str = "/dev/sdf", volume: bool = True) -> dict:
    resources = {
        instance: {
            "Type": "AWS::EC2::Instance",
            "Properties": {
                "ImageId": {"Ref": "ImageId"},
                "InstanceType": {"Ref": "InstanceType"},
                "SubnetId": {"Ref": "SubnetId"},
            },
        }
    }
    if volume:
        resources |= {
            "Data": {"Type": "AWS::EC2::Volume", "Properties": {"Size": 1}},
            "AttachData": {
                "Type": "AWS::EC2::VolumeAttachment",
                "Properties": {
                    "Device": device,
                    "InstanceId": {"Ref": instance},
                    "VolumeId": {"Ref": "Data"},
                },
            },
        }
    return {"Resources": resources, "Outputs": {"Id": {"Value": {"Ref": instance}}}}


GIVEN = {"ImageId": "m1", "InstanceType": "t3.small", "SubnetId": "s1"}


def test_the_fingerprint_knows_the_machine_and_not_the_ami() -> None:
    one = fingerprint_of(template(), GIVEN, MACHINE)
    assert one == fingerprint_of(template(), {**GIVEN, "ImageId": "ami-9"}, MACHINE)
    assert one != fingerprint_of(template(), GIVEN, OTHER)
    assert one != fingerprint_of(template(), {**GIVEN, "InstanceType": "t3.large"}, MACHINE)
    assert one != fingerprint_of(template(device="/dev/sdg"), GIVEN, MACHINE)


def test_the_fingerprint_does_not_move_between_versions_of_provisimus() -> None:
    """A change here makes every stack of every user look changed: say so in the changelog."""
    fixed = {"Resources": {"Role": {"Type": "AWS::IAM::Role"}}}
    assert fingerprint_of(fixed, {"Version": "1"}, MACHINE).short == "79c726e1aa8b"


def test_a_detached_template_leads_back_to_the_whole_one() -> None:
    half = detached(template(), "sha256:old")
    assert is_detached(half)
    assert not is_detached(template())
    assert resources_of(half, "AWS::EC2::VolumeAttachment") == {}
    assert half["Outputs"][SWAP_OF] == {"Value": "sha256:old"}
    assert attached(half) == template()
    assert attached(json.loads(body_of(half))) == template()


def test_metadata_of_others_survives_a_swap() -> None:
    own = {**template(), "Metadata": {"Mine": 1}}
    assert attached(detached(own, "f")) == own


@pytest.mark.parametrize(
    ("before", "after", "parameters", "swap"),
    [
        (template(), template(), GIVEN, False),
        (template(), template(), {**GIVEN, "ImageId": "m2"}, True),
        (template(), template(), {**GIVEN, "SubnetId": "s2"}, True),
        (template(), template(), {**GIVEN, "InstanceType": "t3.large"}, False),
        (template(), template(instance="Instance2"), GIVEN, True),
        (template(), template(device="/dev/sdg"), GIVEN, True),
        (template(volume=False), template(), {**GIVEN, "ImageId": "m2"}, False),
        (template(), template(volume=False), {**GIVEN, "ImageId": "m2"}, True),
        (detached(template(), "f"), template(), {**GIVEN, "ImageId": "m2"}, False),
    ],
    ids=[
        "nothing",
        "image",
        "subnet",
        "type in place",
        "user data",
        "device",
        "first volume",
        "volume goes",
        "half-way",
    ],
)
def test_when_a_volume_must_change_hands(
    before: dict, after: dict, parameters: dict, swap: bool
) -> None:
    assert needs_swap(before, GIVEN, after, parameters) is swap


def test_capabilities_follow_from_the_resources() -> None:
    def one(kind: str, **properties: str) -> dict:
        return {"Resources": {"R": {"Type": kind, "Properties": properties}}}

    assert capabilities_of(one("AWS::EC2::Volume")) == []
    assert capabilities_of(one("AWS::IAM::Role")) == ["CAPABILITY_IAM"]
    assert capabilities_of(one("AWS::IAM::Role", RoleName="r")) == ["CAPABILITY_NAMED_IAM"]
    policy = one("AWS::IAM::ManagedPolicy", ManagedPolicyName="p")
    assert capabilities_of(policy) == ["CAPABILITY_NAMED_IAM"]
    everything = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert capabilities_of(one("AWS::CloudFormation::Stack")) == everything
    function = {**one("AWS::Serverless::Function"), "Transform": "AWS::Serverless-2016-10-31"}
    assert capabilities_of(function) == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    included = {"Resources": {"R": {"Type": "T", "Fn::Transform": {"Name": "AWS::Include"}}}}
    assert capabilities_of(included) == ["CAPABILITY_AUTO_EXPAND"]


def test_a_template_over_the_limit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(Refused, match="CloudFormation takes 1048576"):
        body_of({"Description": "x" * 1_100_000})


def test_yaml_reads_back_as_the_same_template() -> None:
    import yaml

    shared = {"Ref": "A"}
    value = {"A": shared, "B": shared, "Text": "one\ntwo\n", "Yes": "yes", "On": True}
    text = yaml_of(value)
    assert yaml.safe_load(text) == value
    assert "&id" not in text
    assert "Text: |" in text


def test_what_waits_for_a_machine_stays_while_its_volumes_change_hands() -> None:
    template = {
        "Resources": {
            "I": {"Type": "AWS::EC2::Instance"},
            "A": {"Type": "AWS::EC2::VolumeAttachment"},
            "W": {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": ["I", "A"]},
            "X": {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": "A"},
        }
    }
    half = detached(template, "sha256:1")
    assert half["Resources"] == {
        "I": {"Type": "AWS::EC2::Instance"},
        "W": {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": ["I"]},
        "X": {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": []},
    }
    whole = attached(half)
    assert whole["Resources"] == template["Resources"]
    assert "Metadata" not in whole
