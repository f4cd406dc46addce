"""What opens a session, as argument lists; which snapshots are too many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
        "--document-name", "AWS-StartNonInteractiveCommand", "--parameters", "command=df -h",
    ]  # fmt: skip


def test_logs_are_those_of_compose() -> None:
    assert logs_command("greeter", 20, follow=True)[-6:] == [
        "logs", "--no-color", "--tail", "20", "--follow", "greeter",
    ]  # fmt: skip


def snapshot(number: int, mount: str = "/data", policy: str = "by hand") -> ListedSnapshot:
    taken = f"2026-01-{30 - number:02}T00:00:00Z"
    return ListedSnapshot(f"snap-{number}", "greeter", mount, "completed", 1, taken, policy)


def test_the_newest_of_each_volume_stay_and_a_policy_keeps_its_own() -> None:
    found = [snapshot(1), snapshot(2, policy="s:/data"), snapshot(3), snapshot(4, "/more"),
             replace(snapshot(5), state="pending"), snapshot(6)]  # fmt: skip
    assert [each.snapshot_id for each in surplus(found, 1)] == ["snap-3", "snap-6"]
    assert surplus(found, 3) == []
