"""The order of versions, as Maven has it.

Source: `org.apache.maven.artifact.versioning.ComparableVersion` and the "Version Order
Specification" of the POM reference. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import total_ordering
from typing import Any

_QUALIFIERS = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_SAME = {"ga": "", "final": "", "release": "", "cr": "rc"}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}

_Item = int | str | list[Any]


@total_ordering
class MavenVersion:
    """A version that compares as Maven compares it: 1.0-rc1 < 1.0 < 1.0-sp < 1.0.1 < 1.10."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._items = _parse(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MavenVersion) and _lists(self._items, other._items) == 0

    def __lt__(self, other: MavenVersion) -> bool:
        return _lists(self._items, other._items) < 0

    def __hash__(self) -> int:
        return hash(str(self._items))


def in_order(versions: Iterable[str]) -> list[str]:
    """Oldest first; versions that Maven holds equal keep the order of their text."""
    return sorted(sorted(versions), key=MavenVersion)


def nearest(version: str, existing: Iterable[str]) -> str | None:
    """The existing version that somebody who wrote `version` most likely meant.

    Of its two neighbours in Maven's order the one that shares more leading parts; else the older.
    """
    ordered = in_order(existing)
    older = [each for each in ordered if MavenVersion(each) <= MavenVersion(version)][-1:]
    newer = [each for each in ordered if MavenVersion(each) > MavenVersion(version)][:1]
    candidates = older + newer
    return max(candidates, key=lambda each: _shared(version, each)) if candidates else None


def is_snapshot(version: str) -> bool:
    return version.endswith("-SNAPSHOT")


def _shared(one: str, other: str) -> int:
    count = 0
    for mine, theirs in zip(re.split(r"[.\-+_]", one), re.split(r"[.\-+_]", other), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _parse(text: str) -> list[_Item]:
    top: list[_Item] = []
    current = top
    nested = [top]
    parts = re.findall(r"\d+|[^\d.\-]+|[.\-]", text.lower())
    for index, part in enumerate(parts):
        before = parts[index - 1] if index else "."
        after = parts[index + 1] if index + 1 < len(parts) else ""
        if part in ".-":
            if before in (".", "-"):
                current.append(0)
            if part == "-":
                current = _nest(current, nested)
            continue
        # A change between digits and letters is a hyphen that nobody wrote.
        if before not in (".", "-"):
            current = _nest(current, nested)
        if part.isdigit():
            current.append(int(part))
        else:
            word = _SHORT.get(part, part) if after.isdigit() else part
            current.append(_SAME.get(word, word))
    for each in reversed(nested):
        _trim(each)
    return top


def _nest(current: list[_Item], nested: list[list[_Item]]) -> list[_Item]:
    inner: list[_Item] = []
    current.append(inner)
    nested.append(inner)
    return inner


def _trim(items: list[_Item]) -> None:
    """Drop what says nothing ("1.0.0" is "1"), from the end and before each nested list."""
    for index in range(len(items) - 1, -1, -1):
        if items[index] in (0, "", []):
            del items[index]
        elif not isinstance(items[index], list):
            break


def _lists(one: list[_Item], other: list[_Item]) -> int:
    for index in range(max(len(one), len(other))):
        mine = one[index] if index < len(one) else None
        theirs = other[index] if index < len(other) else None
        result = _items(mine, theirs)
        if result:
            return result
    return 0


def _items(one: _Item | None, other: _Item | None) -> int:
    if one is None:
        return 0 if other is None else -_items(other, None)
    match one:
        case int():
            if other is None:
                return int(one != 0)
            return (one > other) - (one < other) if isinstance(other, int) else 1
        case str():
            if isinstance(other, int):
                return -1
            if isinstance(other, list):
                return -1
            mine, theirs = _rank(one), _rank(other or "")
            return (mine > theirs) - (mine < theirs)
        case list():
            if other is None:
                return next((found for found in (_items(each, None) for each in one) if found), 0)
            if isinstance(other, int):
                return -1
            return 1 if isinstance(other, str) else _lists(one, other)


def _rank(qualifier: str) -> tuple[int, str]:
    known = qualifier in _QUALIFIERS
    return (_QUALIFIERS.index(qualifier), "") if known else (len(_QUALIFIERS), qualifier)
