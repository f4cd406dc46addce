"""COPY and ADD: which files of a source end where, with which owner and mode. Pure.

What Docker's reference leaves open is as BuildKit does it; `tests/contract/images` compares. Where
builders differ among themselves, NotUnderstood leaves it to one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.images.context import ContextEntry, matching, of_bytes
from provisimus.images.dockerfile import (
    Instruction,
    NotUnderstood,
    expand,
    expand_text,
    plain_words,
)
from provisimus.images.layers import LayerEntry
from provisimus.images.settings import Settings
from provisimus.images.tree import Tree
from provisimus.workspace.problems import did_you_mean

_ARCHIVES = (
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tar.xz",
    ".txz",
    ".tbz2",
    ".gz",
    ".bz2",
    ".xz",
    ".zst",
)
"""Endings of what ADD may unpack: left to the real builder."""

Owner = Callable[[str, int], tuple[int, int]]
"""From what --chown or USER says, and its line, to numbers."""


@dataclass(frozen=True)
class Copy:
    """One COPY or ADD, read: where it takes from and puts to, with all variables replaced."""

    keyword: str
    sources: tuple[str, ...]
    destination: str
    into_folder: bool
    owner: tuple[int, int] | None
    mode: int | None
    made: tuple[ContextEntry, ...]
    line: int
    where: str


def read_copy(instruction: Instruction, settings: Settings, owner: Owner, where: str) -> Copy:
    """Raises NotUnderstood, and InvalidDefinitions for a COPY that cannot be."""
    line = instruction.line
    parts = instruction.exec_form or tuple(plain_words(instruction.rest, line))
    heredocs = {each.name: each for each in instruction.heredocs}
    if len(parts) < 2:
        raise _problem(where, line, f"{instruction.keyword} needs a source and a destination")
    sources: list[str] = []
    made: list[ContextEntry] = []
    for part in parts[:-1]:
        opened = re.fullmatch(r"<<-?[\"']?([^\"']+)[\"']?", part)
        heredoc = heredocs.get(opened[1]) if opened else None
        if heredoc is None:
            sources.append(expand(part, settings.variables, line))
            continue
        text = heredoc.body
        if heredoc.expand:
            text = expand_text(text, settings.variables, line)
        made.append(of_bytes(heredoc.name, text.encode()))
    if parts[-1].startswith("<<") and heredocs:
        raise NotUnderstood("a heredoc as the destination", line)
    given = expand(parts[-1], settings.variables, line)
    if not given:
        raise _problem(where, line, f"{instruction.keyword} has an empty destination")
    chown, chmod = instruction.flags.get("chown"), instruction.flags.get("chmod")
    into_folder = given.endswith("/") or posixpath.basename(given) in (".", "..")
    if len(sources) + len(made) > 1 and not into_folder:
        hint = f"write {given}/"
        message = f"several files go to {given}: it must end with a slash"
        raise _problem(where, line, message, hint)
    return Copy(
        instruction.keyword,
        tuple(sources),
        posixpath.join(settings.workdir, given),
        into_folder,
        None if chown is None else owner(expand(chown, settings.variables, line), line),
        _mode(None if chmod is None else expand(chmod, settings.variables, line), line),
        tuple(made),
        line,
        where,
    )


def copied(copy: Copy, tree: Tree, source: Sequence[ContextEntry]) -> tuple[LayerEntry, ...]:
    """The entries of the layer that one COPY makes. Raises as `read_copy`."""
    line = copy.line
    files = _Files(source)
    chosen = [pair for each in copy.sources for pair in _chosen(each, files, copy)]
    chosen += [(each.path, each) for each in copy.made]
    if len(chosen) > 1 and not copy.into_folder:
        given = posixpath.basename(copy.destination)
        message = f"several files go to {copy.destination}: it must end with a slash"
        raise _problem(copy.where, line, message, f"write {given}/")
    destination = _real(tree, copy.destination, line)
    into_folder = copy.into_folder or tree.is_folder(destination)
    out: dict[str, LayerEntry] = {}
    made: set[str] = set()
    for path, entry in chosen:
        if entry.kind == "folder":
            targets = files.inside(entry, destination)
            top = destination
        elif entry.kind == "link":
            raise NotUnderstood(f"the link {path} as a source", line)
        else:
            if copy.keyword == "ADD" and path.lower().endswith(_ARCHIVES):
                raise NotUnderstood(f"ADD may unpack {path}", line)
            name = posixpath.basename(path)
            target = posixpath.join(destination, name) if into_folder else destination
            # A single file is written through a link; what lies in a folder replaces one.
            targets = [(_real(tree, target, line), entry)]
            top = posixpath.dirname(targets[0][0])
        uid, gid = copy.owner or (0, 0)
        for parent in parents(tree, top, uid, gid, made, line):
            out.setdefault(parent.path, parent)
        for target, each in targets:
            real = _below(tree, target, line)
            if each.kind == "folder":
                if real in tree.links and not tree.is_folder(real):
                    raise NotUnderstood(f"the folder {each.path} onto the link /{real}", line)
                real = _real(tree, real, line)
                if real in tree.folders or real == "" or real in made:
                    continue
                made.add(real)
            elif real in tree.folders or real == "" or real in made:
                raise _problem(copy.where, line, f"{each.path} would replace the folder /{real}")
            elif each.kind == "other":
                raise NotUnderstood(f"{each.path} is no plain file", line)
            out[real] = _placed(each, real, copy)
    return tuple(out[path] for path in sorted(out))


def parents(
    tree: Tree, path: str, uid: int, gid: int, made: set[str], line: int
) -> list[LayerEntry]:
    """The folders on the way to a path that are not there yet; `made` remembers them."""
    out = []
    done = ""
    for part in _real(tree, path, line).split("/"):
        done = f"{done}/{part}" if done else part
        if done and done not in tree.folders and done not in made:
            made.add(done)
            out.append(LayerEntry(done, "folder", 0o755, uid, gid))
    return out


class _Files:
    """A source's entries, found by path with links on the way followed."""

    def __init__(self, source: Sequence[ContextEntry]) -> None:
        self._all = source
        self.by_path = {each.path: each for each in source}
        self._tree = Tree(
            frozenset(each.path for each in source if each.kind == "folder"),
            {each.path: each.target for each in source if each.kind == "link"},
        )

    def find(self, path: str, line: int) -> ContextEntry | None:
        real = _real(self._tree, path, line)
        return ContextEntry(".", "folder", 0o755) if real == "" else self.by_path.get(real)

    def inside(self, folder: ContextEntry, destination: str) -> list[tuple[str, ContextEntry]]:
        """What is in a folder goes into the destination, not the folder itself."""
        prefix = "" if folder.path == "." else f"{folder.path}/"
        found = [
            (posixpath.join(destination, each.path[len(prefix) :]), each)
            for each in self._all
            if each.path.startswith(prefix)
        ]
        return [(destination, folder), *found]


def _chosen(source: str, files: _Files, copy: Copy) -> list[tuple[str, ContextEntry]]:
    """The entries that one source names, each under the name that it was called by."""
    line = copy.line
    path = posixpath.normpath(source.lstrip("/") or ".")
    if path.startswith(".."):
        raise _problem(copy.where, line, f"{source} is outside of the image's folder")
    if path == ".":
        return [("", ContextEntry(".", "folder", 0o755))]
    if "**" in path:
        raise NotUnderstood(f"the pattern {source}: builders differ on **", line)
    if re.search(r"\[[^]]?[^]]*$", path):
        raise NotUnderstood(f"the pattern {source}, whose [ does not end", line)
    wild = re.search(r"[*?\[\\]", path)
    try:
        paths = sorted(matching(path, files.by_path)) if wild else [path]
    except ValueError as error:
        raise NotUnderstood(str(error), line) from None
    found = [(each, files.find(each, line)) for each in paths]
    if not found or any(entry is None for _, entry in found):
        message = f"there is no {source} in the image's folder"
        near = did_you_mean(path, list(files.by_path)) if files.by_path else None
        raise _problem(copy.where, line, message, near)
    return [(each, entry) for each, entry in found if entry is not None]


def _placed(each: ContextEntry, real: str, copy: Copy) -> LayerEntry:
    uid, gid = copy.owner if copy.owner is not None else (each.uid, each.gid)
    mode = copy.mode if copy.mode is not None and each.kind != "link" else each.mode
    assert each.kind != "other"
    return LayerEntry(
        real, each.kind, mode, uid, gid, each.size, each.target, each.digest, each.pieces
    )


def _below(tree: Tree, target: str, line: int) -> str:
    """The target with links on the way followed, but not itself when it is one."""
    head = _real(tree, posixpath.dirname(target), line)
    return posixpath.join(head, posixpath.basename(target))


def _real(tree: Tree, path: str, line: int) -> str:
    try:
        return tree.real(path)
    except ValueError as error:
        raise NotUnderstood(str(error), line) from None


def _mode(text: str | None, line: int) -> int | None:
    if text is None:
        return None
    # Older builders drop the set-user-ID bit and its kin, newer ones keep them.
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise NotUnderstood(f"--chmod={text}", line)
    return int(text, 8)


def _problem(where: str, line: int, message: str, hint: str | None = None) -> InvalidDefinitions:
    return InvalidDefinitions([Problem(where, line, "", message, hint)])
