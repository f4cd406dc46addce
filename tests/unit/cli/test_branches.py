"""The tree of many: what each event makes of it, by value."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from provisimus.cli.branches import Branch, Leaf, grown
from provisimus.cli.tree import drawn, line, plain, shown
from provisimus.events import Event, Failed, Finished, Said, Skipped, Started, about


def told(*events: tuple[float, Event]) -> dict[str, Branch]:
    branches: dict[str, Branch] = {}
    for now, event in events:
        branches = dict(grown(branches, event, now))
    return branches


def test_a_stack_grows_its_resources_with_their_durations() -> None:
    step = "main: create acme-local-main"
    found = told(
        (0, Started("main")),
        (1, Started(step, "there is no such stack")),
        (2, Said(step, "CREATE_IN_PROGRESS   Vpc (AWS::EC2::VPC): begun")),
        (3, Said(step, "CREATE_IN_PROGRESS   Gateway (AWS::EC2::InternetGateway)")),
        (5, Said(step, "CREATE_COMPLETE      Vpc (AWS::EC2::VPC)")),
    )["main"]
    assert found == Branch(
        "main",
        0,
        "create acme-local-main",
        "there is no such stack",
        leaves={
            "Vpc": Leaf("Vpc", "AWS::EC2::VPC", "CREATE_COMPLETE", 2, 5),
            "Gateway": Leaf("Gateway", "AWS::EC2::InternetGateway", "CREATE_IN_PROGRESS", 3),
        },
    )
    assert [each.name for each in shown(found)] == ["Gateway", "Vpc"]
    assert line(found, 9) == "· main  9 s  create acme-local-main  there is no such stack"


def test_how_it_ends_is_what_stays() -> None:
    ends = told(
        (0, Started("a")),
        (4, Finished("a", 4, "create")),
        (0, Started("b")),
        (7, Failed("b", 7, "rolled back")),
        (8, Skipped("c", "it needs b, which failed")),
    )
    assert [line(each, 99) for each in ends.values()] == [
        "✓ a  4 s  create",
        "✗ b  7 s  rolled back",
        "= c  0 s  it needs b, which failed",
    ]


def test_the_drawn_tree_has_every_name() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(drawn("apply 2 stacks", ["a", "b"], told((0, Started("a", "why"))), 3))
    text = console.export_text()
    assert "· a  3 s  why" in text
    assert "b  waits" in text


def test_plain_lines_say_whose_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[Event] = []
    tell = about(heard.append, "main")
    tell(Said("create x", "CREATE_COMPLETE Vpc"))
    tell(Finished("create x", 1.0, "done"))
    for event in heard:
        plain(event)
    assert capsys.readouterr().err == (
        "  | main: CREATE_COMPLETE Vpc\n✓ main: create x (1.0 s) done\n"
    )
