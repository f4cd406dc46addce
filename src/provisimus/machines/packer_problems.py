"""What `packer validate` says is wrong with a template, as problems with file and line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from provisimus.errors import Problem

_PLACE = re.compile(r"\s+on (\S.*?) line (\d+)(?:,.*)?:")
_SOURCE = re.compile(r"\s*(?:\d+: .*|\(source code not available\)|[│╷╵].*)?")
"""Lines that quote the template: the reader has it."""


def problems_in(said: Iterable[str], template: Path) -> list[Problem]:
    """A problem for each of Packer's errors; none when it says nothing that can be read.

    HCL's diagnostics come as `Error: what`, `  on FILE line N:`, the source, more words. An error
    may hold several, a line each with a star before it.
    """
    problems = []
    for title, lines in _errors(said):
        file, line, words = str(template), None, []
        for each in lines:
            place = _PLACE.fullmatch(each)
            if place:
                file, line = str(template.parent / Path(place[1]).name), int(place[2])
            elif not _SOURCE.fullmatch(each):
                words.append(each.strip())
        single = [word.removeprefix("* ") for word in words if word.startswith("* ")]
        if single:
            problems += [Problem(file, line, "", one) for one in single]
        else:
            message = ": ".join([title, " ".join(words)] if words else [title])
            problems.append(Problem(file, line, "", message))
    return problems


def _errors(said: Iterable[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for raw in said:
        text = re.sub(r"\x1b\[[0-9;]*m", "", raw).rstrip().removeprefix("│ ")
        if text.startswith("Error: "):
            found.append((text.removeprefix("Error: "), []))
        elif found:
            found[-1][1].append(text)
    return found
