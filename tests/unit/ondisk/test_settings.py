"""Settings of a stack on their way: from references to the container, by way of memory alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ondisk.fake import FakeCloud

from provisimus.machines.recipe import SCRIPTS
from provisimus.ondisk import handover, programs, runtime, settings
from provisimus.ondisk.places import Places

GIVEN = {
    "MODE": "blue",
    "URL": "jdbc://${ssm:/acme/host}/db$${x}",
    "USER": "${secret:acme/db#user}",
    "PASSWORD": "${secret:acme/db#password}",
    "TOKEN": "${secret:acme/token}",
    "PORT": "${secret:acme/db#port}",
}
VALUES = {
    "MODE": "blue",
    "URL": "jdbc://10.0.0.7/db${x}",
    "USER": "greeter",
    "PASSWORD": "s3cret",
    "TOKEN": "t\nwo lines",
    "PORT": "5432",
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(str(tmp_path))
    for each in (made.references, made.environment):
        Path(each).parent.mkdir(parents=True)
    Path(made.references).write_text(json.dumps(GIVEN))
    return made


@pytest.fixture
def values(cloud: FakeCloud) -> FakeCloud:
    database = {"user": "greeter", "password": "s3cret", "port": 5432}
    secrets = {"acme/db": json.dumps(database), "acme/token": "t\nwo lines"}

    def secret(parameters: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"SecretString": secrets[parameters["SecretId"]]}

    cloud.on("GetSecretValue", secret)
    cloud.on("GetParameter", (200, {"Parameter": {"Value": "10.0.0.7"}}))
    return cloud


def test_values_are_fetched_once_each_and_kept_in_memory_for_root(
    places: Places, values: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings.main(["fetch"], places, values.client()) == 0
    written = Path(places.environment)
    assert json.loads(written.read_text()) == VALUES
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert len(values.calls) == 3
    assert values.called("GetParameter") == [{"Name": "/acme/host", "WithDecryption": True}]
    said = capsys.readouterr().out
    assert said == "6 settings: MODE, PASSWORD, PORT, TOKEN, URL, USER\n"
    referring = json.loads(Path(places.referring).read_text())
    assert referring == {name: value for name, value in GIVEN.items() if name != "MODE"}


def test_settings_that_refer_to_nothing_cannot_change(places: Places, values: FakeCloud) -> None:
    Path(places.references).write_text(json.dumps({"MODE": "blue", "COST": "$${x}"}))
    assert settings.main(["fetch"], places, values.client()) == 0
    assert not Path(places.referring).exists()
    assert values.calls == []


def test_what_is_refused_is_told_once_and_waited_for(
    places: Places, values: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    no = (400, {"__type": "AccessDeniedException", "message": "not allowed"})
    values.on("GetParameter", no, no, (200, {"Parameter": {"Value": "10.0.0.7"}}))
    pauses: list[float] = []
    assert settings.fetch(places, values.client(), pauses.append) == 0
    assert pauses == [settings.PAUSE] * 2
    told = "waiting for settings: GetParameter: AccessDeniedException: not allowed (/acme/host)"
    assert capsys.readouterr().out.splitlines()[0] == told
    assert json.loads(Path(places.environment).read_text()) == VALUES


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"SecretString": "s3cret"}, "secret:acme/db#user: the secret is no JSON"),
        ({"SecretString": '{"a": 1}'}, "secret:acme/db#user: the secret has no member of this"),
        ({"SecretString": '["user"]'}, "secret:acme/db#user: the secret has no member of this"),
        ({"SecretBinary": "eA=="}, "the secret acme/db holds bytes and no text"),
    ],
)  # fmt: skip
def test_a_secret_of_another_shape_is_told_without_its_value(
    cloud: FakeCloud, answer: dict[str, str], fault: str
) -> None:
    cloud.on("GetSecretValue", (200, answer))
    with pytest.raises(settings.Fault) as told:
        settings.resolved({"USER": "${secret:acme/db#user}"}, cloud.client())
    assert str(told.value).startswith(fault)
    assert "s3cret" not in str(told.value)


def test_usage(places: Places, values: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.main([], places, values.client()) == 2
    monkeypatch.setattr("sys.argv", ["python", "nonsense"])
    with pytest.raises(SystemExit) as left:
        programs.main()
    assert left.value.code == 2


# ---- into the container --------------------------------------------------------------------------

SPECIFICATION = {
    "ociVersion": "1.0.2",
    "process": {"args": ["/app"], "env": ["PATH=/bin", "MODE=baked", "KEPT=1"]},
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "run/containerd/task/moby/c0ffee"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(SPECIFICATION))
    return folder


def test_the_stack_wins_over_what_is_baked() -> None:
    made = runtime.with_environment(SPECIFICATION, {"MODE": "blue", "EMPTY": ""})
    assert made["process"] == {
        "args": ["/app"],
        "env": ["PATH=/bin", "KEPT=1", "MODE=blue", "EMPTY="],
    }
    assert SPECIFICATION["process"]["env"][1] == "MODE=baked"  # type: ignore[index]


def test_no_container_starts_without_its_settings_or_with_them_on_a_disk(
    places: Places, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runtime.main([str(bundle)], places) == 1
    handover.write(places.environment, VALUES)
    elsewhere = tmp_path / "var"
    elsewhere.mkdir()
    assert runtime.main([str(elsewhere)], places) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("the settings of the stack are not there yet")
    assert said[1].startswith(f"secrets are not written to {elsewhere}")

    assert runtime.main([str(bundle)], places) == 0
    made = json.loads((bundle / "config.json").read_text())
    assert "PASSWORD=s3cret" in made["process"]["env"]
    assert stat.S_IMODE((bundle / "config.json").stat().st_mode) == 0o600
    assert handover.handed(places) == {"c0ffee": VALUES}
    assert stat.S_IMODE((Path(places.handed) / "c0ffee").stat().st_mode) == 0o600
    Path(places.references).unlink()
    assert runtime.main(["/nowhere"], places) == 0


def test_the_runtime_is_runc_with_one_more_step(tmp_path: Path) -> None:
    """As the engine calls it, with what it calls in turn replaced."""
    given = tmp_path / "given"
    text = (SCRIPTS / "machine" / "runtime").read_text()
    assert "/etc/provisimus/environment" in text
    text = text.replace("/etc/provisimus/environment", str(given))
    text = text.replace("/usr/bin/python3 -I -S /usr/local/lib/provisimus/python/run", "python")
    (tmp_path / "script").write_text(text)
    fails = f"cat {tmp_path}/fault 2>/dev/null && exit 1; :"
    for name, body in (("runc", ""), ("python", fails)):
        called = f'echo {name} "$@" >>{tmp_path}/calls'
        (tmp_path / name).write_text(f"#!/bin/sh\n{called}\n{body}\n")
        (tmp_path / name).chmod(0o755)

    def run(*arguments: str) -> int:
        log = ["--root", "/run/x", "--log", str(tmp_path / "log"), "--log-format", "json"]
        (tmp_path / "calls").unlink(missing_ok=True)
        return subprocess.run(
            ["sh", str(tmp_path / "script"), *log, *arguments],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            check=False,
        ).returncode

    def calls() -> list[str]:
        path = tmp_path / "calls"
        return path.read_text().splitlines() if path.exists() else []

    creating = ("create", "--bundle", "/run/b", "--pid-file", "/run/b/pid", "c0ffee")
    assert run(*creating) == 0
    assert [each.split()[0] for each in calls()] == ["runc"], "nothing is given: nothing to do"
    given.touch()
    assert run(*creating) == 0
    assert calls()[0] == "python runtime /run/b"
    assert calls()[1].endswith("create --bundle /run/b --pid-file /run/b/pid c0ffee")
    assert run("start", "c0ffee") == 0
    assert [each.split()[0] for each in calls()] == ["runc"]
    (tmp_path / "fault").write_text('Traceback\nnot "yet"\n')
    assert run(*creating) == 1
    assert [each.split()[0] for each in calls()] == ["python"]
    assert json.loads((tmp_path / "log").read_text()) == {"level": "error", "msg": "not yet"}
