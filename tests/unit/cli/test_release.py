"""A plan as people and programs read it."""

import json
from pathlib import Path

import pytest

from provisimus.cli import main
from provisimus.cli.release import as_data, as_text
from provisimus.model import Plan, Step

PLAN = Plan(
    "greeter",
    "1.0.1",
    "local",
    (
        Step("image", "jre@17", "keep", "the registry has it", needed=False),
        Step("image", "greeter@1.0.1", "build", "no image has this fingerprint"),
        Step("machine", "greeter@1.0.1", "bake", "image greeter changed"),
    ),
    {"stack": "sha256:1"},
    {"status": "CREATE_COMPLETE"},
)


def test_people_see_every_step_and_why() -> None:
    assert as_text(PLAN) == (
        "greeter 1.0.1 in local: 2 of 3 steps to do\n"
        "   STAGE    WHAT           STEP   WHY\n"
        "=  image    jre@17         keep   the registry has it\n"
        "+  image    greeter@1.0.1  build  no image has this fingerprint\n"
        "+  machine  greeter@1.0.1  bake   image greeter changed"
    )


def test_programs_get_the_same_as_json() -> None:
    data = json.loads(json.dumps(as_data(PLAN)))
    assert data["changes"] is True
    assert data["steps"][1] == {
        "stage": "image",
        "subject": "greeter@1.0.1",
        "action": "build",
        "reason": "no image has this fingerprint",
        "needed": True,
    }
    assert data["live"] == {"status": "CREATE_COMPLETE"}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROVISIMUS_LOCAL_DIR", str(tmp_path / "cloud"))
    monkeypatch.setenv("PROVISIMUS_LOCAL_PORT", "1")
    return tmp_path


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exiting:
        main(arguments)
    code = exiting.value.code
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("release", "Greeter"), 2, "error: 'Greeter' is no NAME[@VERSION]"),
        (("release", "nobody@1.0.0"), 2, "error: there is no service 'nobody'"),
        (("plan", "greeter", "--env", "moon"), 2, "error: there is no environment 'moon'"),
        (("stack", "types", "serivce"), 2, "error: there is no stack type 'serivce'"),
        (("stack", "list"), 1, "nothing answers at http://127.0.0.1:1"),
        (("trace", "greeter"), 1, "  hint: start the local cloud: provisimus local up"),
    ],
)
def test_bad_input_has_its_exit_code_and_starts_nothing(
    workspace: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    assert ended(*arguments) == code
    assert said in capsys.readouterr().err
    assert not (workspace / "cloud").exists()


def test_a_history_of_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("history") == 0
    assert capsys.readouterr().out == "nothing yet\n"


def test_an_example_of_a_stack_type(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("stack", "types", "service") == 0
    assert capsys.readouterr().out.startswith("type: service\n")
