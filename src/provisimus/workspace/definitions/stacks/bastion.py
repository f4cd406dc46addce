"""Type `bastion`: a small machine within a network, reached through Session Manager alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from provisimus.workspace.definitions.common import Misfit, Name
from provisimus.workspace.definitions.rules import after
from provisimus.workspace.definitions.stack import (
    InNetwork,
    NetworkUse,
    StackDefinition,
    Use,
    network_used,
)

AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


def _parameter(value: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9_.\-/]+", value):
        raise ValueError(f"{value!r} is no SSM parameter — write {AMAZON_LINUX}")
    return value


class BastionDefinition(StackDefinition):
    network: NetworkUse = "default"
    """`default`, a stack of type network, {stack: main, subnet: private, zone: a}, or ids."""
    instance_type: str = "t3.nano"
    image: Annotated[str, after(_parameter)] = AMAZON_LINUX
    """The SSM parameter that names its machine image; one with the agent of Systems Manager."""
    databases: tuple[Name, ...] = ()
    """Stacks of type database that may be reached from it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.databases)) != len(self.databases):
            raise Misfit("a database stands twice", "databases")

    def uses(self) -> Iterator[Use]:
        if used := network_used(self.network):
            named = self.network if isinstance(self.network, InNetwork) else InNetwork(stack=used)
            yield Use(used, ("network",), "network", named.outputs)
        for index, database in enumerate(self.databases):
            yield Use(database, ("databases", index), "database", ("ClientSecurityGroupId",))


DEFINITION = BastionDefinition
