"""`layers: auto` for an unpacked archive: what changes together is one layer, the seldom first.

Nothing is renamed or rewritten: the layers on each other give the very files of the one layer that
they replace. Pure but for looking into JARs, to see whose they are.
"""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from provisimus.images.assembly import ComposedLayer
from provisimus.images.dividing import divided
from provisimus.images.jar_layers import NotSplit
from provisimus.images.layers import LayerEntry
from provisimus.images.own_libraries import is_own_library, is_snapshot_file, own_prefix

KINDS = ("libraries", "files", "own libraries", "snapshots", "rest")
"""What changes seldom first. "files" are large ones that are no JARs; "rest" has the settings,
what starts it, everything small, and folders and links."""

SMALL = 128 << 10
"""Bytes of a kind that is not worth a layer: it goes with what changes more often."""

_STATIC = 1 << 20
"""Bytes from which a file that is no JAR counts as "files"."""
_LOOKED_INTO = 64 << 20
_IN_MEMORY = 8 << 20
_JARS = (".jar", ".war", ".ear")


@dataclass(frozen=True)
class Archive:
    """What an unpacked archive is: `version` is in the names of what its maker released with it,
    `group` the Maven group, or empty.
    """

    version: str
    group: str = ""


def split_tree(layer: ComposedLayer, archives: Sequence[Archive]) -> list[ComposedLayer]:
    """The layer that copies archives, as several. Raises NotSplit where it had better stay one."""
    _check(layer.entries)
    kinds: dict[str, list[LayerEntry]] = {name: [] for name in KINDS}
    for each in layer.entries:
        kinds[_kind(each, archives)].append(each)
    _fold_small(kinds)
    parts = [
        (f"{name}{which}", entries)
        for name, found in kinds.items()
        for which, entries in (divided(found) if name in KINDS[:2] else [("", found)])
    ]
    parts = [(name, entries) for name, entries in parts if entries]
    if len(parts) < 2:
        raise NotSplit("there is nothing in it that is worth a layer of its own")
    folders = {each.path: each for each in layer.entries if each.kind == "folder"}
    return [
        ComposedLayer(_with_folders(entries, folders), f"{layer.created_by} # {name}")
        for name, entries in parts
    ]


def _kind(entry: LayerEntry, archives: Sequence[Archive]) -> str:
    name = posixpath.basename(entry.path)
    if entry.kind != "file":
        return "rest"
    if not name.lower().endswith(_JARS):
        return "files" if entry.size >= _STATIC else "rest"
    if is_snapshot_file(name):
        return "snapshots"
    stem = name.rpartition(".")[0]
    if any(f"-{each.version}-" in f"{stem}-" for each in archives):
        return "own libraries"
    return "own libraries" if _is_own(entry, archives) else "libraries"


def _is_own(entry: LayerEntry, archives: Sequence[Archive]) -> bool:
    prefixes = {own_prefix(each.group) for each in archives if each.group}
    if not prefixes or entry.size > _LOOKED_INTO or entry.pieces is None:
        return False
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        for piece in entry.pieces():
            copy.write(piece)
        return any(is_own_library(copy, each) for each in prefixes)


def _fold_small(kinds: dict[str, list[LayerEntry]]) -> None:
    """What is not worth a layer goes with the next; folders and links with the last there is."""
    for name, after in pairwise(KINDS):
        if sum(each.size for each in kinds[name]) < SMALL:
            kinds[after] += kinds.pop(name)
    if all(each.kind != "file" for each in kinds["rest"]) and len(kinds) > 1:
        rest = kinds.pop("rest")
        kinds[list(kinds)[-1]] += rest


def _with_folders(
    entries: Sequence[LayerEntry], folders: dict[str, LayerEntry]
) -> tuple[LayerEntry, ...]:
    """The entries and the folders above them, so that those come with their modes and owners."""
    out = {each.path: each for each in entries}
    for each in entries:
        above = posixpath.dirname(each.path)
        while above and above not in out:
            if above in folders:
                out[above] = folders[above]
            above = posixpath.dirname(above)
    return tuple(out[path] for path in sorted(out))


def _check(entries: Sequence[LayerEntry]) -> None:
    """In one layer the order decides what a path below a link or a file means; not in several."""
    kinds = {each.path: each.kind for each in entries}
    for path in kinds:
        above = posixpath.dirname(path)
        while above:
            if kinds.get(above, "folder") != "folder":
                raise NotSplit(f"/{path} lies below /{above}, which is no folder")
            above = posixpath.dirname(above)
