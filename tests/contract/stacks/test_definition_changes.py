"""Growing, resizing and restoring: the file is changed, the stack follows, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from provisimus.cli import definition_change
from provisimus.cli.app import provisimus
from provisimus.errors import Refused, RolledBack, StillRunning, Unhealthy, UsageFault
from provisimus.model import Plan
from provisimus.tasks.sizes import check_type
from provisimus.tasks.volumes import list_snapshots, list_volumes, take_snapshot

if TYPE_CHECKING:
    from conftest import Scene


@pytest.fixture
def run(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command whose release is the scene's own: what it bakes is no machine."""

    def carry_out(
        session: Any, service: str, *, allow: frozenset[str], agreed: bool, **_: Any
    ) -> None:
        assert agreed
        stack = scene.release("1.0.0", allow=allow)
        session.emit({"stack": stack.name}, stack.name)

    def plan(session: Any, service: str, text: str, timeout: float | None) -> Plan:
        draft = session.workspace.with_draft(service, text)
        from provisimus.stacks import plan_stack

        made = plan_stack(
            draft, scene.environment, service, "1.0.0", scene.plan("1.0.0").machine_fingerprint
        )
        return Plan(service, "1.0.0", "local", made.steps(), {}, {})

    monkeypatch.setattr("provisimus.cli.session.Session.open", lambda *_, **__: scene.environment)
    monkeypatch.setattr(definition_change, "carry_out", carry_out)
    monkeypatch.setattr(definition_change, "_plan", plan)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(provisimus, [*arguments, "-C", str(scene.root)])

    return run


def file_of(scene: Scene) -> str:
    return (scene.root / "stacks/greeter.yaml").read_text()


def test_a_volume_grows_in_use_and_the_definition_says_so(scene: Scene, run: Any) -> None:
    before = scene.release("1.0.0")
    text = file_of(scene)
    told = run("volume", "grow", "greeter", "--to", "3 GiB", "--dry-run", "--json")
    assert told.exit_code == 0, told.exception
    assert "+data_volumes: [{mount: /data, size: 3 GiB}]" in json.loads(told.stdout)["difference"]
    assert "grows to 3 GiB" in json.dumps(json.loads(told.stdout)["plan"])
    assert file_of(scene) == text
    unasked = run("volume", "grow", "greeter", "--to", "3 GiB")
    assert isinstance(unasked.exception, UsageFault)
    assert file_of(scene) == text

    (volume,) = list_volumes(scene.environment, scene.workspace.name)
    done = run("volume", "grow", volume.volume_id, "--to", "3 GiB", "--yes")
    assert done.exit_code == 0, done.exception
    assert "has not grown yet" in done.stderr
    (after,) = list_volumes(scene.environment, scene.workspace.name)
    assert (after.volume_id, after.size, after.used_by) == (
        volume.volume_id, 3, before.outputs["InstanceId"],
    )  # fmt: skip
    assert file_of(scene) == text.replace("1 GiB", "3 GiB")
    assert scene.plan("1.0.0").change == "none"
    smaller = run("volume", "grow", "greeter", "--to", "2 GiB", "--yes")
    assert isinstance(smaller.exception, Refused)


def test_an_instance_is_resized_in_its_environment(scene: Scene, run: Any) -> None:
    before = scene.release("1.0.0")
    assert isinstance(
        run("instance", "resize", "greeter", "--type", "z9.huge", "--yes").exception, UsageFault
    )
    with pytest.raises(Refused, match="arm64"):
        check_type(scene.environment, "t4g.small", before.outputs["InstanceId"])
    done = run("instance", "resize", "greeter", "--type", "t3.medium", "--yes")
    assert done.exit_code == 0, done.exception
    assert "local: {instance_type: t3.medium}" in file_of(scene)
    (group,) = scene.ec2.describe_instances(InstanceIds=[before.outputs["InstanceId"]])[
        "Reservations"
    ]
    assert group["Instances"][0]["InstanceType"] == "t3.medium"
    again = run("instance", "resize", "greeter", "--type", "t3.medium", "--yes", "--json")
    assert again.exit_code == 0, again.exception


def test_a_service_is_put_back_on_a_snapshot(scene: Scene, run: Any) -> None:
    before = scene.release("1.0.0")
    project = scene.workspace.name
    (old,) = list_volumes(scene.environment, project)
    taken = take_snapshot(scene.environment, project, old, "before the import")
    done = run("snapshot", "restore", taken, "--service", "greeter", "--yes")
    assert done.exit_code == 0, (done.exception, done.output)
    (new,) = list_volumes(scene.environment, project)
    assert new.volume_id != old.volume_id
    assert new.used_by not in (None, before.outputs["InstanceId"])
    described = scene.ec2.describe_volumes(VolumeIds=[new.volume_id])["Volumes"][0]
    assert described["SnapshotId"] == taken
    # Of what went snapshots stay, beside the one it was put back on: that of the rest before
    # another instance came, and that of the end.
    kept = scene.ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [old.volume_id]}])
    assert len(kept["Snapshots"]) == 3
    assert {each.snapshot_id for each in list_snapshots(scene.environment, project)} >= {taken}
    assert scene.plan("1.0.0").change == "none"
    # What the file names is never too old.
    pruned = json.loads(run("snapshot", "prune", "--keep", "0", "--yes", "--json").stdout)
    assert taken not in {each["snapshot_id"] for each in pruned}
    assert taken in {each.snapshot_id for each in list_snapshots(scene.environment, project)}
    gone = run("snapshot", "restore", "snap-0123456789abcdef0", "--service", "greeter", "--yes")
    assert "there is no snapshot" in str(gone.exception)


def test_where_the_data_went_with_a_change_that_does_not_answer_nothing_is_brought_back_empty(
    scene: Scene, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.release("1.0.0")
    (old,) = list_volumes(scene.environment, scene.workspace.name)
    taken = take_snapshot(scene.environment, scene.workspace.name, old, "before the import")
    [tagged] = scene.ec2.describe_images(ImageIds=[scene.image("1.0.0").image_id])["Images"]
    scene.ec2.create_tags(Resources=[tagged["ImageId"]], Tags=[{"Key": "sick", "Value": "now"}])
    scene.define(file_of(scene), within="2s")
    done = run("snapshot", "restore", taken, "--service", "greeter", "--yes")
    assert isinstance(done.exception, Unhealthy)
    assert "its data volume of /data went with this change" in done.exception.message
    (new,) = list_volumes(scene.environment, scene.workspace.name)
    [described] = scene.ec2.describe_volumes(VolumeIds=[new.volume_id])["Volumes"]
    assert described["SnapshotId"] == taken
    # The stack is what the file says, so the file says it on.
    assert f"made_of: {taken}" in file_of(scene)


@pytest.mark.parametrize(
    ("fault", "kept"), [(RolledBack("it does not answer"), False), (StillRunning("busy"), True)]
)
def test_a_change_that_is_rolled_back_leaves_the_file_as_it_was(
    scene: Scene, run: Any, monkeypatch: pytest.MonkeyPatch, fault: Exception, kept: bool
) -> None:
    scene.release("1.0.0")
    text = file_of(scene)

    def carry_out(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(definition_change, "carry_out", carry_out)
    done = run("instance", "resize", "greeter", "--type", "t3.medium", "--yes")
    assert done.exception is fault
    assert (file_of(scene) != text) is kept


def test_the_preview_is_made_of_the_draft_by_the_chain_itself(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.release("1.0.0")
    text = file_of(scene)
    base = scene.image("base")
    (scene.root / "provisimus.yaml").write_text(
        f"project: {scene.workspace.name}\n"
        f"bases: {{debian-12: {{aws: {{owner: '123456789012', name: '{base.name}'}}}}}}\n"
        "environments: {local: {provider: aws, account: '123456789012', region: eu-west-1}}\n"
    )
    machine = scene.root / "packer/greeter/machine.yaml"
    vendor = f"{{image: 'vendor.example/greeter@sha256:{'0' * 64}'}}"
    machine.write_text(machine.read_text().replace("main: greeter", f"main: {vendor}"))
    monkeypatch.setattr("provisimus.cli.session.Session.open", lambda *_, **__: scene.environment)
    arguments = ["volume", "grow", "greeter", "--to", "3 GiB", "--dry-run", "--json"]
    done = CliRunner().invoke(provisimus, [*arguments, "-C", str(scene.root)])
    assert done.exit_code == 0, (done.exception, getattr(done.exception, "hint", None))
    steps = json.loads(done.stdout)["plan"]["steps"]
    reason = next(each["reason"] for each in steps if each["stage"] == "stack")
    assert "the data volume of /data grows to 3 GiB" in reason
    assert file_of(scene) == text
