"""What the stack of a service is called in CloudFormation: the one place that says it."""

from __future__ import annotations

from provisimus.environment import Environment
from provisimus.errors import InvalidDefinitions, NotFound
from provisimus.model import Stack
from provisimus.stacks.live import SERVICE, find_stack, list_stacks, stack_name
from provisimus.workspace.workspace import Workspace


def name_of(workspace: Workspace, environment: str, service: str) -> str:
    """The name that the definition says, else the one that is made of project, environment and
    service. A service without a definition may have a stack still, by the name that is made.

    Raises InvalidDefinitions for a faulty definition.
    """
    try:
        said = workspace.stack(service, environment).stack_name
    except NotFound:
        said = None
    return said or stack_name(workspace.name, environment, service)


def find_of(workspace: Workspace, environment: Environment, service: str) -> Stack | None:
    """The stack of a service as it is: of the name that it has, else the one whose tags say that it
    is the service's. So a stack is found while its file is faulty, and when it is gone."""
    try:
        found = find_stack(environment, name_of(workspace, environment.name, service))
    except InvalidDefinitions:
        found = None
    if found is not None:
        return found
    ours = list_stacks(environment, workspace.name)
    return next((each for each in ours if each.tags.get(SERVICE) == service), None)


def likely_name(workspace: Workspace, environment: str, service: str) -> str:
    """As `name_of`, for telling: of a faulty definition the name that is made."""
    try:
        return name_of(workspace, environment, service)
    except InvalidDefinitions:
        return stack_name(workspace.name, environment, service)
