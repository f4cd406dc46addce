"""A stack with real machines: created, kept, swapped with its data, returned, deleted.

The machine image is the local cloud's tiny base, which answers seconds after power-on. It serves
/health, and /data/boots: one line per boot with the instance's id, on the first data volume.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.in_sync import differing
from tests.rehearsal.bases import own_cloud

from provisimus.console import console_of
from provisimus.environment import Environment, open_environment
from provisimus.errors import Locked, Unhealthy
from provisimus.events import Event, Finished, Said
from provisimus.model import Commits, MachineImage, Stack, fingerprint
from provisimus.release import one_at_a_time
from provisimus.stacks import StackPlan, apply_stack, find_stack, plan_stack
from provisimus.stacks.delete import delete_stack, plan_delete
from provisimus.stacks.instances import service_url
from provisimus.workspace import Workspace, open_workspace

WELL, SICK = "/health", "/nothing-here"


@dataclass
class Scene:
    root: Path
    environment: Environment
    images: dict[str, str]
    """AMI by version."""
    runs: int = 0

    @property
    def workspace(self) -> Workspace:
        return open_workspace(self.root)

    def define(self, health: str = WELL, within: str = "180s") -> None:
        (self.root / "packer/greeter/machine.yaml").write_text(
            "base: tiny\nmain: greeter\n"
            f"health: {{http: {{port: 8080, path: {health}}}, within: {within}}}\n"
            "volumes: [{mount: /data}]\n"
        )

    def plan(self, version: str) -> StackPlan:
        machine = fingerprint({"version": version})
        return plan_stack(self.workspace, self.environment, "greeter", version, machine)

    def release(self, version: str) -> Stack:
        self.runs += 1
        image = MachineImage("greeter", version, self.images[version], version)
        commits = Commits({"services": "unknown"})
        return apply_stack(
            self.plan(version), self.environment, image, commits, tell, f"rehearsal-{self.runs}"
        )

    def get(self, stack: Stack, path: str) -> str:
        url = service_url(self.environment, stack)
        assert url is not None
        return httpx.get(url.rstrip("/") + path, timeout=10, trust_env=False).text

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from provisimus.cli import main; main()", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("acme")
    for folder in ("stacks", "packer/greeter", "docker"):
        (root / folder).mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        "project: acme\n"
        "bases:\n"
        "  tiny:\n"
        '    aws: {owner: "136693071363", name: "tiny-*"}\n'
        "    local: {tiny: true}\n"
    )
    (root / "stacks/greeter.yaml").write_text(
        "ingress: [{port: 8080, from: 0.0.0.0/0}]\n"
        "instance_type: t2.nano\n"
        "data_volumes: [{mount: /data, size: 1 GiB}]\n"
    )
    with own_cloud(root.parent / "cloud", tmp_path_factory):
        workspace = open_workspace(root)
        environment = open_environment(workspace, "local", start=True)
        assert environment.local is not None
        try:
            environment.ensure_base("tiny", workspace.base("tiny"), tell)
            made = Scene(root, environment, images_of(environment))
            made.define()
            yield made
        finally:
            environment.local.down()


def images_of(environment: Environment) -> dict[str, str]:
    """Two machine images of the same disk: to CloudFormation a new id is a new machine."""
    ec2 = environment.cloud.ec2
    [base] = ec2.describe_images(Filters=[{"Name": "name", "Values": ["tiny-*"]}])["Images"]
    other = ec2.register_image(
        Name=f"{base['Name']}-again",
        RootDeviceName=base["RootDeviceName"],
        BlockDeviceMappings=base["BlockDeviceMappings"],
        Architecture="x86_64",
        VirtualizationType="hvm",
    )["ImageId"]
    return {"1.0.0": base["ImageId"], "1.0.1": other}


def test_the_life_of_a_stack(scene: Scene) -> None:
    first = scene.release("1.0.0")
    assert differing(scene.environment.cloud.cloudformation, first.name) == {}
    one = first.outputs["InstanceId"]
    assert scene.get(first, "/health").strip() == "ok"
    assert first.outputs["DataVolumeData"] in scene.get(first, "/")
    wait_for(lambda: one in scene.get(first, "/data/boots"))
    assert scene.plan("1.0.0").change == "none"

    # Another version: the data stays, the instance goes.
    second = scene.release("1.0.1")
    two = second.outputs["InstanceId"]
    assert two != one
    wait_for(lambda: scene.get(second, "/data/boots").split() == [one, two])
    assert second.outputs["DataVolumeData"] == first.outputs["DataVolumeData"]
    assert any("serving" in line for line in console_of(scene.environment, two))

    # One that never becomes healthy gives way to the one before, with its data.
    scene.define(health=SICK, within="10s")
    with pytest.raises(Unhealthy, match="was brought back and does not answer either") as raised:
        scene.release("1.0.0")
    scene.define()
    back = scene.release("1.0.1")
    assert back.status == "UPDATE_COMPLETE", raised.value
    three = back.outputs["InstanceId"]
    wait_for(lambda: scene.get(back, "/data/boots").split()[-1] == three)
    assert scene.get(back, "/data/boots").split()[:2] == [one, two]
    assert back.tags["provisimus:version"] == "1.0.1"

    # The command line's reading commands, each a process of its own.
    listed = json.loads(scene.run("stack", "list", "--json").stdout)
    assert [each["name"] for each in listed] == ["acme-local-greeter"]
    instances = json.loads(scene.run("instance", "list", "--json").stdout)
    assert [each["instance_id"] for each in instances] == [three]
    assert "tiny: serving" in scene.run("instance", "console", "greeter").stdout
    traced = json.loads(scene.run("trace", "greeter", "--json").stdout)
    assert traced["stack"]["version"] == "1.0.1"
    assert traced["instance"]["instance_id"] == three

    # Locked while somebody else is at it.
    with (
        one_at_a_time(scene.workspace, "local", "greeter", "another"),
        pytest.raises(Locked, match=f"by process {os.getpid()}, run another"),
        one_at_a_time(scene.workspace, "local", "greeter", "this"),
    ):
        pass

    stack, kept = plan_delete(scene.environment, "acme", "greeter")
    assert kept == ["/data"]
    delete_stack(scene.environment, stack, "greeter", tell, "rehearsal-end")
    assert find_stack(scene.environment, stack.name) is None
    assert nothing_runs(scene.environment)


def nothing_runs(environment: Environment) -> bool:
    groups: Any = environment.cloud.ec2.describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]}]
    )["Reservations"]
    return not groups


def wait_for(holds: Any, within: float = 30) -> None:
    import time

    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.2)


def tell(event: Event) -> None:
    if isinstance(event, Finished):
        line = f"{event.seconds:7.1f} s  {event.step}  {event.result}"
    elif isinstance(event, Said):
        line = f"           {event.step}  {event.text}"
    else:
        return
    print(line, flush=True)  # noqa: T201 - the times and words of a rehearsal, read when it fails
