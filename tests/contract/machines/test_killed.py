"""A bake killed at each of its calls in turn, before and after the call reached the cloud.

Whatever the moment, `machine reap` of another process leaves nothing. Packer is played by a program
that makes the very calls of its `amazon-ebs`; the real one is killed in the rehearsals. At a call
that only reads, the cloud stands as after the change before: those take their turn with --all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.contract.machines.killing import READS, Gate, gate_to, kill_with_children

from provisimus.environment import Environment
from provisimus.events import silence
from provisimus.machines import find_temporary, reap, runs, tags
from provisimus.machines.reap import forget_settled

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(900)
Bake = Callable[[str, str], tuple[int, Path]]

SETS_NOTHING_UP = """\
variable "region" {}
variable "base_ami" {}
variable "instance_type" {}
variable "ami_name" {}
variable "ami_description" {}
variable "security_group_id" {}
variable "key_pair" {}
variable "tags" {}
variable "run_tags" {}
variable "endpoint" {}

source "amazon-ebs" "x" {
  region                      = var.region
  source_ami                  = var.base_ami
  instance_type               = var.instance_type
  ami_name                    = var.ami_name
  ami_description             = var.ami_description
  communicator                = "none"
  security_group_id           = var.security_group_id
  temporary_key_pair_name     = var.key_pair
  tags                        = jsondecode(var.tags)
  snapshot_tags               = jsondecode(var.tags)
  run_tags                    = jsondecode(var.run_tags)
  run_volume_tags             = jsondecode(var.run_tags)
  custom_endpoint_ec2         = var.endpoint
  skip_region_validation      = true
  skip_metadata_api_check     = true
  skip_credential_validation  = true
  aws_polling {
    delay_seconds = 1
    max_attempts  = 300
  }
}

build {
  sources = ["source.amazon-ebs.x"]
}
"""
"""A template of the definition's own for the real Packer: no machine, no SSH, nothing set up."""


@pytest.fixture
def root(environment: Environment, tmp_path: Path) -> Path:
    root = tmp_path / "acme"
    (root / "packer/greeter").mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        'project: acme\nbases: {debian-12: {aws: {owner: "123456789012", name: "debian-12-*"}}}\n'
    )
    reference = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
    (root / "packer/greeter/machine.yaml").write_text(
        f'base: debian-12\nmain: {{image: "{reference}", name: greeter}}\ndisk: 20 GiB\n'
        "volumes: [{mount: /data}]\nhealth: {http: {port: 8080}}\n"
        "containers: {greeter: {ports: {8080: 8080}}}\n"
    )
    environment.cloud.ec2.register_image(Name="debian-12-amd64", RootDeviceName="/dev/xvda")
    return root


@pytest.fixture
def gate(endpoint: str) -> Iterator[tuple[Gate, str]]:
    with gate_to(endpoint) as made:
        yield made


@pytest.fixture
def bake(root: Path, gate: tuple[Gate, str], tmp_path: Path) -> Iterator[Bake]:
    """Starts a bake of a run, of a machine that becomes healthy or does not; gives its process."""
    program = tmp_path / "bin" / "packer"
    program.parent.mkdir()
    stand_in = HERE / "packer_stand_in.py"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {stand_in} "$@"\n')
    program.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, str(HERE / "baking.py")],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def start(run: str, health: str) -> tuple[int, Path]:
            says = tmp_path / f"{run}.says"
            told = {"root": str(root), "endpoint": gate[1], "run": run, "health": health}
            process.stdin.write(json.dumps({**told, "says": str(says)}) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline()), says

        yield start
        process.stdin.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("health", ["healthy", "unhealthy"])
def test_killed_at_any_call_nothing_is_left(
    environment: Environment,
    root: Path,
    gate: tuple[Gate, str],
    bake: Bake,
    tmp_path: Path,
    health: str,
    after: bool,
    long: bool,
) -> None:
    calls = complete(environment, gate[0], bake, health)
    before = standing(environment)
    state = root / ".provisimus"
    killed = full = 0
    for number, action in enumerate(calls):
        if READS.match(action) and not long:
            continue
        run = new_run(number)
        child = start_killed(gate[0], bake, run, health, number, after=after)
        await_end(child)
        # What is asked before a launch is asked at once, in any order.
        if not READS.match(action):
            assert gate[0].calls[number] == action, (number, gate[0].calls)
        if health == "healthy" and after and number == len(calls) - 1:
            # It was tagged as usable: the bake is done.
            assert standing(environment) != before
            break
        told = standing(environment)
        killed, full = killed + 1, full + (told != before)
        if number % 2:
            # On this machine, where its journal is, at once.
            left = find_temporary(environment, "acme", state)
        else:
            # On another machine, when its time is over.
            later = datetime.now(UTC) + timedelta(hours=5)
            left = find_temporary(environment, "acme", tmp_path / "elsewhere", now=later)
        assert all(each.removable for each in left), left
        reap(environment, left, state, silence)
        assert standing(environment) == before, (number, action, told, left)
        assert forget_settled(state, datetime.now(UTC) + timedelta(hours=1)) == {}
        assert runs.known_runs(state) == []
    assert full > killed / 2, "most moments leave something behind"


@pytest.mark.skipif(shutil.which("packer") is None, reason="Packer is not installed")
def test_packer_itself_makes_the_calls_of_its_stand_in_and_is_reaped_likewise(
    environment: Environment, root: Path, gate: tuple[Gate, str], bake: Bake, long: bool
) -> None:
    played = complete(environment, gate[0], bake, "healthy")
    (root / "packer/greeter/template.pkr.hcl").write_text(SETS_NOTHING_UP)
    # The stand-in steps aside.
    (root.parent / "bin" / "packer").unlink()
    calls = complete(environment, gate[0], bake, "healthy", number=998)
    assert changing(calls) == changing(played)

    before = standing(environment)
    state = root / ".provisimus"
    sample = [calls.index(name) for name in ("RunInstances", "CreateImage", "CreateTags")]
    moments = range(len(calls) - 1) if long else sample
    for number in moments:
        child = start_killed(gate[0], bake, new_run(number), "healthy", number, after=True)
        await_end(child)
        left = find_temporary(environment, "acme", state)
        reap(environment, left, state, silence)
        assert standing(environment) == before, (number, gate[0].calls, left)


def changing(calls: list[str]) -> list[str]:
    return [each for each in calls if not READS.match(each)]


def complete(
    environment: Environment, gate: Gate, bake: Bake, health: str, number: int = 999
) -> list[str]:
    """The calls of a bake that nobody kills, whose image is removed again."""
    before = standing(environment)
    gate.arm(None)
    child, says = bake(new_run(number), health)
    await_end(child)
    assert says.read_text() == health
    ec2: Any = environment.cloud.ec2
    for image in ec2.describe_images(Owners=["self"])["Images"]:
        if tags.USABLE in {each["Key"] for each in image.get("Tags", ())}:
            from provisimus.machines.removal import remove_image

            remove_image(environment.cloud, image["ImageId"])
    assert standing(environment) == before, "a bake that ends leaves nothing but its image"
    return list(gate.calls)


def start_killed(gate: Gate, bake: Bake, run: str, health: str, number: int, *, after: bool) -> int:
    child: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 10
        while not child and time.monotonic() < deadline:
            time.sleep(0.01)
        kill_with_children(child[0])

    gate.arm(number, kill, after=after)
    child.append(bake(run, health)[0])
    return child[0]


def await_end(pid: int, within: float = 60) -> None:
    deadline = time.monotonic() + within
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.005)


def new_run(number: int) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{number:06x}"


def standing(environment: Environment) -> dict[str, set[str]]:
    """What every describe call shows of what a bake could leave behind."""
    ec2: Any = environment.cloud.ec2
    instances = [
        each["InstanceId"]
        for group in ec2.describe_instances()["Reservations"]
        for each in group["Instances"]
        if each["State"]["Name"] != "terminated"
    ]
    snapshots = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return {
        "instances": set(instances),
        "volumes": {each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]},
        "snapshots": {each["SnapshotId"] for each in snapshots},
        "images": {each["ImageId"] for each in ec2.describe_images(Owners=["self"])["Images"]},
        "key pairs": {each["KeyName"] for each in ec2.describe_key_pairs()["KeyPairs"]},
        "groups": {each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"]},
    }
