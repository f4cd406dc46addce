"""The context of an image: the files of its folder, and its artifact.

Reads the folder once. Modes are those that Git keeps (executable or not), so that a fingerprint is
the same on every machine whatever its umask.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from provisimus.errors import InvalidDefinitions, Problem

_LEFT_OUT = re.compile(r"manifest\.yaml|\.dockerignore|Dockerfile[^/]*\.j2(\.dockerignore)?")
"""What an image's folder says of the image and of its variants, and what is no file of theirs."""


@dataclass(frozen=True)
class ContextEntry:
    """One file, folder or link of a context, or of an image that COPY --from takes from.

    `path` is relative, with `/`; `digest` the SHA-256 of a context's file; "other" is a device and
    such, in an image. `pieces` gives the bytes of a file when they are wanted; it is no part of
    its identity.
    """

    path: str
    kind: Literal["file", "folder", "link", "other"]
    mode: int
    digest: str = ""
    size: int = 0
    target: str = ""
    uid: int = 0
    gid: int = 0
    pieces: Callable[[], Iterator[bytes]] | None = field(default=None, compare=False, repr=False)

    @property
    def identity(self) -> list[object]:
        """What a fingerprint knows of it."""
        return [self.path, self.kind, f"{self.mode:o}", self.digest or self.target]


def of_bytes(path: str, data: bytes) -> ContextEntry:
    """A file whose content stands in the Dockerfile itself."""
    digest = hashlib.sha256(data).hexdigest()
    return ContextEntry(path, "file", 0o644, digest, len(data), pieces=lambda: iter([data]))


def read_context(folder: Path) -> tuple[ContextEntry, ...]:
    """Every file, folder and link below an image's folder, by path; .dockerignore honoured.

    Raises InvalidDefinitions for what cannot be in a context (a device, a socket).
    """
    ignored = _ignore(folder)
    return tuple(
        each
        for each in sorted(_walk(folder, ""), key=lambda one: one.path)
        if not _LEFT_OUT.fullmatch(each.path) and not ignored(each.path)
    )


def ignore_rules(text: str) -> Callable[[str], bool]:
    """Whether a .dockerignore leaves out a path. The last matching rule decides; `!` takes back.

    Source: the Dockerfile reference, ".dockerignore file": Go's filepath.Match, and `**`. Raises
    ValueError for a pattern that is none.
    """
    rules: list[tuple[bool, re.Pattern[str]]] = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        keep = line.startswith("!")
        pattern = os.path.normpath(line.removeprefix("!").strip()).strip("/")
        if pattern != ".":
            rules.append((keep, _compiled(pattern)))

    def ignored(path: str) -> bool:
        decision = False
        parts = path.split("/")
        for keep, pattern in rules:
            # A rule that matches a folder holds for all that is in it.
            if any(pattern.fullmatch("/".join(parts[: n + 1])) for n in range(len(parts))):
                decision = not keep
        return decision

    return ignored


def matching(pattern: str, paths: Iterable[str]) -> list[str]:
    """The paths that a wildcard of COPY names (Go's filepath.Match: `*`, `?`, `[…]`, no `/`).

    Raises ValueError for one that is none.
    """
    regex = _compiled(pattern)
    return [path for path in paths if regex.fullmatch(path)]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(_as_regex(pattern))
    except re.error as error:
        raise ValueError(f"the pattern {pattern}: {error}") from None


def _as_regex(pattern: str) -> str:
    out = ""
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if pattern.startswith("**/", index):
            out += "(?:.*/)?"
            index += 3
        elif pattern.startswith("**", index):
            out += ".*"
            index += 2
        elif char == "[" and "]" in pattern[index + 2 :]:
            end = pattern.index("]", index + 2)
            inside = pattern[index + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out += f"[{inside}]"
            index = end + 1
        elif char == "\\" and index + 1 < len(pattern):
            out += re.escape(pattern[index + 1])
            index += 2
        else:
            out += {"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char)
            index += 1
    return out


def _ignore(folder: Path) -> Callable[[str], bool]:
    path = folder / ".dockerignore"
    try:
        return ignore_rules(path.read_text(encoding="utf-8") if path.is_file() else "")
    except ValueError as error:
        raise InvalidDefinitions([Problem(str(path), None, "", str(error))]) from None


def _walk(folder: Path, prefix: str) -> Iterator[ContextEntry]:
    for each in sorted(os.scandir(folder), key=lambda one: one.name):
        path = prefix + each.name
        mode = each.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            yield ContextEntry(path, "link", 0o777, target=str(Path(each.path).readlink()))
        elif stat.S_ISDIR(mode):
            yield ContextEntry(path, "folder", 0o755)
            yield from _walk(Path(each.path), path + "/")
        elif stat.S_ISREG(mode):
            yield _file(Path(each.path), path, 0o755 if mode & 0o100 else 0o644)
        else:
            message = "neither file, folder nor link: this cannot be in an image"
            raise InvalidDefinitions([Problem(str(folder / each.name), None, "", message)])


def _file(place: Path, path: str, mode: int) -> ContextEntry:
    with place.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    def pieces() -> Iterator[bytes]:
        with place.open("rb", buffering=0) as file:
            while piece := file.read(1 << 20):
                yield piece

    return ContextEntry(path, "file", mode, digest, place.stat().st_size, pieces=pieces)
