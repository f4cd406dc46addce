"""Build secrets: what `RUN --mount=type=secret` sees while it runs, and nobody else.

A manifest says where a secret comes from; the builder is told the same, never the value, so no
argument holds one. The value is read here for three things: to say that it is missing before
anything starts, to blank it in what a builder prints, and to refuse layers that hold it.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.errors import InvalidDefinitions, NotFound, Problem, Refused, ToolFailed
from provisimus.images.dockerfile import NotUnderstood, parse
from provisimus.workspace import marks

if TYPE_CHECKING:
    from provisimus.workspace.definitions.image import ImageManifest

LARGEST = 500 * 1024
"""Bytes that BuildKit takes for a secret (`MaxSecretSize` in its session/secrets)."""

_SHORTEST_LINE, _SHORTEST_FOUND = 4, 8
"""Less is blanked in no log, and is found in layers by chance."""

HIDDEN = "•••"


@dataclass(frozen=True)
class BuildSecret:
    """One secret, and where it comes from: the variable `env` or the file `path`."""

    id: str
    env: str | None = None
    path: Path | None = None
    value: bytes = field(default=b"", repr=False, compare=False)

    @property
    def option(self) -> str:
        """As `--secret` of docker and of buildah takes it. With the type: buildah would guess it
        by whether there is a variable called like the secret.
        """
        if self.env is not None:
            return f"type=env,id={self.id},env={self.env}"
        return f"type=file,id={self.id},src={self.path}"

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """What is not to be seen, the longest first."""
        stripped = {line.strip() for line in self.value.decode(errors="replace").splitlines()}
        long = [line for line in stripped if len(line) >= _SHORTEST_LINE]
        return tuple(sorted(long, key=len, reverse=True))


def secret_ids(text: str) -> frozenset[str]:
    """The ids of the secrets that a Dockerfile mounts. Pure."""
    try:
        mounts = [
            each
            for one in parse(text)
            if one.keyword == "RUN"
            for each in one.flags.get("mount", "").split()
        ]
    except NotUnderstood:
        joined = re.sub(r"\\[ \t]*\n", " ", text)
        lines = re.findall(r"^\s*RUN\s+((?:--\S+\s+)+)", joined, re.IGNORECASE | re.MULTILINE)
        mounts = [each for line in lines for each in re.findall(r"--mount=(\S+)", line)]
    return frozenset(each for mount in mounts for each in _id_of(mount))


def declared_secrets(
    manifest: ImageManifest, text: str, folder: Path, root: Path
) -> tuple[BuildSecret, ...]:
    """The secrets that a rendered Dockerfile mounts, as its manifest declares them; no values.

    Raises InvalidDefinitions for one that is not declared (a builder would leave it out without a
    word), and for a file that lies where COPY could take it.
    """
    ids = sorted(secret_ids(text))
    if not ids:
        return ()
    document = marks.read(folder / "manifest.yaml")
    problems = []
    found = []
    for each in ids:
        source = manifest.secrets.get(each)
        if source is None:
            message = f"the Dockerfile mounts the secret {each!r}, which is not declared"
            problems.append(_problem(document, ("secrets",), message, _declare(each)))
            continue
        path = (root / Path(source.file).expanduser()).resolve() if source.file else None
        if path is not None and path.is_relative_to(folder.resolve()):
            message = "the file lies in the image's folder, which is its context"
            hint = "keep secrets outside, best of all outside of the repository"
            problems.append(_problem(document, ("secrets", each, "file"), message, hint))
        found.append(BuildSecret(each, source.env, path))
    if problems:
        raise InvalidDefinitions(problems)
    return tuple(found)


def read_secrets(
    secrets: Sequence[BuildSecret], where: Path, variables: Mapping[str, str] | None = None
) -> tuple[BuildSecret, ...]:
    """The secrets with their values. Raises NotFound that names each one that is missing."""
    known = os.environ if variables is None else variables
    found, missing = [], []
    for each in secrets:
        try:
            value = _value(each, known)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            source = f"the variable {each.env}" if each.env else f"the file {each.path}"
            missing.append(f"{each.id} ({source}: {why})")
            continue
        found.append(BuildSecret(each.id, each.env, each.path, value))
    if missing:
        raise NotFound(
            f"a secret that the build needs is not here: {', '.join(missing)}",
            where=str(where),
            hint="set the variable, or put the file there; the manifest says which under secrets:",
        )
    return tuple(found)


def blanked(text: str, secrets: Sequence[BuildSecret]) -> str:
    """The text without the values, and without any line of one."""
    for each in secrets:
        for line in each.lines:
            text = text.replace(line, HIDDEN)
    return text


def without_secrets(error: ToolFailed, secrets: Sequence[BuildSecret]) -> ToolFailed:
    """A builder's failure, its last lines blanked."""
    return ToolFailed(
        blanked(error.message, secrets),
        status=error.status,
        tail=tuple(blanked(line, secrets) for line in error.tail),
        where=error.where,
        hint=error.hint,
    )


def refuse_secrets(archive: Any, secrets: Sequence[BuildSecret]) -> None:
    """Look for the values in every file of an opened layer. Raises Refused with file and id."""
    wanted = {each.id: each.value.strip() for each in secrets}
    wanted = {name: value for name, value in wanted.items() if len(value) >= _SHORTEST_FOUND}
    for member in archive if wanted else ():
        content = archive.extractfile(member) if member.isreg() else None
        for name in _found_in(content, wanted) if content else ():
            path = posixpath.normpath(f"/{member.name}")
            raise Refused(
                f"the build leaves the secret {name} in the image: {path}",
                hint="use it where it is mounted, /run/secrets/…, and keep no copy of it; the "
                "builder's own cache may have this one now (docker builder prune)",
            )


def _found_in(content: Any, wanted: Mapping[str, bytes]) -> Iterator[str]:
    longest = max(map(len, wanted.values()))
    before = b""
    while piece := content.read(1 << 20):
        window = before + piece
        for name, value in wanted.items():
            if value in window:
                yield name
        before = window[-longest:]


def _value(secret: BuildSecret, variables: Mapping[str, str]) -> bytes:
    if secret.env is not None:
        value = os.fsencode(variables.get(secret.env, ""))
        if not value:
            raise ValueError("it is not set" if secret.env not in variables else "it is empty")
    else:
        assert secret.path is not None
        with secret.path.open("rb") as file:
            value = file.read(LARGEST + 1)
        if not value:
            raise ValueError("it is empty")
    if len(value) > LARGEST:
        raise ValueError(f"it has more than {LARGEST // 1024} KiB, which no builder takes")
    return value


def _id_of(mount: str) -> Iterator[str]:
    values = dict(part.strip("\"'").partition("=")[::2] for part in mount.split(","))
    if values.get("type") == "secret":
        target = values.get("target") or values.get("dst") or values.get("destination") or ""
        yield values.get("id") or target.rpartition("/")[2]


def _declare(name: str) -> str:
    return f"add secrets: {{{name}: {{env: NAME}}}}, or {{file: ~/path}}, to the manifest"


def _problem(document: marks.Document, key: marks.KeyPath, message: str, hint: str) -> Problem:
    return Problem(str(document.path), document.line(key), "/".join(map(str, key)), message, hint)
