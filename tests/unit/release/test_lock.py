"""One release of a service at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from provisimus.errors import Locked
from provisimus.release import one_at_a_time
from provisimus.workspace import Workspace, open_workspace

HOLD = """
import sys
from provisimus.release import one_at_a_time
from provisimus.workspace import open_workspace
with one_at_a_time(open_workspace(sys.argv[1]), "local", "greeter", "their-run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    return open_workspace(tmp_path)


def test_the_second_is_told_who_is_at_it(workspace: Workspace) -> None:
    with (
        one_at_a_time(workspace, "local", "greeter", "run-1"),
        pytest.raises(Locked) as raised,
        one_at_a_time(workspace, "local", "greeter", "run-2"),
    ):
        pass
    assert raised.value.message == (
        f"greeter is being released to local already by process {os.getpid()}, run run-1"
    )
    assert raised.value.exit_code == 5


def test_other_services_and_environments_do_not_wait(workspace: Workspace) -> None:
    with (
        one_at_a_time(workspace, "local", "greeter", "1"),
        one_at_a_time(workspace, "local", "other", "2"),
        one_at_a_time(workspace, "staging", "greeter", "3"),
    ):
        pass


def test_a_killed_holder_leaves_no_lock(workspace: Workspace) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(Locked, match=f"process {holder.pid}, run their-run"),
            one_at_a_time(workspace, "local", "greeter", "ours"),
        ):
            pass
        holder.kill()
        holder.wait()
    with one_at_a_time(workspace, "local", "greeter", "ours"):
        pass
