"""Two bakes of one fingerprint at once: one waits, and uses what the other made."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from provisimus.environment import Environment
from provisimus.events import Event, Finished, Started
from provisimus.machines import ImageInput, MachinePlan, bake, boot_test, plan_machine
from provisimus.model import Commits, MachineImage
from provisimus.workspace import open_workspace

REFERENCE = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
HEALTHY = ["provisimus-bootstrap[7]: every container runs after 20 s"]
RUNS = ("20260101T000000-abcdef", "20260101T000000-fedcba")
MAKE = """\
import json, sys
from provisimus.aws import Cloud, as_tags
given = json.load(open(sys.argv[1]))["builders"][0]
ec2 = Cloud("eu-west-1", None, sys.argv[2], None, ("a", "b")).ec2
made = ec2.register_image(Name=given["ami_name"], RootDeviceName="/dev/xvda")["ImageId"]
ec2.create_tags(Resources=[made], Tags=as_tags(given["tags"]))
"""


@pytest.fixture
def plan(environment: Environment, tmp_path: Path) -> Callable[[], MachinePlan]:
    root = tmp_path / "acme"
    (root / "packer/greeter").mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        'project: acme\nbases: {debian-12: {aws: {owner: "123456789012", name: "debian-12-*"}}}\n'
    )
    (root / "packer/greeter/machine.yaml").write_text(
        f'base: debian-12\nmain: {{image: "{REFERENCE}", name: greeter}}\ndisk: 20 GiB\n'
    )
    ec2: Any = environment.cloud.ec2
    ec2.register_image(Name="debian-12-amd64", RootDeviceName="/dev/xvda", Architecture="x86_64")
    image = ImageInput("greeter", None, REFERENCE)
    workspace = open_workspace(root)
    return lambda: plan_machine(workspace, environment, "greeter", "1.0.0", {"greeter": image})


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: Environment) -> Path:
    """A program in Packer's place, which makes the AMI when somebody writes into this pipe."""
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    (tmp_path / "make.py").write_text(MAKE)
    program = tmp_path / "bin/packer"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\ncase $1 in version) echo Packer v1.6.6; exit ;; validate) exit ;; esac\n"
        f"echo run >>{tmp_path}/runs\nread -r go <{pipe}\nfor last; do :; done\n"
        f'exec {sys.executable} {tmp_path}/make.py "$last" {environment.cloud.endpoint}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(boot_test, "console_of", lambda *_: HEALTHY)
    return pipe


def test_one_waits_and_uses_the_others(
    environment: Environment, plan: Callable[[], MachinePlan], gate: Path, tmp_path: Path
) -> None:
    planned = plan()
    begun = threading.Event()
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, Started):
            begun.set()

    def baked(run: str, listener: Callable[[Event], None]) -> MachineImage:
        given = {"greeter": REFERENCE}
        return bake(planned, environment, given, Commits({}), listener, run)

    with ThreadPoolExecutor() as pool:
        first = pool.submit(baked, RUNS[0], lambda _: None)
        # Opening a pipe waits for its reader: the first bake is in Packer then.
        with gate.open("w") as opened:
            second = pool.submit(baked, RUNS[1], tell)
            assert begun.wait(60)
            opened.write("go\n")
        assert first.result() == second.result()
    assert (tmp_path / "runs").read_text() == "run\n"
    (finished,) = [event for event in events if isinstance(event, Finished)]
    assert finished.result == f"{first.result().image_id}, baked by another run just now"


def test_what_was_baked_since_the_plan_was_made_is_not_baked_again(
    environment: Environment, plan: Callable[[], MachinePlan], gate: Path, tmp_path: Path
) -> None:
    planned = plan()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(
            bake, planned, environment, {"greeter": REFERENCE}, Commits({}), lambda _: None, RUNS[0]
        )
        gate.write_text("go\n")
        made = first.result()
    again = bake(planned, environment, {"greeter": REFERENCE}, Commits({}), lambda _: None, RUNS[1])
    assert again == made
    assert (tmp_path / "runs").read_text() == "run\n"
