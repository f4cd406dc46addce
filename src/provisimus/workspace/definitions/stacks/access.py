"""Type `access`: who may do what in the account: Provisimus itself, the build server, people."""

from __future__ import annotations

import re
from typing import Annotated

from provisimus.workspace.definitions.aws_names import arn_of
from provisimus.workspace.definitions.common import Definition, Misfit, Seconds
from provisimus.workspace.definitions.rules import after, limits
from provisimus.workspace.definitions.stack import StackDefinition


def _principal(value: str) -> str:
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)/[\w+=,.@/-]+)", value):
        raise ValueError(
            f"{value!r} names nobody — write arn:aws:iam::111122223333:role/NAME, or :root for "
            "whom that account itself lets"
        )
    return value


Principal = Annotated[str, after(_principal)]


def _owned(subject: str) -> int:
    """How much of a subject must be said in full: up to the end of what owns it."""
    found = re.match(r"[^:/]*[:/]+[^:/]*", subject)
    return found.end() if found else len(subject)


class Federation(Definition):
    """A build server that shows a token of its own in place of a key: nothing to keep secret."""

    provider: Annotated[str, after(arn_of("iam", "oidc-provider/.+"))]
    """The ARN of the OIDC provider in this account."""
    subjects: Annotated[tuple[str, ...], limits(min_length=1)]
    """Whose tokens: repo:acme/services:ref:refs/heads/main. A * stands for anything."""
    audience: Annotated[str, limits(min_length=1, max_length=255)] = "sts.amazonaws.com"

    def __post_init__(self) -> None:
        for index, subject in enumerate(self.subjects):
            # The first word says what it is about, as repo: does; whose it is comes after it.
            if subject[:1] in ("", "*") or re.search(r"[:/][*?]", subject[: _owned(subject)]):
                said = "anybody's token would do — name your own organisation at least"
                raise Misfit(said, "subjects", index)

    @property
    def issuer(self) -> str:
        return self.provider.partition("oidc-provider/")[2]


class AccessDefinition(StackDefinition):
    role: Annotated[str, limits(pattern=r"^[A-Za-z0-9_+=,.@-]{1,52}$")] = "provisimus"
    """The name that `role:` of an environment says; the others' names begin with it."""
    operators: tuple[Principal, ...] = ()
    """Who may release: ARNs of roles, users or accounts."""
    build_server: Federation | None = None
    """It may build and release, too."""
    readers: tuple[Principal, ...] = ()
    """Who may look, and change nothing."""
    session: Annotated[Seconds, limits(ge=3600, le=43_200)] = 4 * 3600
    """How long one may work before the role is taken anew."""
    boundary: Annotated[str, after(arn_of("iam", "policy/.+"))] | None = None
    """A policy that bounds all these roles, and every role that they make."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.operators and self.build_server is None:
            raise Misfit(
                "nobody may take the role — name operators, or a build_server", "operators"
            )


DEFINITION = AccessDefinition
