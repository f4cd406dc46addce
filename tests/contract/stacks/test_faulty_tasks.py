"""Releases and management tasks, while calls are throttled and connections lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.contract.stacks.faulty import THIRTY_PERCENT, heard, hurried, ran
from tests.contract.stacks.test_definition_changes import run

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.stacks import live

if TYPE_CHECKING:
    from conftest import Scene

__all__ = ["run"]


@dataclass(frozen=True)
class Task:
    """What is done to a service that runs 1.0.0, and the changing calls that it is done by.
    `snapshots` are those that there are then."""

    do: Callable[[Scene], None]
    calls: tuple[str, ...]
    snapshots: int = 0


def command(*words: str) -> Callable[[Scene], None]:
    def do(scene: Scene) -> None:
        snapshots = scene.ec2.describe_snapshots(OwnerIds=["self"], Filters=own(scene))["Snapshots"]
        named = [each["SnapshotId"] for each in snapshots]
        error = ran(scene.root, *(named[0] if word == "SNAPSHOT" else word for word in words))
        assert error is None, error

    return do


def own(scene: Scene) -> list[Any]:
    return [{"Name": "tag:provisimus:project", "Values": [scene.workspace.name]}]


CHANGE = ("CreateChangeSet", "ExecuteChangeSet", "CreateTags")
SWAP = ("StopInstances", "CreateSnapshot", *CHANGE)
TASKS = {
    "release": Task(lambda scene: scene.release("1.0.1") and None, SWAP, 2),
    "resize": Task(
        command("instance", "resize", "greeter", "--type", "t3.medium", "--yes"), CHANGE, 1
    ),
    "grow": Task(command("volume", "grow", "greeter", "--to", "3 GiB", "--yes"), CHANGE, 1),
    "restore": Task(
        command("snapshot", "restore", "SNAPSHOT", "--service", "greeter", "--yes"), SWAP, 3
    ),
    "snapshot": Task(command("snapshot", "create", "greeter"), ("CreateSnapshot",), 2),
    "prune": Task(command("snapshot", "prune", "--keep", "0", "--yes"), ("DeleteSnapshot",), 0),
    "stop": Task(command("instance", "stop", "greeter", "--yes"), ("StopInstances",), 1),
}


@pytest.fixture
def order(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def order(calls: str, **how: Any) -> None:
        body = json.dumps({"calls": calls, **how})
        httpx.post(f"{endpoint}/_localcloud/faults", content=body).raise_for_status()

    with hurried(monkeypatch):
        yield order
    httpx.delete(f"{endpoint}/_localcloud/faults").raise_for_status()


@pytest.fixture
def asking(scene: Scene, run: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The scene with a snapshot, and clients whose changing calls are heard."""
    scene.release("1.0.0")
    assert ran(scene.root, "snapshot", "create", "greeter") is None
    with heard(monkeypatch) as calls:
        given = scene.environment.cloud
        cloud = Cloud("eu-west-1", None, given.endpoint, None, ("test", "test"))
        scene.image("1.0.1")
        scene.environment = Environment("local", cloud, "127.0.0.1:5000")
        calls.clear()
        yield calls


def done(scene: Scene, task: Task) -> None:
    found = live.find_stack(scene.environment, f"{scene.workspace.name}-local-greeter")
    assert found is not None
    assert found.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    left = scene.ec2.describe_snapshots(OwnerIds=["self"], Filters=own(scene))["Snapshots"]
    assert len(left) == task.snapshots


@pytest.mark.parametrize("name", TASKS)
def test_a_third_of_the_calls_of_a_task_may_be_throttled(
    scene: Scene, asking: list[str], order: Callable[..., None], name: str
) -> None:
    task = TASKS[name]
    for service in ("cloudformation", "ec2", "sts"):
        order(f"{service}:*", **THIRTY_PERCENT)
    task.do(scene)
    assert {*asking} == {*task.calls}
    done(scene, task)


TELLING = ("CreateSnapshot", "DeleteSnapshot", "StopInstances")
"""What is tried in every run; all others with --all."""
LOST = [(name, call) for name, task in TASKS.items() for call in task.calls]


@pytest.mark.parametrize(("name", "call"), LOST)
def test_what_a_task_asked_for_and_never_heard_of_is_done_once(
    request: pytest.FixtureRequest, name: str, call: str, long: bool
) -> None:
    if not long and call not in TELLING:
        pytest.skip("one of the long variants: --all")
    scene, order = request.getfixturevalue("scene"), request.getfixturevalue("order")
    request.getfixturevalue("asking")
    order(f"*:{call}", kind="cut-after", times=1)
    TASKS[name].do(scene)
    done(scene, TASKS[name])
