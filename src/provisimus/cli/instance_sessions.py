"""`provisimus instance ssh`, `exec` and `provisimus logs`: on the instance itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.errors import UsageFault

_WHAT = click.argument("what", metavar="INSTANCE|ADDRESS|SERVICE", shell_complete=service_names)
_USER = click.option("--user", "-l", metavar="NAME", help="Of the machine; default: its first.")
_IDENTITY = click.option(
    "--identity", "-i", type=click.Path(path_type=Path, dir_okay=False), help="A private key."
)


@click.command()
@_WHAT
@_USER
@_IDENTITY
@with_session(env=True)
def ssh(session: Session, what: str, user: str | None, identity: Path | None) -> None:
    """Open a shell on an instance: Session Manager on AWS, SSH in the local cloud.

    Neither needs an open port. What you do there by hand is gone with the next release.

    \b
    Examples:
      provisimus instance ssh greeter
      provisimus instance ssh i-0123456789abcdef0 --user ops -i ~/.ssh/ops
    """
    _become(session, what, user, identity, ())


@click.command("exec", context_settings={"ignore_unknown_options": True})
@_WHAT
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@_USER
@_IDENTITY
@with_session(env=True)
def exec_(
    session: Session, what: str, command: tuple[str, ...], user: str | None, identity: Path | None
) -> None:
    """Run one COMMAND on an instance; its output and exit code are the command's.

    \b
    Examples:
      provisimus instance exec greeter -- df -h /data
      provisimus instance exec greeter --user ops -- sudo docker ps
    """
    _become(session, what, user, identity, command)


@click.command()
@_WHAT
@click.option("--container", "-c", metavar="NAME", help="Of this container; default: of all.")
@click.option("--lines", "-n", type=click.IntRange(1), help="Last lines (default: 100; all since).")
@click.option("--follow", "-f", is_flag=True, help="Go on as they come.")
@click.option(
    "--since",
    metavar="SPAN",
    help="From the stack's log group, of gone instances too: 30m, 12h, 7d.",
)
@_USER
@_IDENTITY
@with_session(env=True)
def logs(
    session: Session,
    what: str,
    container: str | None,
    lines: int | None,
    follow: bool,
    since: str | None,
    user: str | None,
    identity: Path | None,
) -> None:
    """Show what the containers of an instance log; of a group or a cluster, of every instance.

    The instance itself is asked. With --since it is the log group that `logs:` of a stack makes,
    which has the lines of instances that are gone, too.

    \b
    Examples:
      provisimus logs greeter --follow
      provisimus logs greeters --lines 20
      provisimus logs greeter --container greeter --lines 20
      provisimus logs greeter --since 12h --env production --json
    """
    from provisimus.tasks.sessions import logs_command

    if since:
        if follow or user or identity:
            raise UsageFault(
                "--since reads the log group, and goes onto no instance",
                hint="leave --follow, --user and --identity out",
            )
        _tell_shipped(session, what, since, container, lines)
        return
    command = logs_command(container, 100 if lines is None else lines, follow=follow)
    if several := session.workspace.with_several(what, session.env):
        _tell_all(session, several, user, identity, command)
    else:
        _become(session, what, user, identity, command)


def _tell_shipped(
    session: Session, what: str, since: str, container: str | None, last: int | None
) -> None:
    """Lines of the log group, as they are read; as JSON, or the last ones, when all are there."""
    from collections import deque
    from dataclasses import asdict
    from datetime import UTC, datetime, timedelta

    from provisimus.tasks.shipped_logs import log_groups, read_lines

    begin = datetime.now(UTC) - timedelta(seconds=_span(since))
    workspace, environment = session.workspace, session.open()
    services = workspace.with_several(what, session.env) or [what]
    groups = log_groups(workspace, environment, services)
    found = read_lines(environment, groups.values(), begin, container)
    if session.json:
        session.emit([asdict(each) for each in deque(found, last)], "")
        return
    for each in found if last is None else deque(found, last):
        click.echo(f"{each.time} {each.instance} {each.container} | {each.text}")


def _span(text: str) -> int:
    """Seconds. Raises UsageFault."""
    from provisimus.workspace.definitions.common import seconds_of

    try:
        return seconds_of(text)
    except ValueError as error:
        raise UsageFault(f"--since: {error}") from None


def _tell_all(
    session: Session,
    services: list[str],
    user: str | None,
    identity: Path | None,
    command: list[str],
) -> None:
    """Run the command on every instance of the services, their lines side by side."""
    from provisimus.errors import NotFound
    from provisimus.tasks.list_instances import list_instances
    from provisimus.tasks.many_logs import labels_of, tell_all
    from provisimus.tasks.sessions import open_session, user_of

    _refuse_json(session)
    environment, workspace = session.open(), session.workspace
    found = [
        each for name in services for each in list_instances(environment, workspace.name, name)
    ]
    labels = labels_of(found)
    if not labels:
        raise NotFound(
            f"no instance of {', '.join(services)} runs in {environment.name}",
            hint="see: provisimus instance list",
        )
    chosen = user or user_of(workspace, services[0], session.env)
    sessions = {
        each: open_session(workspace, environment, each, chosen, identity, command)
        for each in labels
    }
    tell_all(sessions, labels, click.echo)


def _refuse_json(session: Session) -> None:
    if session.json:
        raise UsageFault("what runs on the instance is not JSON", hint="leave --json out")


def _become(
    session: Session,
    what: str,
    user: str | None,
    identity: Path | None,
    command: tuple[str, ...] | list[str],
) -> NoReturn:
    """The program takes this one's place, so that a terminal and signals are its own."""
    from provisimus.aws import tags_of
    from provisimus.release.lineage import find_traced
    from provisimus.tasks.sessions import open_session, user_of

    _refuse_json(session)
    environment, workspace = session.open(), session.workspace
    found = find_traced(environment, workspace, what)
    service = tags_of(found.get("Tags")).get("provisimus:service", "")
    chosen = user or user_of(workspace, service, session.env)
    argv = open_session(
        workspace, environment, found["InstanceId"], chosen, identity, tuple(command)
    )
    os.execvp(argv[0], argv)
