"""Versions of Debian packages: their order, and which is the newest that this machine knows of.

Source: Debian Policy 5.6.12 and `deb-version(7)`; apt's lists, as `apt-get update` left them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from provisimus.errors import ToolFailed, ToolMissing
from provisimus.process import run

LISTS = Path("/var/lib/apt/lists")
_READER = "/usr/lib/apt/apt-helper"


def compare(one: str, other: str) -> int:
    """Below 0 when `one` is older, above 0 when it is newer. Pure."""
    first, second = _parts(one), _parts(other)
    if first[0] != second[0]:
        return -1 if first[0] < second[0] else 1
    return _compare(first[1], second[1]) or _compare(first[2], second[2])


def list_files(suite: str, architecture: str, folder: Path) -> list[Path]:
    """Apt's lists of a suite, its updates and its security updates; none when it is not listed."""
    names = "|".join(re.escape(suite) + end for end in ("", "-updates", "-security"))
    pattern = rf".*_dists_(?:{names})_[^_]+_binary-{re.escape(architecture)}_Packages(\.\w+)?"
    return [each for each in sorted(folder.glob("*_Packages*")) if re.fullmatch(pattern, each.name)]


def newest(text: str, names: Collection[str]) -> dict[str, str]:
    """The newest version of each of these packages in a list. Pure."""
    wanted = set(names)
    found: dict[str, str] = {}
    for match in re.finditer(r"^Package: (\S+)\n((?:.+\n)*)", text, re.MULTILINE):
        if match[1] not in wanted:
            continue
        version = re.search(r"^Version: (\S+)$", match[2], re.MULTILINE)
        if version and (match[1] not in found or compare(found[match[1]], version[1]) < 0):
            found[match[1]] = version[1]
    return found


def candidates(suite: str, architecture: str, names: Collection[str]) -> dict[str, str] | None:
    """The newest version of each package that apt's lists know; None without lists of the suite."""
    found: dict[str, str] = {}
    files = list_files(suite, architecture, LISTS)
    for path in files:
        for name, version in newest(_read(path), names).items():
            if name not in found or compare(found[name], version) < 0:
                found[name] = version
    return found if files else None


def _read(path: Path) -> str:
    if path.name.endswith("_Packages"):
        return path.read_text(encoding="utf-8", errors="replace")
    try:
        return run([_READER, "cat-file", str(path)], timeout=60).stdout
    except (ToolFailed, ToolMissing):
        return ""


def _parts(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon or not epoch.isdigit():
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return int(epoch), upstream if dash else rest, revision if dash else ""


def _compare(one: str, other: str) -> int:
    """Dpkg's verrevcmp: parts without and with digits by turns; `~` comes before the end."""
    while one or other:
        first, second = _leading(r"\D*", one), _leading(r"\D*", other)
        for index in range(max(len(first), len(second))):
            left, right = _order(first, index), _order(second, index)
            if left != right:
                return left - right
        one, other = one[len(first) :], other[len(second) :]
        first, second = _leading(r"\d*", one), _leading(r"\d*", other)
        if int(first or 0) != int(second or 0):
            return int(first or 0) - int(second or 0)
        one, other = one[len(first) :], other[len(second) :]
    return 0


def _leading(pattern: str, text: str) -> str:
    found = re.match(pattern, text, re.ASCII)
    return found[0] if found else ""


def _order(text: str, index: int) -> int:
    if index >= len(text):
        return 0
    letter = text[index]
    if letter == "~":
        return -1
    return ord(letter) if letter.isascii() and letter.isalpha() else ord(letter) + 256
