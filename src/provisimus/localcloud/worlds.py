"""Whole worlds kept for later: ``freeze`` keeps what is, ``thaw`` puts it in the place of what is.

No byte of a disk is copied; databases are. A layer that nothing writes to any more is linked; a
volume's file is linked and the volume goes on in an overlay, in the world that is kept as in the
one that goes on.
What an engine of our own holds (built layers, pulled images) is a cache and not part of a world.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from provisimus.localcloud import VERSION
from provisimus.localcloud.copying import copy_whole
from provisimus.localcloud.disks import WRITING, Disks
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
READY = "ready.json"
"""Stands in a world that is about to take the place of another, once all of it is there: the names
of its parts."""


@dataclass(frozen=True)
class World:
    """One that is kept; ``frozen`` is when, in UTC, ``version`` of whom its state can be read."""

    name: str
    frozen: str
    version: str


def worlds(layout: Layout) -> tuple[World, ...]:
    """Those that are kept, the oldest first."""
    places = [each.parent for each in layout.frozen.glob("*/world.json")]
    found = [
        World(**json.loads((each / "world.json").read_text()))
        for each in places
        if not each.name.startswith(".")
    ]
    return tuple(sorted(found, key=lambda each: (each.frozen, each.name)))


def freeze(layout: Layout, name: str, owner: tuple[int, int] | None) -> World:
    """Keep the world as it is; it goes on as if nothing had been. Nothing of it may run.

    Raises LocalCloudError (a name that is none or taken, a full disk), OSError.
    """
    place = _place(layout, name)
    if place.exists():
        raise LocalCloudError(f"a world {name} is kept already", "choose another name")
    made = Layout(layout.frozen / f".{name}")
    shutil.rmtree(made.root, ignore_errors=True)
    _take_over(layout, made)
    _set_apart(layout, owner)
    world = World(name, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), _version())
    (made.root / "world.json").write_text(json.dumps(asdict(world)))
    made.root.rename(place)
    return world


def thaw(layout: Layout, name: str, owner: tuple[int, int] | None) -> World:
    """Put a kept world in the place of the one that is; it stays kept. Nothing may run.

    Killed in the middle, it is either not begun or finished by `finish`. Raises as `freeze`.
    """
    place = _place(layout, name)
    found = next((each for each in worlds(layout) if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in worlds(layout))
        raise LocalCloudError(f"no world {name} is kept", f"kept: {known}" if known else "")
    if found.version != _version():
        raise LocalCloudError(
            f"the world {name} was kept by {found.version}; this is {_version()}",
            "its state cannot be read by another version",
        )
    coming = Layout(layout.thawing)
    shutil.rmtree(coming.root, ignore_errors=True)
    _take_over(Layout(place), coming)
    _set_apart(coming, owner)
    there = [part.name for part in _parts(coming) if part.exists()]
    _write(coming.root / READY, there)
    finish(layout)
    return found


def finish(layout: Layout) -> None:
    """Let a world that is ready take its place; what was left of one that is not, goes."""
    coming = Layout(layout.thawing)
    if (coming.root / READY).exists():
        there = json.loads((coming.root / READY).read_text())
        for new, old in zip(_parts(coming), _parts(layout), strict=True):
            # One that is not there any more has taken its place already.
            if new.exists() or new.name not in there:
                _remove(old)
            if new.exists():
                new.rename(old)
    shutil.rmtree(coming.root, ignore_errors=True)


def forget(layout: Layout, name: str) -> None:
    """Keep a world no longer. Raises LocalCloudError when there is none of the name."""
    place = _place(layout, name)
    if not place.exists():
        raise LocalCloudError(f"no world {name} is kept")
    going = place.with_name(f".{name}")
    shutil.rmtree(going, ignore_errors=True)
    place.rename(going)
    shutil.rmtree(going)


def _place(layout: Layout, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise LocalCloudError(
            f"{name!r} is no name of a world", "use lower-case letters, digits, dots and dashes"
        )
    return layout.frozen / name


def _parts(layout: Layout) -> tuple[Path, ...]:
    """What a world is made of."""
    return (
        layout.disks, layout.instances, layout.registry, layout.databases, layout.objects,
        layout.state, layout.cloudformation, layout.lifecycle,
    )  # fmt: skip


def _take_over(source: Layout, target: Layout) -> None:
    """Every part of one world in another place."""
    target.root.mkdir(parents=True)
    for old, new in zip(_parts(source), _parts(target), strict=True):
        if old == source.databases and old.exists():
            copy_whole(old, new)
        elif old.is_dir():
            _copy_tree(old, new)
        elif old.exists():
            shutil.copy2(old, new)


def _copy_tree(source: Path, target: Path) -> None:
    """Links for what never changes, copies for the rest."""
    for path in _files(source):
        new = target / path.relative_to(source)
        new.parent.mkdir(parents=True, exist_ok=True)
        is_disk = path.suffix == ".qcow2"
        if is_disk and path.with_suffix(WRITING).exists():
            _copy_sparse(path, new)
        elif is_disk or (path.name == "data" and "blobs" in path.parts):
            os.link(path, new)
        else:
            shutil.copy2(path, new)
            found = path.stat()
            os.chown(new, found.st_uid, found.st_gid)
    target.mkdir(parents=True, exist_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    return (
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".held", ".next") and "_uploads" not in path.parts
    )


def _set_apart(layout: Layout, owner: tuple[int, int] | None) -> None:
    """Let each volume go on in a file that no other world has."""
    disks = Disks(layout, owner)
    for path in layout.disks.glob("vol-*.qcow2"):
        if "." not in path.stem:
            disks.begin_snapshot(path.stem, f"{path.stem}.{secrets.token_hex(4)}")


def _copy_sparse(source: Path, target: Path) -> None:
    """Of a snapshot that is still written, block by block, each world has its own."""
    copy_whole(source, target, "--sparse=always")


def _write(path: Path, data: object) -> None:
    temporary = path.with_suffix(".next")
    temporary.write_text(json.dumps(data))
    temporary.replace(path)


def _version() -> str:
    """Of us and of moto, as ``state.py`` has it."""
    return f"{VERSION}/{metadata.version('moto')}"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
