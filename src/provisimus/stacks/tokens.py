"""The token of an operation says what is wanted, so that whoever wants the same knows it. Pure.

CloudFormation shows it with every event of an operation (ClientRequestToken). It is made of the
stack, its environment and what is wanted, by whichever machine; and of the event that the stack was
at, for what was wanted once may be wanted again, and a token counts once.
"""

from __future__ import annotations

import hashlib

PREFIX = "provisimus-"
GOING_BACK = frozenset({"3", "4", "5"})
"""The numbers of updates that bring back what was there before a change (apply)."""


def wish_of(environment: str, stack: str, fingerprint: str) -> str:
    """What is wanted of a stack, in 24 characters."""
    return _digest(environment, stack, fingerprint)[:24]


def token_of(wish: str, number: int, since: str | None) -> str:
    """The token of one of the updates that lead to a wish; `since` is the newest event before."""
    return f"{PREFIX}{wish}-{number}-{_digest(since or 'nothing')[:12]}"


def asks_for(token: str | None, wish: str) -> bool:
    """Whether an operation with this token is on its way to the wish."""
    return (token or "").startswith(f"{PREFIX}{wish}-")


def goes_back(token: str | None) -> bool:
    """Whether an operation with this token takes a change back."""
    parts = (token or "").removeprefix(PREFIX).split("-")
    return (token or "").startswith(PREFIX) and len(parts) == 3 and parts[1] in GOING_BACK


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
