"""What the stack of a service is called in CloudFormation: the one place that says it."""

from __future__ import annotations

from provisimus.errors import NotFound
from provisimus.stacks.live import stack_name
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
