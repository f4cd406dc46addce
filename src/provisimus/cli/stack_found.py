"""The stack of a service in the environment that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.cli.session import Session
from provisimus.errors import Conflict, NotFound

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import Stack


def find_stack_of(session: Session, service: str) -> tuple[Environment, Stack]:
    """Raises NotFound."""
    from provisimus.stacks import find_of
    from provisimus.stacks.names import likely_name

    environment = session.open()
    found = find_of(session.workspace, environment, service)
    if found is None:
        name = likely_name(session.workspace, session.env, service)
        raise NotFound(
            f"there is no stack {name} in {session.env}", hint="see: provisimus stack list"
        )
    return environment, found


def find_own(session: Session, service: str) -> tuple[Environment, Stack]:
    """For what changes it: raises Conflict for a stack that is not this project's."""
    from provisimus.stacks.live import PROJECT

    environment, found = find_stack_of(session, service)
    owner = found.tags.get(PROJECT)
    # A stack that is but a name has no tags on some paths of the API.
    if owner != session.workspace.name and found.status != "REVIEW_IN_PROGRESS":
        raise Conflict(
            f"the stack {found.name} is not of {session.workspace.name}",
            where=found.stack_id,
            hint=f"its tags name {owner or 'nobody'}; change it by what made it",
        )
    return environment, found
