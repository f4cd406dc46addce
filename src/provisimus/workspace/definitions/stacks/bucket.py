"""Type `bucket`: objects in Amazon S3, private and encrypted."""

from __future__ import annotations

import re
from typing import Annotated

from provisimus.workspace.definitions.aws_names import arn_of
from provisimus.workspace.definitions.common import Definition, Misfit, Seconds
from provisimus.workspace.definitions.rules import after, limits
from provisimus.workspace.definitions.stack import StackDefinition

_BEGINNINGS = ("xn--", "sthree-", "amzn-s3-demo-")
_ENDS = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")


def _bucket(value: str) -> str:
    """See "General purpose bucket naming rules"."""
    if "." in value:
        raise ValueError(
            f"{value!r} has dots, so its name would fit no TLS certificate of S3 — write dashes"
        )
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", value):
        raise ValueError(
            f"{value!r} is no name of a bucket — use 3 to 63 small letters, digits and dashes"
        )
    if value.startswith(_BEGINNINGS) or value.endswith(_ENDS):
        raise ValueError(f"{value!r} is a name that S3 keeps for itself — choose another")
    return value


def days(value: int) -> int:
    """Raises ValueError for what is no whole number of days."""
    if value % 86400 or not value:
        raise ValueError("this is counted in whole days — write 30d")
    return value


Days = Annotated[Seconds, after(days)]


RULES = 998
"""A bucket has a thousand lifecycle rules, of which two are there already."""


class Expiry(Definition):
    """Objects that go by themselves."""

    after: Days
    prefix: Annotated[str, limits(max_length=1024)] = ""
    """Only those whose key begins so."""


class BucketDefinition(StackDefinition):
    name: Annotated[str, after(_bucket)] | None = None
    """The bucket's, which nobody in the world may have; without one, CloudFormation makes one."""
    versions: bool = True
    """What is overwritten or deleted can be had back."""
    old_versions: Days = 90 * 86400
    """How long."""
    expire: tuple[Expiry, ...] = ()
    key: Annotated[str, after(arn_of("kms", "(key|alias)/.+"))] | None = None
    """The ARN of a KMS key; without one, S3's own keys encrypt."""

    def __post_init__(self) -> None:
        super().__post_init__()
        prefixes = [each.prefix for each in self.expire]
        if len(set(prefixes)) != len(prefixes):
            raise Misfit("a prefix stands twice — leave one of them out", "expire")
        if len(prefixes) > RULES:
            raise Misfit(f"a bucket has {RULES} rules for them at most", "expire")


DEFINITION = BucketDefinition
