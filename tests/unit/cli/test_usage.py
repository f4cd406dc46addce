"""Wrong usage is told as every other error is: what, and what next."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.cli import app
from provisimus.cli.stack_plans import one_fault
from provisimus.cli.stack_state import moment
from provisimus.errors import ProvisimusError, Unreachable


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stck"], ["error: No such command 'stck'. Did you mean 'stack'?", "provisimus --help"]),
        (
            ["volume", "grow", "x"],
            ["error: Missing option '--to'", "provisimus volume grow --help"],
        ),
    ],
)
def test_wrong_usage(words: list[str], said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.main(words)
    assert ended.value.code == 2
    first, hint = capsys.readouterr().err.splitlines()
    assert first == said[0]
    assert hint == f"  hint: see: {said[1]}"


def test_a_name_that_nothing_declares_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    monkeypatch.chdir(tmp_path)
    for words in (
        ["stack", "template", "nobody"],
        ["image", "build", "nobody"],
        ["stack", "plan", "x", "--env", "nowhere"],
    ):
        with pytest.raises(SystemExit) as ended:
            app.main(words)
        assert ended.value.code == 2
        assert "error: there is no" in capsys.readouterr().err


def test_one_and_the_same_fault_of_every_plan_is_told_once() -> None:
    def away() -> ProvisimusError:
        return Unreachable("the cloud does not answer")

    first = away()
    assert one_fault({"a": first, "b": away()}) is first
    assert one_fault({"a": first}) is first
    assert one_fault({"a": first, "b": Unreachable("other")}) is None
    assert one_fault({}) is None


def test_a_moment_has_seconds_and_its_zone() -> None:
    assert moment("2026-11-27T05:49:59.290211+00:00") == "2026-11-27 05:49:59 UTC"
    assert moment(None) is None


@pytest.mark.parametrize("group", ["stack", "instance", "volume", "snapshot", "users", "machine"])
def test_the_help_of_a_group_cuts_no_sentence(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        app.main([group, "--help"])
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]
