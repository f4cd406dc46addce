"""Ctrl-C and kill -9 of `stack apply --all` and `stack delete --all`, as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from tests.contract.stacks.desk import Desk, eventually

INTERRUPTED = 130
NAMES = ("alone", "base", "top")


@pytest.fixture
def slow(desk: Desk) -> Desk:
    """Two stacks that are under way for a while, and one that waits for one of them."""
    desk.declare("base", A="a", B="b")
    desk.declare("top", after="base", A="a")
    desk.declare("alone", A="a", B="b")
    return desk


def start(desk: Desk, verb: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-c", "from provisimus.cli import main; main()"),
            *("stack", verb, "--all", "--yes", "-C", str(desk.root), *arguments),
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str], how: signal.Signals) -> str:
    os.kill(process.pid, how)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (INTERRUPTED if how == signal.SIGINT else -how), said
    return said


def rerun(desk: Desk, verb: str) -> dict[str, Any]:
    done = start(desk, verb, "--json", "--quiet")
    out, said = done.communicate(timeout=120)
    assert done.returncode == 0, said
    found: dict[str, Any] = json.loads(out)
    return found


def tokens(desk: Desk, name: str, status: str) -> set[str]:
    """Those of the operations that began with this status of the stack itself."""
    events = desk.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return {
        str(each.get("ClientRequestToken"))
        for each in events
        if each["ResourceType"] == "AWS::CloudFormation::Stack" and each["ResourceStatus"] == status
    }


def ids(desk: Desk) -> dict[str, str]:
    found = desk.cloudformation.describe_stacks()["Stacks"]
    return {each["StackName"]: each["StackId"] for each in found}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_apply_of_many_that_is_ended_goes_on_with_the_next(
    slow: Desk, how: signal.Signals
) -> None:
    slow.fault("sns:CreateTopic", "delay", seconds=3)
    process = start(slow, "apply")
    eventually(
        lambda: (
            [slow.status(each) for each in NAMES]
            == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "gone"]
        ),
        "two are not under way",
    )
    said = end(process, how)
    if how == signal.SIGINT:
        for name in ("base", "alone"):
            assert f"provisimus stack events {name} --follow" in said
    assert slow.status("top") == "gone"
    begun = ids(slow)
    slow.heal()

    came = {each["service"]: each for each in rerun(slow, "apply")["stacks"]}
    assert set(came) == set(NAMES)
    assert [slow.status(each) for each in NAMES] == ["CREATE_COMPLETE"] * 3
    # What was under way was gone on with, and nothing was made a second time.
    assert begun.items() <= ids(slow).items()
    for name in NAMES:
        assert len(tokens(slow, f"desk-local-{name}", "CREATE_IN_PROGRESS")) == 1
    assert len(slow.cloud.client("sns").list_topics()["Topics"]) == 5
    assert {each["outcome"] for each in rerun(slow, "apply")["stacks"]} == {"kept"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_deletion_of_many_that_is_ended_goes_on_with_the_next(
    slow: Desk, how: signal.Signals
) -> None:
    slow.run("apply", "--all", "--yes", "--quiet")
    slow.fault("sns:DeleteTopic", "delay", seconds=3)
    process = start(slow, "delete")
    eventually(
        lambda: (
            [slow.status(each) for each in NAMES]
            == ["DELETE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS"]
        ),
        "two are not under way",
    )
    said = end(process, how)
    if how == signal.SIGINT:
        for name in ("top", "alone"):
            assert f"provisimus stack events {name} --follow" in said
    assert slow.status("base") == "CREATE_COMPLETE", "what it is used by is not gone yet"
    slow.heal()

    rerun(slow, "delete")
    assert [slow.status(each) for each in NAMES] == ["gone"] * 3
    assert slow.cloud.client("sns").list_topics()["Topics"] == []
