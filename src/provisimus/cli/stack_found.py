"""The stack of a service in the environment that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.cli.session import Session
from provisimus.errors import Conflict, NotFound

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import Stack


def find_stack_of(session: Session, service: str) -> tuple[Environment, Stack]:
    """Raises NotFound, Undeclared where no file declares it either."""
    from provisimus.stacks import find_of
    from provisimus.stacks.names import likely_name

    environment = session.open()
    found = find_of(session.workspace, environment, service)
    if found is None:
        check_declared(session, service)
        name = likely_name(session.workspace, session.env, service)
        raise NotFound(
            f"there is no stack {name} in {session.env}", hint="see: provisimus stack list"
        )
    return environment, found


def check_declared(session: Session, service: str) -> None:
    """Raises Undeclared for a name that neither a file nor a cluster has; what a file says is not
    looked at."""
    workspace = session.workspace
    if not workspace.has_service(service) and workspace.cluster_of(service) is None:
        workspace.stack(service, session.env)


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
