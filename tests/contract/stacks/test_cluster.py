"""A cluster: its members are changed one after the other, and the rest stays when one is sick."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from provisimus.cli import definition_change
from provisimus.cli.app import provisimus
from provisimus.errors import GaveWay, Refused
from provisimus.model import Commits, Digest, Plan, Stack, fingerprint
from provisimus.release.execute import _stack
from provisimus.release.plan import ReleasePlan
from provisimus.stacks import find_stack, plan_stack
from provisimus.stacks.live import VERSION, stack_name
from provisimus.tasks.volumes import list_volumes, take_snapshot

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
    with scene.patience.kept():
        _stack(whole, environment, image, Commits({}), scene.hear, run, None)


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
    with pytest.raises(GaveWay, match=r"version 1\.0\.0 runs again"):
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


def test_one_member_is_put_back_on_a_snapshot(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.declare("cache", CLUSTER)
    release(scene, "1.0.0")
    one, two = members(scene)
    project = scene.workspace.name
    (old,) = list_volumes(scene.environment, project, "cache-2")
    taken = take_snapshot(scene.environment, project, old, "before the import")

    def carry_out(session: Any, service: str, *, allow: frozenset[str], **_: Any) -> None:
        assert service == "cache-2"
        wanted = machine("1.0.0", sick=False)
        plan = plan_stack(session.workspace, scene.environment, service, "1.0.0", wanted)
        scene.carry_out(plan, allow=allow)

    def plan(session: Any, service: str, text: str, timeout: float | None) -> Plan:
        draft, wanted = session.workspace.with_draft("cache", text), machine("1.0.0", sick=False)
        made = plan_stack(draft, scene.environment, service, "1.0.0", wanted)
        return Plan(service, "1.0.0", "local", made.steps(), {}, {})

    monkeypatch.setattr("provisimus.cli.session.Session.open", lambda *_, **__: scene.environment)
    monkeypatch.setattr(definition_change, "carry_out", carry_out)
    monkeypatch.setattr(definition_change, "_plan", plan)

    def restore(service: str) -> Any:
        arguments = ["snapshot", "restore", taken, "--service", service, "--yes"]
        return CliRunner().invoke(provisimus, [*arguments, "-C", str(scene.root)])

    assert restore("cache").exception.hint == "name the member: cache-1, cache-2"  # type: ignore[union-attr]
    assert isinstance(restore("cache-1").exception, Refused)
    done = restore("cache-2")
    assert done.exit_code == 0, (done.exception, done.output)
    after = members(scene)
    assert after[0] == one
    (new,) = list_volumes(scene.environment, project, "cache-2")
    [described] = scene.ec2.describe_volumes(VolumeIds=[new.volume_id])["Volumes"]
    assert (described["SnapshotId"], new.volume_id == old.volume_id) == (taken, False)
    assert after[1].outputs["InstanceId"] != two.outputs["InstanceId"]
    entry = f"restored: [{{member: 2, mount: /data, snapshot: {taken}}}]"
    assert entry in (scene.root / "stacks/cache.yaml").read_text()
    for name in scene.workspace.members("cache"):
        wanted = machine("1.0.0", sick=False)
        planned = plan_stack(scene.workspace, scene.environment, name, "1.0.0", wanted)
        assert planned.change == "none"
        scene.deleted(name)
