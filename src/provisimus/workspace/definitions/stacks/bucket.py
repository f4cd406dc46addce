"""Type `bucket`: objects in Amazon S3, private and encrypted."""

from __future__ import annotations

import re
from typing import Annotated

from provisimus.workspace.definitions.common import Definition, Misfit, Seconds
from provisimus.workspace.definitions.rules import after
from provisimus.workspace.definitions.stack import StackDefinition, arn_of


def _bucket(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value) or ".." in value:
        raise ValueError(
            f"{value!r} is no name of a bucket — use 3 to 63 small letters, digits, dots and dashes"
        )
    if re.fullmatch(r"[\d.]+", value) or value.startswith("xn--") or value.endswith("-s3alias"):
        raise ValueError(f"{value!r} is a name that S3 does not take — choose another")
    return value


def days(value: int) -> int:
    """Raises ValueError for what is no whole number of days."""
    if value % 86400 or not value:
        raise ValueError("this is counted in whole days — write 30d")
    return value


Days = Annotated[Seconds, after(days)]


class Expiry(Definition):
    """Objects that go by themselves."""

    after: Days
    prefix: str = ""
    """Only those whose key begins so."""


class BucketDefinition(StackDefinition):
    name: Annotated[str, after(_bucket)] | None = None
    """The bucket's, which nobody in the world may have; without one, CloudFormation makes one."""
    versions: bool = True
    """What is overwritten or deleted can be had back."""
    old_versions: Days = 90 * 86400
    """How long."""
    expire: tuple[Expiry, ...] = ()
    key: Annotated[str, after(arn_of("kms"))] | None = None
    """The ARN of a KMS key; without one, S3's own keys encrypt."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.key is not None and not self.key.startswith(("arn:", "${")):
            raise Misfit("a key is named by its ARN", "key")
        prefixes = [each.prefix for each in self.expire]
        if len(set(prefixes)) != len(prefixes):
            raise Misfit("a prefix stands twice", "expire")


DEFINITION = BucketDefinition
