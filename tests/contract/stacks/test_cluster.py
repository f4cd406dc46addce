"""A cluster: its members are changed one after the other, and the rest stays when one is sick."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from provisimus.errors import Unhealthy
from provisimus.model import Commits, Digest, Plan, Stack, fingerprint
from provisimus.release.execute import _stack
from provisimus.release.plan import ReleasePlan
from provisimus.stacks import find_stack, plan_stack
from provisimus.stacks.live import VERSION, stack_name

if TYPE_CHECKING:
    from conftest import Scene

CLUSTER = (
    "type: cluster\nmachine: greeter\nmembers: 2\n"
    "ingress: [{port: 18080, from: 0.0.0.0/0}]\n"
    "data_volumes: [{mount: /data, size: 1 GiB}]\n"
)


def release(scene: Scene, version: str, *, sick: bool = False) -> None:
    workspace, environment = scene.workspace, scene.environment
    plans = [
        plan_stack(workspace, environment, name, version, machine(version, sick=sick))
        for name in workspace.members("cache")
    ]
    whole = ReleasePlan(Plan("cache", version, "local", (), {}, {}), "stack", members=(*plans,))
    image, run = scene.image(version, sick=sick), f"run-{uuid.uuid4().hex[:8]}"
    _stack(whole, environment, image, Commits({}), scene.events.append, run, None)


def machine(version: str, *, sick: bool) -> Digest:
    return fingerprint({"machine": version, "sick": sick})


def members(scene: Scene) -> list[Stack]:
    workspace, environment = scene.workspace, scene.environment
    names = [stack_name(workspace.name, "local", name) for name in workspace.members("cache")]
    found = [find_stack(environment, name) for name in names]
    return [each for each in found if each is not None]


def test_members_are_changed_one_after_the_other(scene: Scene) -> None:
    scene.declare("cache", CLUSTER)
    release(scene, "1.0.0")
    one, two = members(scene)
    assert one.outputs["DataVolumeData"] != two.outputs["DataVolumeData"]
    assert scene.answer(two)["image"].endswith("-1.0.0")

    # The first does not become healthy and goes back; the second was never touched.
    with pytest.raises(Unhealthy, match=r"version 1\.0\.0 runs again"):
        release(scene, "1.0.1", sick=True)
    after = members(scene)
    assert [each.tags[VERSION] for each in after] == ["1.0.0", "1.0.0"]
    assert after[0].outputs["DataVolumeData"] == one.outputs["DataVolumeData"]
    assert after[1] == two

    release(scene, "1.0.2")
    assert [each.tags[VERSION] for each in members(scene)] == ["1.0.2", "1.0.2"]
    volumes = [each.outputs["DataVolumeData"] for each in members(scene)]
    assert volumes == [one.outputs["DataVolumeData"], two.outputs["DataVolumeData"]]

    for name in scene.workspace.members("cache"):
        scene.deleted(name)
    assert members(scene) == []
