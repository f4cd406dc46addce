"""Type `bastion`: a small machine within a network, reached through Session Manager alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from provisimus.workspace.definitions.aws_names import InstanceType, architecture_of
from provisimus.workspace.definitions.common import Misfit, Name
from provisimus.workspace.definitions.rules import after
from provisimus.workspace.definitions.stack import (
    InNetwork,
    NetworkUse,
    StackDefinition,
    Use,
    network_used,
)

_AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"
AMAZON_LINUX, AMAZON_LINUX_ARM = _AMAZON_LINUX + "x86_64", _AMAZON_LINUX + "arm64"


def _parameter(value: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9_.\-/]+", value):
        raise ValueError(f"{value!r} is no SSM parameter — write {AMAZON_LINUX}")
    return value


class BastionDefinition(StackDefinition):
    network: NetworkUse = "default"
    """`default`, a stack of type network, {stack: main, subnet: private, zone: a}, or ids."""
    instance_type: InstanceType = "t3.nano"
    image: Annotated[str, after(_parameter)] | None = None
    """The SSM parameter that names its machine image; one with the agent of Systems Manager. The
    default is Amazon Linux 2023 for the instance type's architecture."""
    databases: tuple[Name, ...] = ()
    """Stacks of type database that may be reached from it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.databases)) != len(self.databases):
            raise Misfit("a database stands twice", "databases")
        other = AMAZON_LINUX if self._is_arm else AMAZON_LINUX_ARM
        if self.image == other:
            raise Misfit(f"a {self.instance_type} does not run this image — leave it out", "image")

    @property
    def _is_arm(self) -> bool:
        return architecture_of(self.instance_type) == "arm64"

    @property
    def machine_image(self) -> str:
        """The parameter that names its machine image."""
        return self.image or (AMAZON_LINUX_ARM if self._is_arm else AMAZON_LINUX)

    def uses(self) -> Iterator[Use]:
        if used := network_used(self.network):
            named = self.network if isinstance(self.network, InNetwork) else InNetwork(stack=used)
            yield Use(used, ("network",), "network", named.outputs)
        for index, database in enumerate(self.databases):
            yield Use(database, ("databases", index), "database", ("ClientSecurityGroupId",))

    def misfits(self, others: Mapping[str, StackDefinition]) -> Iterator[Misfit]:
        from provisimus.workspace.definitions.stacks.database import reach_misfits

        for index, database in enumerate(self.databases):
            yield from reach_misfits(self.network, others.get(database), "databases", index)


DEFINITION = BastionDefinition
