"""A stack's file changed, its stack made to follow: what `resize`, `grow`, `restore` share."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.release import as_data, as_text, carry_out
from provisimus.cli.session import Session
from provisimus.errors import NotFound, ProvisimusError, StillRunning, Unreachable, UsageFault

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import Plan


def file_of(session: Session, service: str) -> Path:
    """The file of a service's stack; of a member's, its cluster's. Raises NotFound."""
    workspace = session.workspace
    workspace.stack(service, session.env)
    return workspace.stacks / f"{workspace.cluster_of(service) or service}.yaml"


def check_of_all(session: Session, service: str) -> None:
    """Raises UsageFault for a member of a cluster, where a change is one of all members."""
    if cluster := session.workspace.cluster_of(service):
        raise UsageFault(
            f"{service} is a member of {cluster}; its file is that of all members",
            hint=f"name the cluster: {cluster}",
        )


def change_definition(
    session: Session,
    service: str,
    edit: Callable[[str], str],
    *,
    remark: str | None = None,
    timeout: float | None = None,
    allow: frozenset[str] = frozenset(),
    then: Callable[[], None] | None = None,
) -> None:
    """Show what changes in the file and in the stack, ask, write the file, apply, and do `then`.

    A change that is rolled back gives the file its old text again. One that is interrupted leaves
    it as it is wanted: `stack apply` goes on from there.
    """
    path = file_of(session, service)
    before = path.read_text(encoding="utf-8")
    after = edit(before)
    difference = "".join(
        difflib.unified_diff(before.splitlines(True), after.splitlines(True), path.name, path.name)
    ).rstrip()
    # What the stack would be is worked out before anything is written.
    made = _plan(session, service, after, timeout)
    if session.dry_run:
        data: dict[str, Any] = {"file": str(path), "difference": difference, "plan": as_data(made)}
        session.emit(data, "\n".join([difference, as_text(made), *([remark] if remark else [])]))
        return
    if difference and not session.json:
        click.echo(difference, err=True)
    if remark:
        click.echo(remark, err=True)
    if made.changes:
        click.echo(f"{session.open().whose()}\n{as_text(made)}", err=True)
        session.confirm(f"Change {path.name} and the stack of {service} in {session.env}?")
    _write(path, after)
    try:
        carry_out(session, service, timeout=timeout, allow=allow, agreed=True)
    except (StillRunning, Unreachable):
        raise
    except ProvisimusError:
        if path.read_text(encoding="utf-8") == after and not _holds(session, service, after):
            _write(path, before)
            click.echo(f"{path.name} is what it was before", err=True)
        raise
    if then is not None:
        then()


def _plan(session: Session, service: str, text: str, timeout: float | None) -> Plan:
    """What would be done, were the text in the file. What an interrupted run left under way is
    waited for, but for a preview."""
    from provisimus.model import ServiceVersion
    from provisimus.release import one_at_a_time, plan_at_rest, plan_release

    workspace, environment = session.workspace, session.open()
    draft = workspace.with_draft(workspace.cluster_of(service) or service, text)
    draft.stack(service, session.env)
    asked = ServiceVersion(service, None)
    if session.dry_run:
        return plan_release(draft, environment, asked).plan
    with one_at_a_time(workspace, session.env, service, session.run):
        return plan_at_rest(draft, environment, asked, session.tell, timeout=timeout).plan


def _holds(session: Session, service: str, text: str) -> bool:
    """Whether the stack is what the text says, however it fares: then the file says so, too."""
    try:
        return not _plan(session, service, text, None).changes
    except ProvisimusError:
        return False


def _write(path: Path, text: str) -> None:
    from provisimus.files import replacing

    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def running_of(session: Session, service: str) -> tuple[Environment, str]:
    """The environment, and an instance of a service, a group or a cluster. Raises NotFound."""
    from provisimus.tasks.list_instances import list_instances

    environment = session.open()
    for name in session.workspace.members(service, session.env) or [service]:
        for found in list_instances(environment, session.workspace.name, name):
            return environment, found.instance_id
    raise NotFound(
        f"no instance of {service} runs in {session.env}",
        hint=f"write it into stacks/{service}.yaml; the first release takes it from there",
    )
