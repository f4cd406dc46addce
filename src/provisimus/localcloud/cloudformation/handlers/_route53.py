"""What the handlers of Route 53 share."""

from __future__ import annotations

ABSENT = ("NoSuchHostedZone",)


def same_name(told: str, written: str) -> str:
    """The name that is told, as the template wrote it where that is the same."""
    return written if dotted(told) == dotted(written) else told


def dotted(name: str) -> str:
    """A name as Route 53 keeps it: with its dot at the end, in small letters."""
    return f"{name.rstrip('.').lower()}."
