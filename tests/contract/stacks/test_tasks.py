"""Management tasks on a service that runs: its power, its volumes, its snapshots."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from provisimus.cli.app import provisimus
from provisimus.errors import NotFound, Refused, Undeclared, UsageFault
from provisimus.events import silence
from provisimus.release.lineage import find_traced
from provisimus.stacks.follow import Deadline
from provisimus.tasks.power import change_power, check_power, has_it
from provisimus.tasks.volumes import (
    chosen_volume,
    list_snapshots,
    list_volumes,
    remove_snapshots,
    surplus,
    take_snapshot,
)

if TYPE_CHECKING:
    from conftest import Scene


def test_an_instance_is_stopped_started_and_rebooted(scene: Scene) -> None:
    stack = scene.release("1.0.0")
    instance = stack.outputs["InstanceId"]
    for power, state in (("stop", "stopped"), ("start", "running"), ("reboot", "running")):
        before = find_traced(scene.environment, scene.workspace, "greeter")["State"]["Name"]
        check_power(power, instance, before)
        assert not has_it(power, before)
        deadline = Deadline.after(30)
        assert change_power(scene.environment, instance, power, silence, deadline) == state
    assert has_it("start", "running")
    with pytest.raises(Refused, match="is terminated, so it cannot be told to reboot"):
        check_power("reboot", instance, "terminated")


def test_a_service_of_several_instances_needs_one_to_be_named(scene: Scene) -> None:
    scene.release("1.0.0")
    project = scene.workspace.name
    scene.declare("main", "type: network\nnat: none\n")
    scene.applied("main")
    with pytest.raises(NotFound, match="no service 'main' runs in local"):
        find_traced(scene.environment, scene.workspace, "main")
    ami = scene.image("1.0.0").image_id
    tags = [
        {"Key": "provisimus:project", "Value": project},
        {"Key": "provisimus:service", "Value": "main"},
    ]
    made = scene.ec2.run_instances(
        ImageId=ami, MinCount=2, MaxCount=2,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"]  # fmt: skip
    with pytest.raises(UsageFault, match="main has 2 instances") as fault:
        find_traced(scene.environment, scene.workspace, "main")
    assert made[0]["InstanceId"] in str(fault.value.hint)
    scene.ec2.terminate_instances(InstanceIds=[made[0]["InstanceId"]])
    found = find_traced(scene.environment, scene.workspace, "main")
    assert found["InstanceId"] == made[1]["InstanceId"]


def test_snapshots_are_taken_listed_and_pruned(scene: Scene) -> None:
    stack = scene.release("1.0.0")
    environment, project = scene.environment, scene.workspace.name
    (volume,) = list_volumes(environment, project)
    assert (volume.service, volume.mount, volume.size, volume.used_by) == (
        "greeter", "/data", 1, stack.outputs["InstanceId"],
    )  # fmt: skip
    assert list_volumes(environment, project, "nothing") == []
    assert chosen_volume([volume], "greeter", None) == volume
    with pytest.raises(NotFound, match="greeter has no data volume at /other"):
        chosen_volume([volume], "greeter", "/other")

    made = [take_snapshot(environment, project, volume, f"number {n}") for n in range(3)]
    found = list_snapshots(environment, project, "greeter")
    assert {each.snapshot_id for each in found} == set(made)
    assert {(each.mount, each.policy) for each in found} == {("/data", "by hand")}
    going = surplus(found, 2)
    assert len(going) == 1
    remove_snapshots(environment, going)
    left = list_snapshots(environment, project)
    assert {each.snapshot_id for each in left} == set(made) - {going[0].snapshot_id}


def test_commands_tell_as_json(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.release("1.0.0")
    monkeypatch.setattr("provisimus.cli.session.Session.open", lambda *_, **__: scene.environment)

    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(provisimus, [*arguments, "-C", str(scene.root), "--json"])
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    (volume,) = run("volume", "list")
    assert run("snapshot", "create", "greeter", "--dry-run")["snapshot"] is None
    taken = run("snapshot", "create", "greeter")
    assert taken["volume"] == volume["volume_id"]
    assert [each["snapshot_id"] for each in run("snapshot", "list")] == [taken["snapshot"]]
    assert len(run("snapshot", "prune", "--keep", "0", "--dry-run")) == 1
    assert len(run("snapshot", "prune", "--keep", "0", "--yes")) == 1
    assert run("snapshot", "list") == []
    assert run("instance", "stop", "greeter", "--dry-run")["state"] == "running"
    assert run("instance", "start", "greeter")["state"] == "running"


def test_lines_that_were_shipped_are_read_by_service(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisimus.cli.session.Session.open", lambda *_, **__: scene.environment)

    def run(*arguments: str) -> Any:
        words = ["logs", *arguments, "-C", str(scene.root)]
        done = CliRunner().invoke(provisimus, words)
        if done.exception:
            return done.exception
        return json.loads(done.stdout) if "--json" in arguments else done.stdout.splitlines()

    assert isinstance(run("nobody", "--since", "1h"), Undeclared)
    assert "no stack of greeter" in str(run("greeter", "--since", "1h"))
    scene.release("1.0.0")
    assert "has no log group" in str(run("greeter", "--since", "1h"))
    scene.define(f"{(scene.root / 'stacks/greeter.yaml').read_text()}logs: {{keep: 7d}}\n")
    group = scene.release("1.0.1").outputs["LogGroup"]
    assert run("greeter", "--since", "1h") == []

    api = scene.environment.cloud.logs
    now = int(time.time() * 1000)
    for stream, lines in (
        ("i-gone/greeter", [(now - 7_200_000, "long ago"), (now - 3000, "bye\n")]),
        ("i-new/greeter", [(now - 1000, "hello")]),
        ("i-new/agent", [(now - 2000, "here")]),
    ):
        api.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": at, "message": text} for at, text in lines]
        api.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    told = [line.partition(" ")[2] for line in run("greeter", "--since", "1h")]
    assert told == ["i-gone greeter | bye", "i-new agent | here", "i-new greeter | hello"]
    (line,) = run("greeter", "--since", "3h", "--container", "greeter", "--lines", "1", "--json")
    assert line.pop("time").endswith("Z")
    assert line == {"instance": "i-new", "container": "greeter", "text": "hello"}
    assert len(run("greeter", "--since", "3h")) == 4
    for wrong in (("--since", "yesterday"), ("--since", "1h", "--follow")):
        assert isinstance(run("greeter", *wrong), UsageFault)
