"""What the handlers of Route 53 share."""

from __future__ import annotations

ABSENT = ("NoSuchHostedZone",)
NO_NAMES = "no name server answers for the zone"


def dotted(name: str) -> str:
    """A name as Route 53 keeps it: with its dot at the end, in small letters."""
    return f"{name.rstrip('.').lower()}."
