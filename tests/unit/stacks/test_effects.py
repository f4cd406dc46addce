"""What a change means for those who use a stack, in the words of its type."""

import pytest
from tests.unit.stacks.test_service import CASES

from provisimus.stacks.effects import SWAPPED, effect_of
from provisimus.stacks.resource_change import ResourceChange
from provisimus.stacks.types.autoscaled_service import TYPE as GROUP
from provisimus.stacks.types.service import TYPE as SERVICE

STAND_BY = "a stand-by comes or goes: slower for a while, no interruption"
INSTANCE, DATABASE = "AWS::EC2::Instance", "AWS::RDS::DBInstance"


@pytest.mark.parametrize(
    ("action", "kind", "replacement", "properties", "policy", "words"),
    [
        ("Add", INSTANCE, "", (), "", ""),
        ("Remove", DATABASE, "", (), "Snapshot", "a snapshot stays"),
        ("Modify", INSTANCE, "True", ("ImageId",), "", SWAPPED),
        (
            "Modify",
            INSTANCE,
            "False",
            ("InstanceType",),
            "",
            "the machine stops and starts: about a minute without answers",
        ),
        (
            "Modify",
            DATABASE,
            "False",
            ("DBInstanceClass", "MultiAZ"),
            "",
            "the database restarts: minutes without answers; " + STAND_BY,
        ),
        (
            "Modify",
            "AWS::SNS::Topic",
            "Conditional",
            (),
            "",
            "perhaps replaced: that is known when it happens",
        ),
        ("Modify", "AWS::SNS::Topic", "False", (), "", "changes in place"),
        ("Modify", "AWS::SNS::Topic", "", (), "", "whether it is replaced is not known"),
        (
            "Modify",
            "AWS::SNS::Topic",
            "True",
            (),
            "",
            "replaced: the new one first, then the old goes",
        ),
        (
            "Modify",
            "AWS::S3::Bucket",
            "True",
            (),
            "ReplaceAndRetain",
            "replaced by a new one; the old one stays",
        ),
        (
            "Modify",
            DATABASE,
            "True",
            (),
            "ReplaceAndSnapshot",
            "another database takes its place, without the data; a snapshot stays",
        ),
    ],
)
def test_words(
    action: str,
    kind: str,
    replacement: str,
    properties: tuple[str, ...],
    policy: str,
    words: str,
) -> None:
    change = ResourceChange(action, "It", kind, replacement, properties, policy=policy)
    assert effect_of(change) == words


def test_a_service_says_what_becomes_of_its_volumes_and_address() -> None:
    change = ResourceChange("Modify", "It", INSTANCE, "True", ("ImageId",))
    with_data, plain = SERVICE.build(CASES["one-volume"]), SERVICE.build(CASES["plain"])
    assert SERVICE.effect(change, with_data) == (
        f"{SWAPPED}; its data volumes are snapshotted and move over"
    )
    assert "under another address" in str(SERVICE.effect(change, plain))
    moved = ResourceChange("Modify", "It", "AWS::EC2::VolumeAttachment", "Conditional")
    assert SERVICE.effect(moved, with_data) == "the volume moves to the new machine"
    assert SERVICE.effect(ResourceChange("Modify", "It", "AWS::IAM::Role"), plain) is None


def test_a_group_replaces_its_instances_one_after_another() -> None:
    def change(*properties: str) -> ResourceChange:
        kind = "AWS::AutoScaling::AutoScalingGroup"
        return ResourceChange("Modify", "Instances", kind, "False", properties)

    assert "no interruption" in str(GROUP.effect(change("LaunchTemplate", "MaxSize"), {}))
    assert "none is replaced" in str(GROUP.effect(change("MaxSize"), {}))
