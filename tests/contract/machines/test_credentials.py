"""Credentials of a registry on their way through a bake: they reach Packer, and nothing else."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.contract.machines.pushing import PASSWORD, push

from provisimus.cli.journal import Journal
from provisimus.environment import Environment
from provisimus.errors import ToolFailed
from provisimus.events import Broadcast, Event, as_json
from provisimus.machines import ImageInput, MachinePlan, bake, plan_machine
from provisimus.model import Commits
from provisimus.release.registries import RegistryAccess
from provisimus.workspace import open_workspace

RUN = "20260101T000000-abcdef"
PAIR = base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
Plan = Callable[[], MachinePlan]


@pytest.fixture
def reference(guarded: str) -> str:
    return push(guarded)


@pytest.fixture
def plan(environment: Environment, tmp_path: Path, reference: str) -> Plan:
    root = tmp_path / "acme"
    (root / "packer/greeter").mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        'project: acme\nbases: {debian-12: {aws: {owner: "123456789012", name: "debian-12-*"}}}\n'
    )
    (root / "packer/greeter/machine.yaml").write_text(
        f'base: debian-12\nmain: {{image: "{reference}", name: greeter}}\ndisk: 20 GiB\n'
    )
    ec2: Any = environment.cloud.ec2
    ec2.register_image(Name="debian-12-amd64", RootDeviceName="/dev/xvda", Architecture="x86_64")
    image = ImageInput("greeter", None, reference)
    workspace = open_workspace(root)
    return lambda: plan_machine(workspace, environment, "greeter", "1.0.0", {"greeter": image})


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a program in Packer's place was given: `kept` is all that it found, `env` its
    environment. It says aloud what it should not, in every way, and fails.
    """
    folder = tmp_path / "seen"
    folder.mkdir()
    program = tmp_path / "bin/packer"
    program.parent.mkdir()
    program.write_text(
        f"""#!/bin/sh
case $1 in version) echo Packer v1.6.6; exit ;; validate) exit ;; esac
for last; do :; done
mkdir {folder}/kept
echo "$@" >{folder}/kept/arguments
cp -r "$(dirname "$last")" "$TMPDIR" {folder}/kept
env >{folder}/env
echo "1,,ui,message,    amazon-ebs: provisimus: step 50-images"
echo "1,,ui,message,    amazon-ebs: denied for {PASSWORD}"
echo "1,,ui,error,==> amazon-ebs: $PROVISIMUS_REGISTRY_CONFIG"
echo "{PAIR}"
exit 1
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return folder


def baked(
    plan: MachinePlan, environment: Environment, reference: str, journal: Path
) -> tuple[ToolFailed, list[Event]]:
    events: list[Event] = []
    tell = Broadcast(events.append, Journal(journal, ["machine", "bake"]))
    with pytest.raises(ToolFailed) as caught:
        bake(
            *(plan, environment, {"greeter": reference}, Commits({}), tell, RUN),
            RegistryAccess(),
        )
    return caught.value, events


def test_packer_gets_the_credentials_in_its_environment_alone(
    environment: Environment, plan: Plan, seen: Path, reference: str, tmp_path: Path
) -> None:
    journal = tmp_path / "acme/.provisimus/journal.ndjson"
    error, events = baked(plan(), environment, reference, journal)
    given = dict(line.split("=", 1) for line in (seen / "env").read_text().splitlines())
    config = json.loads(given["PROVISIMUS_REGISTRY_CONFIG"])
    assert config == {"auths": {reference.partition("/")[0]: {"auth": PAIR}}}
    assert given["PKR_VAR_registry_config"] == given["PROVISIMUS_REGISTRY_CONFIG"]

    told = str([as_json(event) for event in events]) + str(error.as_json())
    assert "denied for •••" in told
    places = [str(tmp_path / "acme"), str(seen / "kept")]
    assert journal.is_file()
    for secret in (PASSWORD, PAIR):
        assert secret not in told
        found = subprocess.run(
            ["grep", "-rlaF", secret, *places], capture_output=True, text=True, check=False
        )
        assert (found.returncode, found.stdout) == (1, "")


def test_a_template_of_ones_own_is_given_them_when_it_asks(
    environment: Environment, plan: Plan, seen: Path, reference: str, tmp_path: Path
) -> None:
    own = plan().folder / "template.pkr.hcl"
    own.write_text("# security_group_id\n")
    _, events = baked(plan(), environment, reference, tmp_path / "journal")
    words = f"{own} declares no variable registry_config, so its images are pulled without"
    assert words in str(events)
    own.write_text('# security_group_id\nvariable "registry_config" {}\n')
    _, events = baked(plan(), environment, reference, tmp_path / "journal")
    assert words not in str(events)
    assert PAIR not in (seen / "kept/arguments").read_text()
