"""A release that is killed outright at any moment: the next run ends as that one would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provisimus.errors import GaveWay, Unhealthy
from provisimus.model import Stack
from provisimus.stacks.live import find_stack

if TYPE_CHECKING:
    from conftest import Scene

PLAIN = "ingress: [{port: 18080, from: 0.0.0.0/0}]\n"

A_SWAP = (
    "begin stop …",
    "end stop …",
    "begin snapshot data volumes",
    "end snapshot data volumes",
    "begin release the volumes of …",
    "reviewed release the volumes of …",
    "under way release the volumes of …",
    "end release the volumes of …",
    "begin swap the instance of …",
    "reviewed swap the instance of …",
    "under way swap the instance of …",
    "end swap the instance of …",
    "begin health of …",
    "end health of …",
)
"""Every moment of a swap, in order."""

A_RETURN = (
    *A_SWAP,
    "begin stop … again",
    "end stop … again",
    "begin snapshot data volumes again",
    "end snapshot data volumes again",
    "begin release the volumes of … again",
    "reviewed release the volumes of … again",
    "under way release the volumes of … again",
    "end release the volumes of … again",
    "begin return … to version 1.0.0",
    "reviewed return … to version 1.0.0",
    "under way return … to version 1.0.0",
    "end return … to version 1.0.0",
    "begin health of … again",
    "end health of … again",
)
"""And of one whose new version never answers."""

TELLING = ("reviewed release the volumes of …", "under way swap the instance of …")
TELLING_OF_A_RETURN = ("begin health of …", "under way release the volumes of … again")
"""The moments of every run; the others are tried with --all."""


def of_each(moments: tuple[str, ...], telling: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("moment", "rare"), [(each, each not in telling) for each in moments], ids=str
    )


@of_each(A_SWAP, TELLING)
def test_a_swap_killed_at_any_moment_is_finished_by_the_next_run(
    scene: Scene, moment: str, rare: bool, long: bool
) -> None:
    if rare and not long:
        pytest.skip("one of the long variants: --all")
    before = scene.release("1.0.0")
    passed = scene.killed(moment, "1.0.1")
    assert passed == list(A_SWAP[: A_SWAP.index(moment) + 1])
    after = scene.go_on("1.0.1")
    assert scene.answer(after)["image"].endswith("-1.0.1")
    nothing_is_lost(scene, before, after)
    assert scene.plan("1.0.1").change == "none"


@of_each(A_RETURN, TELLING_OF_A_RETURN)
def test_a_sick_version_gives_way_whenever_the_run_was_killed(
    scene: Scene, moment: str, rare: bool, long: bool
) -> None:
    if rare and not long:
        pytest.skip("one of the long variants: --all")
    before = scene.release("1.0.0")
    passed = scene.killed(moment, "1.0.1", sick=True)
    assert passed == list(A_RETURN[: A_RETURN.index(moment) + 1])
    with pytest.raises(GaveWay, match=r"status 503.*version 1\.0\.0 runs again"):
        scene.go_on("1.0.1", sick=True)
    after = find_stack(scene.environment, before.name)
    assert after is not None
    assert scene.answer(after)["image"].endswith("-1.0.0")
    nothing_is_lost(scene, before, after)
    assert scene.plan("1.0.0").change == "none"


def nothing_is_lost(scene: Scene, before: Stack, after: Stack) -> None:
    """The same volume, attached to the one instance of the stack that there is."""
    volume = before.outputs["DataVolumeData"]
    assert after.outputs["DataVolumeData"] == volume
    [found] = scene.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    assert [(each["InstanceId"], each["State"]) for each in found["Attachments"]] == [
        (after.outputs["InstanceId"], "attached")
    ]
    groups = scene.ec2.describe_instances(
        Filters=[
            {"Name": "tag:aws:cloudformation:stack-name", "Values": [after.name]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]},
        ]
    )["Reservations"]
    alive = [each["InstanceId"] for group in groups for each in group["Instances"]]
    assert alive == [after.outputs["InstanceId"]]


def test_without_data_a_sick_version_gives_way_after_a_kill_too(scene: Scene) -> None:
    scene.define(PLAIN)
    scene.release("1.0.0")
    scene.killed("begin health of …", "1.0.1", sick=True)
    with pytest.raises(GaveWay, match=r"version 1\.0\.0 runs again"):
        scene.go_on("1.0.1", sick=True)
    assert not any(step.needed for step in scene.plan("1.0.0").steps())


def test_after_a_kill_another_version_has_the_last_that_answered_behind_it(scene: Scene) -> None:
    scene.define(PLAIN)
    scene.release("1.0.0")
    scene.killed("begin health of …", "1.0.1", sick=True)
    with pytest.raises(GaveWay, match=r"version 1\.0\.0 runs again"):
        scene.go_on("1.0.2", sick=True)


def test_a_version_that_answered_once_is_not_gone_back_from(scene: Scene) -> None:
    scene.define(PLAIN)
    scene.release("1.0.0")
    stack = scene.release("1.0.1")
    image = scene.image("1.0.1").image_id
    scene.ec2.create_tags(Resources=[image], Tags=[{"Key": "sick", "Value": "now"}])
    with pytest.raises(Unhealthy) as caught:
        scene.release("1.0.1")
    assert "runs again" not in caught.value.message
    assert find_stack(scene.environment, stack.name) == stack
