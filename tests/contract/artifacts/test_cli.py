"""`artifact …` as people call it, with a repository over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.contract.artifacts.maven_server import MavenServer

from provisimus.cli.app import provisimus
from provisimus.errors import Conflict, NotFound


@pytest.fixture
def folder(server: MavenServer, tmp_path: Path) -> Path:
    text = f"project: acme\nartifacts: {{company: '{server.url}/maven', here: ./artifacts}}\n"
    (tmp_path / "provisimus.yaml").write_text(text)
    (tmp_path / "broker.bin").write_bytes(b"broker")
    return tmp_path


def run(folder: Path, verb: str, *arguments: str) -> Result:
    return CliRunner().invoke(provisimus, ["artifact", verb, "-C", str(folder), *arguments])


def publish(folder: Path, version: str, *more: str) -> Result:
    coordinates = f"com.acme:broker:{version}:bin"
    file = str(folder / "broker.bin")
    return run(folder, "publish", file, "--coordinates", coordinates, "--json", *more)


def test_publish_list_show(server: MavenServer, folder: Path) -> None:
    for version in ("1.10", "1.9", "1.10-rc1"):
        done = publish(folder, version, "--repository", "company", "--commit", "abc1234")
        assert json.loads(done.output)["created"] is True
    assert json.loads(publish(folder, "1.9", "--repository", "company").output)["created"] is False
    publish(folder, "1.11", "--repository", "here")
    listed = run(folder, "list", "com.acme:broker").output
    assert listed == "1.9\n1.10-rc1\n1.10\n1.11\n"
    said = run(folder, "list").output.splitlines()
    assert "com.acme:broker" in said[1]
    assert said[-1].startswith("company cannot be listed as a whole")
    shown = json.loads(run(folder, "show", "com.acme:broker:1.10:bin", "--json").output)
    place = f"{server.url}/maven/com/acme/broker/1.10/broker-1.10.bin"
    assert (shown["repository"], shown["location"]) == ("company", place)
    assert (shown["commit"], shown["origin"]) == ("abc1234", None)


def test_errors(folder: Path) -> None:
    publish(folder, "1.0", "--repository", "company")
    (folder / "broker.bin").write_bytes(b"other")
    assert isinstance(publish(folder, "1.0", "--repository", "company").exception, Conflict)
    assert isinstance(run(folder, "show", "com.acme:broker:1.1:bin").exception, NotFound)
