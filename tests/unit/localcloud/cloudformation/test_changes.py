"""What a change set tells, by value."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.localcloud.cloudformation import shapes
from provisimus.localcloud.cloudformation.changes import (
    Cause,
    Detail,
    changes,
    replacement_of,
)
from provisimus.localcloud.cloudformation.intrinsics import KNOWN_AFTER_APPLY
from provisimus.localcloud.cloudformation.parameters import ParameterValue
from provisimus.localcloud.cloudformation.stack import Deployment, Discarded, Resource, Stack
from provisimus.localcloud.cloudformation.template import parse

TEXT = """
Parameters: {Image: {Type: String}, Word: {Type: String, Default: "", NoEcho: true}}
Resources:
  Volume:
    Type: AWS::EC2::Volume
    DeletionPolicy: Snapshot
    Properties: {AvailabilityZone: eu-west-1a, Size: 1}
  Machine:
    Type: AWS::EC2::Instance
    Properties: {ImageId: !Ref Image, InstanceType: t3.small, UserData: !Base64 {"Ref": Word}}
  Attachment:
    Type: AWS::EC2::VolumeAttachment
    Properties: {InstanceId: !Ref Machine, VolumeId: !Ref Volume, Device: /dev/sdf}
"""


def deployment(text: str = TEXT, image: str = "ami-1", **tags: str) -> Deployment:
    return Deployment(
        text,
        {
            "Image": ParameterValue("Image", image),
            "Word": ParameterValue("Word", "hush", secret=True),
        },
        tags,
    )


def built(now: Deployment) -> Stack:
    """A stack in which everything of a deployment has been made."""
    stack = Stack("arn:stack", "greeter", "eu-west-1", "0", 0, "CREATE_COMPLETE", deployment=now)
    template = parse(now.template_text)
    context = shapes.base_context(stack, now, template, {})
    for name, entry in shapes.active(template, context).items():
        here = shapes.with_resources(context, stack.resources)
        shape = shapes.wanted_shape(entry, here, now.tags, stack.system_tags(name))
        stack.resources[name] = Resource(
            name,
            entry.type,
            f"{name.lower()}-1",
            shape.properties,
            shape.tags,
            {},
            "CREATE_COMPLETE",
            0,
            deletion_policy=entry.deletion_policy,
            update_replace_policy=entry.update_replace_policy,
        )
    return stack


def planned(stack: Stack, wanted: Deployment) -> Any:
    new = parse(wanted.template_text)
    old = parse(stack.deployment.template_text) if stack.deployment else None
    return changes(stack, old, new, wanted, shapes.base_context(stack, wanted, new, {}))


def summary(found: Any) -> list[tuple[str, str, str | None]]:
    return [(each.action, each.logical_id, each.replacement) for each in found]


def test_nothing_changes_when_nothing_changed() -> None:
    assert planned(built(deployment()), deployment()) == []


def test_everything_is_added_to_an_empty_stack() -> None:
    found = planned(Stack("arn:stack", "greeter", "eu-west-1", "0", 0), deployment())
    assert summary(found) == [("Add", n, None) for n in ("Volume", "Machine", "Attachment")]
    assert found[2].after["Properties"]["InstanceId"] == KNOWN_AFTER_APPLY


def test_another_image_replaces_and_what_refers_to_it_may_be_replaced() -> None:
    found = planned(built(deployment()), deployment(image="ami-2"))
    assert summary(found) == [
        ("Modify", "Machine", "True"),
        ("Modify", "Attachment", "Conditional"),
    ]
    assert found[0].policy_action == "ReplaceAndDelete"
    assert found[0].details == (
        Detail(
            "Properties",
            "ImageId",
            "Always",
            Cause("ParameterReference", "Image", "Static"),
            "ami-1",
            "ami-2",
        ),
    )
    assert found[1].details == (
        Detail(
            "Properties",
            "InstanceId",
            "Always",
            Cause("ResourceReference", "Machine", "Dynamic"),
            "machine-1",
            KNOWN_AFTER_APPLY,
        ),
    )


def test_what_stops_an_instance_is_conditional_and_touches_nothing_else() -> None:
    bigger = TEXT.replace("t3.small", "t3.large")
    found = planned(built(deployment()), deployment(bigger))
    assert summary(found) == [("Modify", "Machine", "Conditional")]
    assert found[0].details[0].cause == Cause("DirectModification", None, "Static")


def test_what_is_removed_comes_last_and_tells_its_policy() -> None:
    wanted = deployment(TEXT[: TEXT.index("  Attachment:")].replace("Volume:", "Disk:", 1))
    found = planned(built(deployment()), wanted)
    assert [(c.action, c.logical_id, c.policy_action) for c in found] == [
        ("Add", "Disk", None),
        ("Remove", "Attachment", "Delete"),
        ("Remove", "Volume", "Snapshot"),
    ] or {(c.action, c.logical_id, c.policy_action) for c in found} == {
        ("Add", "Disk", None),
        ("Remove", "Attachment", "Delete"),
        ("Remove", "Volume", "Snapshot"),
    }
    assert found[0].action == "Add"


def test_tags_of_the_stack_change_what_has_tags() -> None:
    found = planned(built(deployment(version="1")), deployment(version="2"))
    assert summary(found) == [("Modify", "Volume", "False"), ("Modify", "Machine", "False")]
    assert [(d.attribute, d.name, d.before, d.after) for d in found[0].details] == [
        ("Tags", "version", "1", "2")
    ]


def test_a_policy_alone_is_a_change() -> None:
    kept = TEXT.replace("DeletionPolicy: Snapshot", "DeletionPolicy: Retain")
    (change,) = planned(built(deployment()), deployment(kept))
    assert (change.logical_id, change.replacement, change.scope) == (
        "Volume",
        "False",
        ["DeletionPolicy"],
    )


def test_what_noecho_hides_stays_hidden() -> None:
    text = TEXT.replace('!Base64 {"Ref": Word}', "!Sub '${Word}!'")
    found = planned(Stack("arn:stack", "greeter", "eu-west-1", "0", 0), deployment(text))
    assert found[1].after["Properties"]["UserData"] == "****!"


def doomed(name: str, physical_id: str, *depends_on: str) -> Discarded:
    resource = Resource(name, "T", physical_id, {}, {}, {}, "X", 0, depends_on=depends_on)
    return Discarded(resource, "Delete")


@pytest.mark.parametrize(
    ("given", "order"),
    [
        ([doomed("A", "a"), doomed("B", "b", "A"), doomed("C", "c", "B")], "cba"),
        ([doomed("Machine", "m1", "Group"), doomed("Group", "g")], "m1 g"),
        (
            [doomed("G", "g1"), doomed("M", "m1", "G"), doomed("G", "g2"), doomed("M", "m2", "G")],
            "m2 m1 g2 g1",
        ),
        ([doomed("A", "a", "B"), doomed("B", "b", "A")], "ba"),
        ([], ""),
    ],
)
def test_what_goes_goes_before_what_it_refers_to(given: Any, order: str) -> None:
    found = [each.resource.physical_id for each in shapes.cleanup_order(given)]
    assert found == (order.split() if " " in order else list(order))


STATIC, DYNAMIC = (
    Cause("DirectModification", None, "Static"),
    Cause("ResourceReference", "X", "Dynamic"),
)


@pytest.mark.parametrize(
    ("pairs", "replacement"),
    [
        ([("Never", STATIC)], "False"),
        ([("Never", STATIC), ("Conditionally", STATIC)], "Conditional"),
        ([("Conditionally", STATIC), ("Always", STATIC)], "True"),
        ([("Always", DYNAMIC)], "Conditional"),
        ([], "False"),
    ],
)
def test_the_strongest_detail_decides(pairs: Any, replacement: str) -> None:
    details = [Detail("Properties", "P", strength, cause, "a", "b") for strength, cause in pairs]
    assert replacement_of(details) == replacement
