"""A value that changed on its way to the containers that run, and to those alone."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ondisk.fake import FakeCloud, Still

from provisimus.ondisk import handover, settings
from provisimus.ondisk.places import Places

GIVEN = {
    "MODE": "blue",
    "HOST": "${ssm:/acme/host}",
    "USER": "${secret:acme/db#user}",
    "PASSWORD": "${secret:acme/db#password}",
}
OLD = {"MODE": "blue", "HOST": "10.0.0.7", "USER": "greeter", "PASSWORD": "s3cret"}
ROTATED = {**OLD, "PASSWORD": "an0ther"}
Said = Callable[[], list[str]]


class Engine:
    """A `docker` that knows containers with our runtime, and puts down what it is told."""

    def __init__(self, folder: Path, places: Places) -> None:
        self.folder, self.places = folder, places
        self.run("a1")
        self.fails(0)
        path = folder / "docker"
        path.write_text(
            "#!/bin/sh\n"
            "case $1 in\n"
            f"ps) cat {folder}/running; echo b2 ;;\n"
            f'inspect) sed "s/^/provisimus /" {folder}/running; echo runc b2 ;;\n'
            f'restart) echo "$@" >>{folder}/restarted; cat {places.restarted} >>{folder}/seen\n'
            f"  flock --nonblock {places.restarted} true || echo held >>{folder}/seen\n"
            f"  exit $(cat {folder}/status) ;;\n"
            "esac\n"
        )
        path.chmod(0o755)

    def run(self, *containers: str) -> None:
        (self.folder / "running").write_text("".join(f"{each}\n" for each in containers))

    def fails(self, status: int) -> None:
        (self.folder / "status").write_text(f"{status}\n")

    @property
    def restarts(self) -> list[str]:
        path = self.folder / "restarted"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(str(tmp_path / "machine"))
    for each in (made.references, made.environment, made.uptime):
        Path(each).parent.mkdir(parents=True)
    Path(made.references).write_text(json.dumps(GIVEN))
    Path(made.uptime).write_text("4711.25 9000.00\n")
    handover.write(made.environment, OLD)
    handover.record("a1", OLD, made)
    return made


@pytest.fixture
def engine(tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Engine(tmp_path, places)


@pytest.fixture
def values(cloud: FakeCloud) -> FakeCloud:
    cloud.on("GetParameter", (200, {"Parameter": {"Value": "10.0.0.7"}}))
    rotate(cloud, "s3cret")
    return cloud


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def since_last() -> list[str]:
        return capsys.readouterr().out.splitlines()

    return since_last


def rotate(cloud: FakeCloud, password: str) -> None:
    text = json.dumps({"user": "greeter", "password": password})
    cloud.on("GetSecretValue", (200, {"SecretString": text}))


def refresh(places: Places, cloud: FakeCloud, verb: str = "refresh") -> int:
    return settings.main([verb], places, cloud.client(Still()))


def test_while_nothing_changes_nothing_happens(
    places: Places, values: FakeCloud, engine: Engine, said: Said
) -> None:
    for _ in range(3):
        assert refresh(places, values) == 0
    assert said() == []
    assert refresh(places, values, "reload") == 0
    assert said() == ["no setting changed"]
    assert engine.restarts == []
    assert len(values.called("GetSecretValue")) == 4, "one question for both of its members"


def test_a_rotated_password_is_taken_over_once_and_told_by_its_name(
    places: Places, values: FakeCloud, engine: Engine, said: Said, tmp_path: Path
) -> None:
    rotate(values, "an0ther")
    assert refresh(places, values) == 0
    assert said() == ["PASSWORD changed; starting 1 containers anew"]
    assert engine.restarts == ["restart a1"]
    assert json.loads(Path(places.environment).read_text()) == ROTATED
    # The check of the health can see since when, and that it is not over yet.
    assert (tmp_path / "seen").read_text() == "4711\nheld\n"
    with Path(places.restarted).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    handover.record("a1", ROTATED, places)  # as the runtime does when it is made anew
    assert refresh(places, values) == 0
    assert (said(), len(engine.restarts)) == ([], 1)


def test_what_was_begun_and_not_ended_is_done_the_next_time(
    places: Places, values: FakeCloud, engine: Engine, said: Said
) -> None:
    """Killed, or refused by the engine, after the new values were put down."""
    rotate(values, "an0ther")
    engine.fails(1)
    assert refresh(places, values) == 1
    engine.fails(0)
    assert refresh(places, values) == 0
    assert said() == ["PASSWORD changed; starting 1 containers anew"] * 2
    assert engine.restarts == ["restart a1"] * 2


def test_one_that_came_back_by_itself_has_the_new_values_already(
    places: Places, values: FakeCloud, engine: Engine, said: Said
) -> None:
    """It could not connect, ended, and the engine made it anew after the values were put down."""
    handover.write(places.environment, ROTATED)
    handover.record("a1", ROTATED, places)
    rotate(values, "an0ther")
    assert refresh(places, values) == 0
    assert (said(), engine.restarts) == ([], [])


def test_only_what_is_behind_and_runs_is_started_anew(
    places: Places, values: FakeCloud, engine: Engine, said: Said
) -> None:
    handover.write(places.environment, ROTATED)
    handover.record("fresh", ROTATED, places)
    handover.record("gone", {**OLD, "MODE": "green"}, places)
    engine.run("a1", "fresh", "unknown")
    rotate(values, "an0ther")
    assert refresh(places, values) == 0
    assert said() == ["PASSWORD changed; starting 1 containers anew"]
    assert engine.restarts == ["restart a1"]
    assert sorted(handover.handed(places)) == ["a1", "fresh"]


def test_what_the_values_were_handed_to_is_not_known(
    places: Places, values: FakeCloud, engine: Engine
) -> None:
    Path(places.handed, "a1").unlink()
    assert refresh(places, values) == 0
    assert engine.restarts == []
    rotate(values, "an0ther")
    assert refresh(places, values) == 0
    assert engine.restarts == ["restart a1"]


@pytest.mark.parametrize(
    ("answer", "status", "fault"),
    [
        ((400, {"__type": "ThrottlingException"}), 0, "GetSecretValue: ThrottlingException"),
        ((503, ""), 0, "GetSecretValue: 503"),
        ((400, {"__type": "ExpiredTokenException"}), 0, "GetSecretValue: ExpiredTokenException"),
        ((400, {"__type": "AccessDeniedException"}), 1, "GetSecretValue: AccessDeniedException"),
        ((200, {"SecretString": "s3cret"}), 1, "secret:acme/db#user: the secret is no JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_changes_nothing_and_passes_or_is_a_failure(
    places: Places, values: FakeCloud, engine: Engine, said: Said,
    answer: Any, status: int, fault: str,
) -> None:  # fmt: skip
    values.on("GetSecretValue", answer)
    assert refresh(places, values) == status
    assert refresh(places, values, "reload") == 1
    told = said()
    assert len(told) == 2
    assert all(each.startswith(f"nothing was changed: {fault}") for each in told)
    assert "s3cret" not in "".join(told)
    assert engine.restarts == []
    assert json.loads(Path(places.environment).read_text()) == OLD


def test_a_cloud_that_is_not_reached_passes(places: Places, cloud: FakeCloud, said: Said) -> None:
    cloud.metadata["meta-data/services/endpoint-url"] = "http://127.0.0.1:1"
    assert refresh(places, cloud) == 0
    assert "does not answer" in said()[0]
