"""`provisimus instance start`, `stop`, `reboot`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session

if TYPE_CHECKING:
    from provisimus.tasks.power import Power

_WHAT = click.argument("what", metavar="INSTANCE|ADDRESS|SERVICE", shell_complete=service_names)
_TIMEOUT = click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting after.")


@click.command()
@_WHAT
@_TIMEOUT
@with_session(env=True, yes=True, dry_run=True, work=True)
def start(session: Session, what: str, timeout: float | None) -> None:
    """Start an instance that is stopped.

    \b
    Example:
      provisimus instance start greeter --env staging
    """
    _change(session, what, "start", timeout)


@click.command()
@_WHAT
@_TIMEOUT
@with_session(env=True, yes=True, dry_run=True, work=True)
def stop(session: Session, what: str, timeout: float | None) -> None:
    """Stop an instance; its volumes stay. The next release starts it again.

    \b
    Examples:
      provisimus instance stop greeter --dry-run
      provisimus instance stop i-0123456789abcdef0 --yes
    """
    _change(session, what, "stop", timeout)


@click.command()
@_WHAT
@_TIMEOUT
@with_session(env=True, yes=True, dry_run=True, work=True)
def reboot(session: Session, what: str, timeout: float | None) -> None:
    """Reboot an instance, and wait until it runs again.

    \b
    Example:
      provisimus instance reboot greeter --yes
    """
    _change(session, what, "reboot", timeout)


def _change(session: Session, what: str, power: Power, timeout: float | None) -> None:
    from provisimus.release.lineage import find_traced
    from provisimus.stacks.follow import Deadline
    from provisimus.tasks.power import change_power, check_power, has_it

    environment = session.open()
    found = find_traced(environment, session.workspace, what)
    instance, state = found["InstanceId"], found["State"]["Name"]
    check_power(power, instance, state)
    data = {"instance": instance, "before": state, "state": state}
    if has_it(power, state):
        session.emit(data, f"{instance} is {state} already")
        return
    if session.dry_run:
        session.emit(data, f"{instance} is {state}; it would be told to {power}")
        return
    if power != "start":
        session.confirm(f"{power.capitalize()} {instance} ({what}) in {session.env}?")
    after = change_power(environment, instance, power, session.tell, Deadline.after(timeout))
    session.emit({**data, "state": after}, f"{instance} is {after}")
