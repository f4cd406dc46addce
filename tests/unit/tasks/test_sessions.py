"""What opens a session, as argument lists; which snapshots are too many."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from provisimus.tasks.sessions import Login, logs_command, session_argv, ssh_argv
from provisimus.tasks.volumes import ListedSnapshot, surplus

LOGIN = Login("i-1", "127.0.0.1", 40022, "ops", None, Path("/w/.provisimus/known_hosts"))


def test_a_shell_has_a_terminal_and_the_host_is_known_by_its_instance() -> None:
    assert ssh_argv(LOGIN) == [
        "ssh", "-p", "40022",
        "-o", "UserKnownHostsFile=/w/.provisimus/known_hosts",
        "-o", "HostKeyAlias=i-1",
        "-o", "StrictHostKeyChecking=accept-new",
        "-o", "LogLevel=ERROR",
        "-t", "ops@127.0.0.1",
    ]  # fmt: skip


def test_a_command_is_quoted_for_the_shell_at_the_other_end() -> None:
    argv = ssh_argv(replace(LOGIN, identity=Path("/k")), ["echo", "a b", "$HOME"])
    assert argv[-3:] == ["ops@127.0.0.1", "--", "echo 'a b' '$HOME'"]
    assert "-t" not in argv
    assert argv[argv.index("-i") + 1] == "/k"


def test_a_session_on_aws() -> None:
    assert session_argv("i-1", "eu-west-1") == [
        "aws", "ssm", "start-session", "--target", "i-1", "--region", "eu-west-1",
    ]  # fmt: skip
    assert session_argv("i-1", "eu-west-1", ["df", "-h"])[-4:] == [
        "--document-name", "AWS-StartNonInteractiveCommand",
        "--parameters", '{"command": ["df -h"]}',
    ]  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` with two containers, one of which a filter leaves; it puts down what is asked."""
    docker = tmp_path / "docker"
    docker.write_text(
        "#!/bin/sh\n"
        f'echo "$*" >>{tmp_path}/asked\n'
        'case "$*" in\n'
        "ps*service=none*) ;;\n"
        "ps*service=app*) echo a1 app ;;\n"
        "ps*) echo a1 app; echo b2 agent ;;\n"
        'logs*a1) echo "it runs"; echo "100 & more" >&2 ;;\n'
        "logs*b2) echo hello ;;\n"
        "esac\n"
    )
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nexec "$@"\n')
    for each in (docker, sudo):
        each.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def told(container: str | None, *, follow: bool = False) -> tuple[int, list[str], str]:
    """As the shell of the instance does it, which gets one text."""
    command = shlex.join(logs_command(container, 20, follow=follow))
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.returncode, sorted(done.stdout.splitlines()), done.stderr


def test_logs_are_those_of_the_engine_with_the_names_of_compose(engine: Path) -> None:
    lines = ["app | 100 & more", "app | it runs"]
    assert told(None) == (0, ["agent | hello", *lines], "")
    assert told("app", follow=True) == (0, lines, "")
    asked = (engine / "asked").read_text().splitlines()
    assert asked[-1] == "logs --tail 20 --follow a1"
    assert "label=com.docker.compose.project=bootstrap" in asked[0]
    assert told("none") == (1, [], "there is no container none\n")


def snapshot(number: int, mount: str = "/data", policy: str = "by hand") -> ListedSnapshot:
    taken = f"2026-01-{30 - number:02}T00:00:00Z"
    return ListedSnapshot(f"snap-{number}", "greeter", mount, "completed", 1, taken, policy)


def test_the_newest_of_each_volume_stay_and_a_policy_keeps_its_own() -> None:
    found = [snapshot(1), snapshot(2, policy="s:/data"), snapshot(3), snapshot(4, "/more"),
             replace(snapshot(5), state="pending"), snapshot(6)]  # fmt: skip
    assert [each.snapshot_id for each in surplus(found, 1)] == ["snap-3", "snap-6"]
    assert surplus(found, 3) == []
