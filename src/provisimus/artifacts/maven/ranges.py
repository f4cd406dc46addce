"""Ranges of versions, as Maven writes them: `[1.0,2.0)`, `(,1.0]`, `[1.5]`, `[1,2),(3,)`.

Source: "Version Range Specification" and "Dependency Version Requirement Specification" of the POM
reference. Nothing is built from a range: it only says which newer versions are worth naming. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from provisimus.artifacts.maven.versions import MavenVersion, in_order, is_snapshot
from provisimus.errors import UsageFault

_PART = re.compile(r"\s*([\[(])\s*([^,\[\]()\s]*)\s*(?:(,)\s*([^,\[\]()\s]*)\s*)?([\])])\s*")


@dataclass(frozen=True)
class Span:
    """From one version to another; None where it is open, and whether the ends belong to it."""

    low: str | None
    high: str | None
    with_low: bool
    with_high: bool

    def holds(self, version: str) -> bool:
        asked = MavenVersion(version)
        if self.low is not None:
            low = MavenVersion(self.low)
            if asked < low or (asked == low and not self.with_low):
                return False
        if self.high is not None:
            high = MavenVersion(self.high)
            if asked > high or (asked == high and not self.with_high):
                return False
        return True

    def __str__(self) -> str:
        left, right = "[" if self.with_low else "(", "]" if self.with_high else ")"
        if self.low is not None and self.low == self.high:
            return f"[{self.low}]"
        return f"{left}{self.low or ''},{self.high or ''}{right}"


@dataclass(frozen=True)
class VersionRange:
    """One span or several, lowest first; a version is in it when it is in one of them."""

    spans: tuple[Span, ...]

    def holds(self, version: str) -> bool:
        return any(span.holds(version) for span in self.spans)

    def newest(self, versions: Iterable[str], *, snapshots: bool = False) -> str | None:
        """The highest of these versions that is in the range; SNAPSHOTs only when asked for."""
        fitting = [
            each for each in versions if self.holds(each) and (snapshots or not is_snapshot(each))
        ]
        return in_order(fitting)[-1] if fitting else None

    def __str__(self) -> str:
        return ",".join(map(str, self.spans))


def parse_range(text: str) -> VersionRange:
    """Read a range. A bare version means what Maven means by it: this one or a newer.

    Raises UsageFault for what is no range, and for spans that overlap or are upside down.
    """
    if text.strip() and not re.search(r"[\[\](),\s]", text.strip()):
        return VersionRange((Span(text.strip(), None, with_low=True, with_high=False),))
    spans: list[Span] = []
    rest = text
    while rest:
        found = _PART.match(rest)
        if not found:
            raise _fault(text, f"what {rest!r} means is not known")
        spans.append(_span(text, found))
        rest = rest[found.end() :]
        if rest.startswith(","):
            rest = rest[1:] or ","
        elif rest:
            raise _fault(text, "a comma is missing between two spans")
    if not spans:
        raise _fault(text, "it is empty")
    for before, after in pairwise(spans):
        if not _apart(before, after):
            raise _fault(text, f"{before} and {after} overlap or stand in the wrong order")
    return VersionRange(tuple(spans))


def _span(text: str, found: re.Match[str]) -> Span:
    left, low, comma, high, right = found.groups()
    if comma is None:
        if not low or (left, right) != ("[", "]"):
            raise _fault(text, "a single version stands in square brackets")
        return Span(low, low, with_low=True, with_high=True)
    if low and high:
        upside_down = MavenVersion(low) > MavenVersion(high)
        if upside_down or (MavenVersion(low) == MavenVersion(high) and (left, right) != ("[", "]")):
            raise _fault(text, f"nothing is between {low} and {high}")
    return Span(
        low or None,
        high or None,
        with_low=bool(low) and left == "[",
        with_high=bool(high) and right == "]",
    )


def _apart(before: Span, after: Span) -> bool:
    if before.high is None or after.low is None:
        return False
    high, low = MavenVersion(before.high), MavenVersion(after.low)
    return high < low or (high == low and not (before.with_high and after.with_low))


def _fault(text: str, why: str) -> UsageFault:
    return UsageFault(
        f"{text!r} is no range of versions: {why}",
        hint="for example [1.0,2.0) or [1.5] or (,1.0],[1.2,)",
    )
