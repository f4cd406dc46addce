"""Errors: exit codes, JSON, and how the command line shows them."""

import json
import re

import pytest

from provisimus import errors
from provisimus.cli.app import report
from provisimus.errors import (
    Finding,
    InvalidDefinitions,
    Locked,
    Problem,
    ProvisimusError,
    ToolFailed,
    Unready,
)

CODES = {
    "ProvisimusError": 1,
    "UsageFault": 2,
    "InvalidDefinitions": 3,
    "NotFound": 1,
    "Undeclared": 2,
    "ChecksumMismatch": 1,
    "ToolMissing": 1,
    "ToolFailed": 1,
    "Unreachable": 1,
    "Unhealthy": 1,
    "GaveWay": 6,
    "Unready": 1,
    "Refused": 5,
    "Locked": 5,
    "UnderWay": 5,
    "Conflict": 5,
    "RolledBack": 6,
    "StillRunning": 7,
}


def test_every_error_has_the_exit_code_that_its_docstring_draws() -> None:
    found = {
        name: each.exit_code
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, ProvisimusError)
    }
    assert found == CODES
    drawn = re.findall(r"(?m)^\W*([A-Z]\w+)\s+(?:exit code )?(\d)\b", errors.__doc__ or "")
    assert {name: int(code) for name, code in drawn} == CODES


def test_an_error_as_json() -> None:
    assert Locked("busy", where="a stack", hint="wait").as_json() == {
        "error": "Locked",
        "message": "busy",
        "where": "a stack",
        "hint": "wait",
    }


def test_a_tools_last_lines_come_along() -> None:
    error = ToolFailed("packer failed", status=2, tail=("one", "two"))
    assert error.as_json()["tail"] == ["one", "two"]
    assert error.as_json()["status"] == 2


PROBLEM = Problem("stacks/greeter.yaml", 3, "machine", "there is no machine 'x'", "known: y")


def test_problems_are_counted_and_listed() -> None:
    error = InvalidDefinitions([PROBLEM, Problem("a.yaml", None, "", "the file does not exist")])
    assert str(error) == (
        "2 problems in the definitions\n"
        "stacks/greeter.yaml:3: machine: there is no machine 'x'\n"
        "a.yaml: the file does not exist"
    )
    assert InvalidDefinitions([PROBLEM]).message == "1 problem in the definitions"


def test_people_are_told_what_where_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    report(InvalidDefinitions([PROBLEM]), as_json=False)
    report(
        ToolFailed("packer failed", tail=("no space",), where="bake", hint="make room"),
        as_json=False,
    )
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "error: 1 problem in the definitions",
        "  stacks/greeter.yaml:3: machine: there is no machine 'x'",
        "      known: y",
        "error: packer failed",
        "  where: bake",
        "  | no space",
        "  hint: make room",
    ]


def test_programs_are_told_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    report(InvalidDefinitions([PROBLEM]), as_json=True)
    assert json.loads(capsys.readouterr().err)["problems"] == [vars(PROBLEM)]


FINDINGS = (Finding("no way out", "a subnet", "choose another"), Finding("no room"))


def test_what_stands_in_the_way_is_shown_together(capsys: pytest.CaptureFixture[str]) -> None:
    report(Unready(FINDINGS, before="the bake"), as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "error: 2 things stand in the way of the bake",
        "  a subnet: no way out",
        "      choose another",
        "  no room",
    ]


def test_one_thing_in_the_way_is_an_error_like_others() -> None:
    error = Unready(FINDINGS[:1], before="the bake")
    assert (error.message, error.where, error.hint) == ("no way out", "a subnet", "choose another")
    assert error.as_json()["findings"] == [vars(FINDINGS[0])]
