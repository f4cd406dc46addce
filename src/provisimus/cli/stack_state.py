"""`provisimus stack status|diagnose`: how stacks are, and what is wrong with one."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.stack_found import find_stack_of
from provisimus.cli.table import table
from provisimus.errors import InvalidDefinitions, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from provisimus.release.kept_evidence import KeptEvidence
    from provisimus.stacks.diagnosis import Diagnosis


@click.command()
@click.argument("services", metavar="[SERVICE]...", nargs=-1, shell_complete=service_names)
@with_session(env=True)
def status(session: Session, services: tuple[str, ...]) -> None:
    """Show how stacks are: status, version, drift, last change, protection, and who uses them.

    Without a name, every stack of the project; with one SERVICE its instance, too. Drift is what
    CloudFormation found when it looked last: stack drift has it look again.

    \b
    Examples:
      provisimus stack status
      provisimus stack status greeter
      provisimus stack status main greeter --env production --json
    """
    named = [one for name in services for one in _members(session, name) or [name]]
    if len(named) == 1:
        _one(session, named[0])
    else:
        _many(session, named)


def _members(session: Session, service: str) -> list[str]:
    """None, too, of a definition that is faulty: how its stack is can be told all the same."""
    workspace = session.workspace
    try:
        return workspace.members(service, session.env)
    except (InvalidDefinitions, NotFound):
        return []


def _one(session: Session, service: str) -> None:
    from provisimus.stacks.instances import address_of, find_instance
    from provisimus.stacks.live import describe
    from provisimus.stacks.overview import states

    environment, found = find_stack_of(session, service)
    [state] = states([describe(environment, found.stack_id)], {})
    instance = found.outputs.get("InstanceId")
    seen = find_instance(environment, instance) if instance else None
    data: dict[str, Any] = {
        "stack": found.name,
        "status": found.status,
        "reason": found.reason,
        "version": state.version,
        "fingerprint": state.fingerprint or "unknown",
        "drift": state.drift,
        "changed": state.changed,
        "protected": state.protected,
        "uses": list(state.uses),
        "instance": instance,
        "instance_state": str(seen["State"]["Name"]) if seen else "unknown",
        "address": address_of(seen),
    }
    if instance is None:
        data.pop("instance_state")
    told = {**data, "changed": moment(state.changed)}
    lines = [f"{key:<15} {_shown(value)}" for key, value in told.items() if value or value is False]
    session.emit(data, "\n".join(lines))


def moment(iso: str | None) -> str | None:
    """A time of CloudFormation's to the second, with its zone."""
    return f"{iso[:19].replace('T', ' ')} UTC" if iso else None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _many(session: Session, wanted: list[str]) -> None:
    from provisimus.stacks.overview import overview
    from provisimus.workspace.problems import did_you_mean

    workspace = session.workspace
    declared = [one for name in workspace.services() for one in _members(session, name) or [name]]
    found = overview(session.open(), workspace, declared)
    if missing := set(wanted) - {each.service for each in found}:
        name = min(missing)
        raise NotFound(
            f"there is no stack of {name} in {session.env}, and none is declared",
            hint=did_you_mean(name, [each.service for each in found]),
        )
    shown = [each for each in found if not wanted or each.service in wanted]
    rows = [
        (
            each.service,
            each.status,
            each.version or "-",
            each.drift if each.changed else "-",
            moment(each.changed) or "-",
            "yes" if each.protected else "-",
            ", ".join(each.used_by) or "-",
        )
        for each in shown
    ]
    head = ["service", "status", "version", "drift", "changed", "protected", "used by"]
    session.emit([asdict(each) for each in shown], table(head, rows) if rows else "no stack")


@click.command()
@click.argument("service", shell_complete=service_names)
@with_session(env=True)
def diagnose(session: Session, service: str) -> None:
    """Say what is wrong with a SERVICE: the first cause, and what happened on its machines.

    Of each instance that tells something: containers and their last words, the load balancer's
    word, cloud-init, the console. Of a group its activities, of a cluster each member. What was
    heard before a rollback took a machine away is told from the journal.

    \b
    Examples:
      provisimus stack diagnose greeter
      provisimus stack diagnose cache --env production --json
    """
    from provisimus.release.kept_evidence import kept_evidence
    from provisimus.stacks.diagnosis import diagnose as look

    workspace = session.workspace
    members = _members(session, service)
    told, texts = [], []
    for name in members or [service]:
        environment, found = find_stack_of(session, name)
        seen = look(environment, found)
        kept = kept_evidence(workspace.state / "journal", found.name)
        cause = seen.cause_beside(_heard(seen, kept, workspace.state / "journal"))
        told.append({**asdict(seen), "first_cause": cause, "kept": _data(kept)})
        texts.append(_text(seen, cause, kept))
    session.emit(told if members else told[0], "\n\n".join(texts))


def _data(kept: KeptEvidence | None) -> dict[str, Any] | None:
    return asdict(kept) if kept else None


def _heard(seen: Diagnosis, kept: KeptEvidence | None, journal: Path) -> tuple[str, ...]:
    """What is kept of the change that was taken back, and of none before it."""
    from provisimus.release.kept_evidence import kept_failure

    if seen.returned is None:
        return ()
    since = seen.returned.began - CLOCKS
    failure = kept_failure(journal, seen.stack.name, since)
    lines = kept.lines if kept and kept.at >= since else ()
    return (*([failure] if failure else ()), *lines)


CLOCKS = 60
"""Seconds by which the cloud's clock and this computer's may differ."""


def _text(seen: Diagnosis, cause: str, kept: KeptEvidence | None) -> str:
    stack = seen.stack
    lines = [
        f"stack     {stack.name}  {stack.status}" + (f"  {stack.reason}" if stack.reason else ""),
        f"cause     {cause}",
        *([f"return    {seen.returned.line}"] if seen.returned else ()),
        *(f"group     {each.line}" for each in seen.activities),
        *(line for each in seen.machines for line in each.lines),
    ]
    if not seen.machines and not seen.activities and kept is None:
        lines.append("instance  none")
    if kept:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(kept.at))
        lines.append(f"kept      {when}, run {kept.run}: before it was taken away")
        lines += [f"  {line}" for line in kept.lines]
    return "\n".join(lines)
