"""Packer itself killed over a call to the local cloud: reap leaves nothing of its bake.

The base is the tiny one, which nobody can log in to, so the definition has a template of its own
that sets nothing up: Packer launches, images and cleans. By default a sample of the calls; with
--all each of them, before and after it reached the cloud.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.contract.machines.killing import Gate, gate_to, kill_with_children
from tests.contract.machines.test_killed import SETS_NOTHING_UP, await_end, standing
from tests.rehearsal.bases import own_cloud

from provisimus.environment import Environment, open_environment
from provisimus.events import silence
from provisimus.machines import find_temporary, reap
from provisimus.workspace import Workspace, open_workspace

HERE = Path(__file__).parents[1] / "contract" / "machines"
SAMPLE = (("RunInstances", True), ("CreateImage", True), ("CreateTags", False))
ENDS_WITHIN = 600


@dataclass
class Scene:
    workspace: Workspace
    environment: Environment
    baker: subprocess.Popen[str]
    gate: Gate
    url: str

    def start(self, run: str) -> int:
        """Starts a bake through the gate; gives its process."""
        assert self.baker.stdin is not None
        assert self.baker.stdout is not None
        root = self.workspace.root
        told = {"root": str(root), "endpoint": self.url, "run": run, "health": ""}
        self.baker.stdin.write(json.dumps({**told, "says": str(root / f"{run}.says")}) + "\n")
        self.baker.stdin.flush()
        return int(self.baker.stdout.readline())


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("killed") / "acme"
    (root / "packer/greeter").mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        f"project: killed-{time.strftime('%H%M%S')}\nbases:\n  tiny:\n"
        '    aws: {owner: "136693071363", name: "tiny-*"}\n    local: {tiny: true}\n'
    )
    reference = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
    (root / "packer/greeter/machine.yaml").write_text(
        f'base: tiny\nmain: {{image: "{reference}", name: greeter}}\n'
        "volumes: [{mount: /data}]\nhealth: {http: {port: 8080}, within: 1s}\n"
        "containers: {greeter: {ports: {8080: 8080}}}\n"
    )
    (root / "packer/greeter/template.pkr.hcl").write_text(SETS_NOTHING_UP)
    with own_cloud(root.parent / "cloud", tmp_path_factory):
        workspace = open_workspace(root)
        environment = open_environment(workspace, "local", start=True)
        assert environment.local is not None
        assert environment.cloud.endpoint is not None
        try:
            environment.ensure_base("tiny", workspace.base("tiny"))
            with (
                gate_to(environment.cloud.endpoint) as (gate, url),
                subprocess.Popen(
                    [sys.executable, str(HERE / "baking.py")],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                ) as baker,
            ):
                yield Scene(workspace, environment, baker, gate, url)
                assert baker.stdin is not None
                baker.stdin.close()
        finally:
            environment.local.down()


@pytest.mark.timeout(7200)
def test_killed_over_a_call_packer_leaves_nothing(scene: Scene, long: bool) -> None:
    moments = (
        ((number, after) for number in range(1000) for after in (False, True)) if long else SAMPLE
    )
    before = standing(scene.environment)
    for index, (at, after) in enumerate(moments):
        run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{index:06x}"
        came = killed(scene, run, at, after=after)
        told = standing(scene.environment)
        state = scene.workspace.state
        for _ in range(2):
            left = find_temporary(scene.environment, scene.workspace.name, state)
            reap(scene.environment, left, state, silence)
        assert standing(scene.environment) == before, (at, after, told, scene.gate.calls)
        print(f"{at} {'after' if after else 'before'}: {changed(before, told)}")  # noqa: T201
        if not came:
            # The bake ended by itself: there are no more calls.
            assert long
            break
        assert told != before or long, "there was something to reap"


def killed(scene: Scene, run: str, at: int | str, *, after: bool) -> bool:
    """Whether the bake came to the call that it was to be killed over."""
    child: list[int] = []

    def kill() -> None:
        kill_with_children(child[0])

    scene.gate.arm(at, kill, after=after)
    child.append(scene.start(run))
    await_end(child[0], within=ENDS_WITHIN)
    says = scene.workspace.root / f"{run}.says"
    if not scene.gate.killed.is_set():
        assert says.read_text() == "unhealthy", says.read_text()
    return scene.gate.killed.is_set()


def changed(before: dict[str, set[str]], now: dict[str, set[str]]) -> dict[str, int]:
    return {kind: len(now[kind] - before[kind]) for kind in now if now[kind] != before[kind]}
