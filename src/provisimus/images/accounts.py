"""Owners by name: what --chown and USER mean in the image that is being built. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from provisimus.images.dockerfile import NotUnderstood

Read = Callable[[str], bytes | None]
"""The content of a file of the image, None when it is not there."""


def owner_of(text: str, read: Read, line: int) -> tuple[int, int]:
    """`user[:group]`, by name or number, as numbers. A user alone brings the group of that number,
    or the group that /etc/passwd gives to a name.

    Raises NotUnderstood for a name that is not in the image.
    """
    user, separator, group = text.partition(":")
    if not user or (separator and not group):
        raise NotUnderstood(f"the owner {text!r}", line)
    if _number(user):
        uid = gid = int(user)
    else:
        found = _lookup(read, "etc/passwd", user, (2, 3))
        if found is None:
            raise NotUnderstood(f"the user {user}, who is not in the image's /etc/passwd", line)
        uid, gid = int(found[2]), int(found[3])
    if group:
        if _number(group):
            gid = int(group)
        else:
            entry = _lookup(read, "etc/group", group, (2,))
            if entry is None:
                raise NotUnderstood(f"the group {group}, which is not in /etc/group", line)
            gid = int(entry[2])
    return uid, gid


def _number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,10}", text) is not None


def _lookup(read: Read, path: str, name: str, numbers: tuple[int, ...]) -> list[str] | None:
    """The row of a name, when the columns that must hold numbers do."""
    for row in (read(path) or b"").decode(errors="replace").splitlines():
        parts = row.split(":")
        if parts[0] == name:
            sound = all(len(parts) > each and _number(parts[each]) for each in numbers)
            return parts if sound else None
    return None
