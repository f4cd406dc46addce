"""The order of versions, as Maven has it.

Source: "Version Order Specification" of the POM reference, which is what
`org.apache.maven.artifact.versioning.ComparableVersion` documents. Pure.

A version becomes a key whose order is Maven's, so the order is total by construction. Where some
release of Maven differs from the specification (`1-0-1`, `1.foo` beside `1-foo`), that one holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import total_ordering

_QUALIFIERS = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_SAME = {"ga": "", "final": "", "release": "", "cr": "rc"}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}

LONGEST = 256
"""Characters that count. Maven refuses longer versions; in metadata of others they stop nobody."""

_Token = tuple[int, int, str]
"""Kind, number, text. Kinds in Maven's order: see `_END` and the functions around it."""

_END: _Token = (0, _QUALIFIERS.index(""), "")
"""A version that ends where another goes on: above its release candidates, below its patches."""


@total_ordering
class MavenVersion:
    """A version that compares as Maven compares it: 1.0-rc1 < 1.0 < 1.0-sp < 1.0.1 < 1.10.

    Equal are versions that Maven holds equal, such as 1 and 1.0-ga.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._key = _key(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MavenVersion) and self._key == other._key

    def __lt__(self, other: MavenVersion) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"MavenVersion({self.text!r})"


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


def _key(text: str) -> tuple[_Token, ...]:
    """The tokens of a version, what says nothing left out, and the end."""
    kept: list[_Token] = []
    for token in _tokens(text[:LONGEST].lower()):
        if not _is_dotted(token):
            _trim(kept)
        kept.append(token)
    _trim(kept)
    return (*kept, _END)


def _tokens(text: str) -> list[_Token]:
    found = []
    parts = re.findall(r"[0-9]+|[^0-9.\-]+|[.\-]", text)
    dotted, empty = True, True
    for index, part in enumerate(parts):
        if part in (".", "-"):
            if empty:
                found.append(_number(0, dotted=dotted))
            dotted, empty = part == ".", True
            continue
        after = parts[index + 1] if index + 1 < len(parts) else ""
        # A change between digits and letters is a hyphen that nobody wrote.
        dotted = dotted and empty
        if part[0] in "0123456789":
            found.append(_number(int(part), dotted=dotted))
        else:
            found.append(_qualifier(part, followed=after.isdigit()))
        empty = False
    return found


def _qualifier(word: str, *, followed: bool) -> _Token:
    """`followed` by a digit, as 1-a1: then one letter is enough."""
    word = _SHORT.get(word, word) if followed else word
    word = _SAME.get(word, word)
    if word in _QUALIFIERS:
        return (0, _QUALIFIERS.index(word), "")
    return (0, len(_QUALIFIERS), word)


def _number(value: int, *, dotted: bool) -> _Token:
    """1-1 is less than 1.1, and both are more than any qualifier."""
    return (2 if dotted else 1, value, "")


def _is_dotted(token: _Token) -> bool:
    return token[0] == 2


def _trim(tokens: list[_Token]) -> None:
    """Drop what says nothing at the end: 1.0.0 is 1, and 1.0-ga too."""
    while tokens and (tokens[-1] == _END or (tokens[-1][0] and tokens[-1][1] == 0)):
        del tokens[-1]
