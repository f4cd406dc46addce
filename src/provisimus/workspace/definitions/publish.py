"""`publish:` in machine.yaml: what becomes of a machine image once it passed its boot test."""

from __future__ import annotations

import re
from typing import Annotated

from provisimus.workspace.definitions.common import Definition, Seconds
from provisimus.workspace.definitions.rules import after, before, limits

DEFAULT_KEY = "alias/aws/ebs"
"""The key of AWS's own that EBS takes where none is named. It cannot be shared."""


def _account(value: object) -> object:
    if isinstance(value, int):
        message = f'an account is text — write it in quotes: "{value:012d}"'
        raise ValueError(message)  # noqa: TRY004 pydantic wants a ValueError
    return value


def _key(value: str) -> str:
    """A KMS key as CopyImage takes it: id, alias, or the ARN of either."""
    if not re.fullmatch(r"alias/\S+|mrk-[0-9a-f]+|[0-9a-f-]{36}|arn:aws[\w-]*:kms:\S+", value):
        raise ValueError(f"{value!r} is no KMS key — write alias/<name>, a key's id or its ARN")
    return value


Region = Annotated[str, limits(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
Account = Annotated[str, before(_account), limits(pattern=r"^\d{12}$")]


class Publish(Definition):
    """Everything is done after the boot test, and again by the next bake when it was broken off."""

    regions: tuple[Region, ...] = ()
    """Regions that get a copy, beside the environment's own."""
    accounts: tuple[Account, ...] = ()
    """Accounts that may launch it, here and in those regions."""
    kms_key: Annotated[str, after(_key)] | None = None
    """The key that its snapshots are encrypted with."""
    deprecate_after: Annotated[Seconds, limits(ge=86400)] | None = None
    """How long after it was made EC2 stops showing it to others; nothing is removed."""

    def __post_init__(self) -> None:
        key = self.kms_key or ""
        if self.accounts and key.endswith(DEFAULT_KEY):
            raise ValueError(
                f"what {DEFAULT_KEY} encrypts cannot be shared with other accounts — name a key "
                "of your own, whose policy lets them use it"
            )
        in_one_region = key and not key.startswith(("alias/", "mrk-")) and ":key/mrk-" not in key
        if self.regions and in_one_region:
            raise ValueError(
                f"the key {key} lives in one region — name an alias that every region has, or a "
                "multi-region key (mrk-…)"
            )

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do."""
        return self != Publish()
