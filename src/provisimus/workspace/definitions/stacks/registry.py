"""Type `registry`: repositories for container images in Amazon ECR."""

from __future__ import annotations

import re
from typing import Annotated

from provisimus.workspace.definitions.common import each_once
from provisimus.workspace.definitions.rules import after, limits
from provisimus.workspace.definitions.stack import StackDefinition
from provisimus.workspace.definitions.stacks.bucket import Days


def _repository(value: str) -> str:
    part = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
    if not re.fullmatch(rf"{part}(/{part})*", value) or not 2 <= len(value) <= 256:
        raise ValueError(f"{value!r} is no name of a repository — write acme/greeter")
    return value


class RegistryDefinition(StackDefinition):
    repositories: Annotated[
        tuple[Annotated[str, after(_repository)], ...],
        limits(min_length=1, max_length=100),
        after(each_once),
    ]
    keep: Annotated[int, limits(ge=1)] = 100
    """How many images of each stay; those that machines were baked from hold theirs themselves."""
    untagged: Days = 14 * 86400
    """How long an image stays that has no tag any more."""
    immutable: bool = True
    """A tag that is there is not moved."""
    pulled_by: Annotated[
        tuple[Annotated[str, limits(pattern=r"^\d{12}$")], ...], after(each_once)
    ] = ()
    """Other accounts that may pull."""


DEFINITION = RegistryDefinition
