"""`provisimus machine …` from the outside: what it prints, and the number that it ends with."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provisimus.aws import as_tags
from provisimus.cli import main
from provisimus.environment import Environment
from provisimus.machines import runs, tags
from provisimus.machines.intents import FILE, about_to
from provisimus.model import Commits, Digest

FINGERPRINT = Digest.of(b"x")
RUN = "20260101T000000-abcdef"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def machine(
    environment: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Runs `provisimus machine …` on a workspace whose one environment is the EC2 at hand."""
    (tmp_path / "provisimus.yaml").write_text(
        "project: acme\nenvironments:\n  local: {provider: local}\n"
        '  staging: {provider: aws, account: "123456789012", region: eu-west-1, '
        f'endpoint: "{environment.cloud.endpoint}"}}\n'
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exiting:
            main(["machine", *arguments, "-C", str(tmp_path), "--env", "staging"])
        out, err = capsys.readouterr()
        return int(exiting.value.code or 0), out, err

    return run


@pytest.fixture
def baked(environment: Environment) -> str:
    ec2: Any = environment.cloud.ec2
    image: str = ec2.register_image(Name="baked", RootDeviceName="/dev/xvda")["ImageId"]
    lineage = tags.image_tags(
        *("acme", "greeter", "1.0.0", FINGERPRINT),
        inputs={},
        images={"greeter": "127.0.0.1:5000/greeter@sha256:" + "1f" * 32},
        commits=Commits({"packer": "abc"}),
        base="ami-1",
        run=RUN,
    )
    ec2.create_tags(Resources=[image], Tags=as_tags(lineage))
    return image


def test_the_list_is_read_from_tags(machine: Command, baked: str) -> None:
    status, out, _ = machine("list")
    assert status == 0
    row = out.splitlines()[1].split()
    assert row[:4] == ["greeter", "1.0.0", baked, FINGERPRINT.short]
    assert row[5:] == ["untested", *("15", "GiB"), *("-", "-", "-")]
    _, out, _ = machine("list", "greeter", "--json")
    assert [each["image_id"] for each in json.loads(out)] == [baked]
    assert json.loads(machine("list", "other", "--json")[1]) == []


@pytest.mark.parametrize("target", ["greeter", "greeter@1.0.0", None])
def test_one_is_shown_with_its_lineage(machine: Command, baked: str, target: str | None) -> None:
    status, out, _ = machine("show", target or baked)
    assert status == 0
    assert "commit/packer abc" in out
    assert f"image/greeter greeter@sha256:{'1f' * 32}" in out


def test_one_that_is_not_there(machine: Command, baked: str) -> None:
    del baked  # of a machine that no file declares, and that there is all the same
    status, _, err = machine("show", "greeter@2.0.0")
    assert status == 1
    assert "there is no machine image greeter@2.0.0" in err
    status, _, err = machine("show", "nobody")
    assert status == 2
    assert "there is no machine 'nobody'" in err


def test_reap_shows_first_and_asks(machine: Command, environment: Environment) -> None:
    ec2: Any = environment.cloud.ec2
    assert machine("reap")[1] == "no bake left anything behind\n"
    ec2.create_key_pair(KeyName=f"provisimus-{RUN}")
    status, out, _ = machine("reap", "--dry-run", "--json")
    assert status == 0
    assert [(each["kind"], each["removable"]) for each in json.loads(out)] == [("key pair", True)]
    status, _, err = machine("reap")
    assert status == 2
    assert "Remove 1 thing? — nobody is there to answer" in err
    assert machine("reap", "--yes")[1] == "removed 1 thing\n"
    assert ec2.describe_key_pairs()["KeyPairs"] == []


def test_with_another_accounts_credentials_nothing_is_removed(
    machine: Command, environment: Environment, tmp_path: Path
) -> None:
    settings = tmp_path / "provisimus.yaml"
    settings.write_text(settings.read_text().replace("123456789012", "111122223333"))
    ec2: Any = environment.cloud.ec2
    ec2.create_key_pair(KeyName=f"provisimus-{RUN}")
    status, _, err = machine("reap", "--yes")
    assert status == 5
    assert "these credentials are of account 123456789012, not 111122223333" in err
    assert "AWS_PROFILE" in err
    assert len(ec2.describe_key_pairs()["KeyPairs"]) == 1


def test_reap_says_when_to_look_again_after_a_run_that_was_killed_just_now(
    machine: Command, tmp_path: Path
) -> None:
    folder = runs.folder_of(tmp_path / ".provisimus", RUN)
    folder.mkdir(parents=True)
    about_to(folder, "instance", f"provisimus-{RUN}")
    status, out, _ = machine("reap")
    assert status == 0
    first, second = out.splitlines()
    assert first == "no bake left anything behind"
    assert second.startswith(f"run {RUN} was killed while it made something; EC2 shows all of it")
    assert folder.exists()
    about_to(folder, "instance", "x", datetime(2026, 1, 1, tzinfo=UTC))
    (folder / FILE).write_text((folder / FILE).read_text().splitlines()[1] + "\n")
    assert machine("reap")[1] == "no bake left anything behind\n"
    assert not folder.exists()
