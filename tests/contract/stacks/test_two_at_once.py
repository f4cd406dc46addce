"""The same command on the same stack, by two machines or by two hands on one, at the same time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.stacks.deeds import DEEDS, begun, done_once, gone
from tests.contract.stacks.desk import Desk, eventually

from provisimus.errors import Locked, NotFound, Refused, Undeclared

SAID = {each.exit_code for each in (Locked, NotFound, Refused, Undeclared)}
"""What the second may end with: another was first, or nothing is left to be done."""

TELLING = ("create", "update", "delete", "unstick what is half done", "cancel an update", "adopt")
"""What two machines do in every run; all others with --all."""
Hands = list["subprocess.Popen[str]"]


@pytest.fixture
def hands(desk: Desk) -> Iterator[Hands]:
    """After the desk, whose cloud they are to find in their environment."""
    program = [sys.executable, str(Path(__file__).with_name("hands.py"))]
    made = [
        subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    yield made
    for each in made:
        each.communicate(timeout=60)


@pytest.mark.parametrize(
    ("name", "machines"),
    [(name, 2) for name in DEEDS] + [(name, 1) for name in ("update", "delete", "prune", "adopt")],
)
def test_one_does_it_and_the_other_joins_or_says_why_not(
    request: pytest.FixtureRequest, name: str, machines: int, long: bool
) -> None:
    if not long and (name not in TELLING or machines == 1):
        pytest.skip("one of the long variants: --all")
    desk: Desk = request.getfixturevalue("desk")
    hands: Hands = request.getfixturevalue("hands")
    deed = DEEDS[name]
    earlier = gone(desk)
    deed.prepare(desk)
    before = begun(desk, earlier)
    roots = [desk.root, desk.root]
    if machines > 1:
        roots[1] = request.getfixturevalue("tmp_path_factory").mktemp("other") / "desk"
        # Another machine has the files, and not what this one noted of its runs.
        shutil.copytree(desk.root, roots[1], ignore=shutil.ignore_patterns(".provisimus"))
    # So slow that neither is over before the other has begun.
    desk.fault("cloudformation:DescribeStacks", "delay", seconds=0.2)
    for each, root in zip(hands, roots, strict=True):
        assert each.stdin is not None
        each.stdin.write(json.dumps([*deed.command, "-C", str(root)]) + "\n")
        each.stdin.flush()
    ended = [json.loads(each.stdout.readline()) for each in hands if each.stdout is not None]
    codes = {code for code, _ in ended}
    assert 0 in codes, ended
    assert codes <= {0, *SAID}, ended
    desk.heal()
    eventually(lambda: "IN_PROGRESS" not in desk.status("one"), "it does not rest")
    done_once(desk, deed, earlier, before)
