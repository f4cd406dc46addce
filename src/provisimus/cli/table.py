"""Rows as text for people: aligned columns, no borders, pipeable."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence

GAP = "  "
LEAST = 8
"""Characters that a column keeps, however narrow the terminal."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns padded to their widest cell, two spaces between; the head in capitals. On a terminal
    as wide as that is, the widest cells cut; whoever reads it from a pipe gets all."""
    cells = [[name.upper() for name in head]] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]
    if sys.stdout.isatty():
        widths = fitted(widths, shutil.get_terminal_size().columns)
    return "\n".join(
        GAP.join(
            cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    )


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """The widths of columns in so many characters: what is missing is taken from the widest, evenly
    and never below LEAST. Pure."""
    found = list(widths)
    over = sum(found) + len(GAP) * (len(found) - 1) - room
    while over > 0 and (widest := max(found)) > LEAST:
        found[found.index(widest)] -= 1
        over -= 1
    return found


def cut(text: str, width: int) -> str:
    """The text in so many characters. Pure."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
