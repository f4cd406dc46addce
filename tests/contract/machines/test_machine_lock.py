"""`provisimus machine lock` against EC2, and what a pin does to plans and bakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisimus.cli import main
from provisimus.environment import Environment
from provisimus.errors import NotFound
from provisimus.machines import ImageInput, MachinePlan, plan_machine
from provisimus.machines.catalogue import find_base
from provisimus.workspace import open_workspace

REFERENCE = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path, environment: Environment) -> Path:
    (tmp_path / "packer/greeter").mkdir(parents=True)
    (tmp_path / "packer/greeter/machine.yaml").write_text(
        f'base: debian-12\nmain: {{image: "{REFERENCE}", name: greeter}}\n'
    )
    (tmp_path / "provisimus.yaml").write_text(
        "project: acme\n"
        "bases:\n"
        '  debian-12: {aws: {owner: "123456789012", name: "debian-12-*"}, local: {tiny: true}}\n'
        "  by-ssm: {aws: {ssm: /bases/debian}}\n"
        "environments:\n  local: {provider: local}\n"
        '  staging: {provider: aws, account: "123456789012", region: eu-west-1, '
        f'endpoint: "{environment.cloud.endpoint}"}}\n'
    )
    return tmp_path


@pytest.fixture
def lock(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exiting:
            main(["machine", "lock", *arguments, "-C", str(root)])
        out, err = capsys.readouterr()
        return int(exiting.value.code or 0), out, err

    return run


def register(environment: Environment, name: str) -> str:
    ec2: Any = environment.cloud.ec2
    made: str = ec2.register_image(Name=name, RootDeviceName="/dev/xvda")["ImageId"]
    return made


def planned(root: Path, environment: Environment) -> MachinePlan:
    image = ImageInput("greeter", None, REFERENCE)
    workspace = open_workspace(root)
    return plan_machine(workspace, environment, "greeter", "1.0.0", {"greeter": image})


def test_a_pin_holds_until_it_is_moved(lock: Command, root: Path, environment: Environment) -> None:
    first = register(environment, "debian-12-a")
    status, _, err = lock("--check")
    assert status == 4
    assert "not pinned: debian-12 in staging" in err
    unpinned = planned(root, environment)

    status, out, _ = lock("--update", "--env", "staging", "--json")
    assert status == 0
    (pin,) = json.loads(out)
    assert (pin["image"], pin["name"], pin["why"]) == (first, "debian-12-a", "")
    assert lock("--check")[0] == 0
    pinned = planned(root, environment)
    assert pinned.fingerprint != unpinned.fingerprint

    second = register(environment, "debian-12-b")
    again = planned(root, environment)
    assert again.fingerprint == pinned.fingerprint
    base = open_workspace(root).base("debian-12")
    assert find_base(environment, "debian-12", base, again.pin).image_id == first
    _, out, _ = lock("--update", "--dry-run", "--env", "staging", "debian-12", "--json")
    moved = json.loads(out)[0]["image"]
    assert moved in (first, second)
    assert planned(root, environment).pin == pinned.pin


def test_a_base_that_was_taken_away_is_told_with_what_to_do(
    lock: Command, root: Path, environment: Environment
) -> None:
    first = register(environment, "debian-12-a")
    lock("--update", "--env", "staging")
    ec2: Any = environment.cloud.ec2
    ec2.deregister_image(ImageId=first)
    register(environment, "debian-12-b")
    plan = planned(root, environment)
    with pytest.raises(NotFound, match=f"is pinned to {first} .debian-12-a, made ") as caught:
        find_base(environment, "debian-12", plan.base, plan.pin)
    assert caught.value.where == "debian-12/staging in packer.lock"
    assert caught.value.hint is not None
    assert "provisimus machine lock --update debian-12 --env staging" in caught.value.hint


def test_a_base_by_ssm_is_pinned_to_its_answer(
    lock: Command, root: Path, environment: Environment
) -> None:
    machine = root / "packer/greeter/machine.yaml"
    machine.write_text(machine.read_text().replace("debian-12", "by-ssm"))
    first = register(environment, "debian-12-a")
    environment.cloud.ssm.put_parameter(Name="/bases/debian", Value=first, Type="String")
    (pin,) = json.loads(lock("--update", "--env", "staging", "--json")[1])
    assert (pin["base"], pin["image"], pin["asked"]) == ("by-ssm", first, "/bases/debian")
    environment.cloud.ssm.put_parameter(
        Name="/bases/debian", Value="ami-00000000", Type="String", Overwrite=True
    )
    with pytest.raises(NotFound, match="there is no AMI ami-00000000 to start from"):
        find_base(environment, "by-ssm", open_workspace(root).base("by-ssm"))


def test_the_local_cloud_needs_no_pin(lock: Command) -> None:
    status, _, err = lock("--update")
    assert status == 2
    assert "made by their recipe" in err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--update", "--check"), 2, "--check looks, --update changes"),
        (("--dry-run",), 2, "--dry-run goes with --update"),
        (("debian-12",), 2, "names go with --update"),
        (("--update", "--env", "staging", "debian-21"), 1, "did you mean 'debian-12'?"),
        (("--update", "--env", "staging", "by-ssm"), 2, "no machine starts from by-ssm"),
    ],
)
def test_what_makes_no_sense(
    lock: Command, arguments: tuple[str, ...], status: int, words: str
) -> None:
    found, _, err = lock(*arguments)
    assert found == status
    assert words in err
