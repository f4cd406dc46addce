"""The one archive that Packer uploads: the steps of the bake and what they put on the machine.

    run step ready     what runs steps/ (ours) and setup/ (the definition's), in name order
    root/              copied over the machine's root: files/, units, settings, the Compose file
    images mounts start users keys/<user> builder allowed enable docker updates zone
    setup-timeout      what the steps read, in lines

Its entries are decided here as values; only `write_archive` touches a disk.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.machines import system, units, units_stack
from provisimus.machines.compose import ComposeFile
from provisimus.machines.definition import Entry, MachineFiles
from provisimus.machines.recipe import DAEMON_JSON, programs, steps, texts
from provisimus.workspace.definitions.machine import Machine


def staging(
    machine: Machine,
    files: MachineFiles,
    compose: ComposeFile,
    references: Iterable[str],
    lineage: str,
    builder: str,
) -> tuple[Entry, ...]:
    """Every entry of the archive, sorted by path.

    `references` are the images to pull; `lineage` becomes /etc/provisimus/machine; `builder` is who
    logs in on the base. Raises InvalidDefinitions when two things want the same path.
    """
    root = _root(machine, files, compose, lineage)
    entries = [
        *steps(),
        *_below("setup", (_runnable(entry) for entry in files.setup)),
        *_below("root", root),
        _text("images", references),
        _text("mounts", (volume.mount for volume in machine.volumes)),
        _text("users", (f"{user.name} {user.expires or '-'}" for user in machine.users)),
        _text("builder", [builder]),
        _text("enable", units_stack.enabled(machine)),
        _text("allowed", machine.hygiene.allow),
        _text("docker", system.docker_wanted(machine.docker)),
        _text("updates", system.updates_wanted(machine.updates)),
        _text("zone", [machine.time.zone]),
        _text("setup-timeout", [str(machine.setup_timeout)]),
        *(_text(f"keys/{user.name}", user.ssh_keys, mode=0o600) for user in machine.users),
    ]
    if compose.start is not None:
        entries.append(
            _text("start", (" ".join((each.service, *each.healthy)) for each in compose.start))
        )
    if any(entry.path == DAEMON_JSON for entry in files.files):
        entries.append(Entry("restart-docker", 0o644, b""))
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _root(
    machine: Machine,
    files: MachineFiles,
    compose: ComposeFile,
    lineage: str,
) -> list[Entry]:
    """What is put on the machine's root: the definition's files and ours, and their folders."""
    given = {entry.path: _completed(entry) for entry in files.files}
    ours = [
        Entry("bootstrap/docker-compose.yml", 0o644, compose.text.encode()),
        Entry("etc/provisimus/machine", 0o644, lineage.encode()),
        *programs(),
        # The engine's settings may be the definition's own.
        *(each for each in texts(machine) if each.path != DAEMON_JSON or DAEMON_JSON not in given),
    ]
    if taken := sorted(entry.path for entry in ours if entry.path in given):
        raise InvalidDefinitions(
            [
                Problem(
                    f"files/{path}", None, "", "Provisimus writes this path itself", "rename it"
                )
                for path in taken
            ],
        )
    folders = {
        parent.as_posix()
        for entry in ours
        for parent in Path(entry.path).parents
        if parent.as_posix() not in (".", *given)
    }
    return [*given.values(), *ours, *(Entry(folder, 0o755) for folder in folders)]


def _completed(entry: Entry) -> Entry:
    """Settings of the engine of the definition's own know our runtime too."""
    if entry.path != DAEMON_JSON or entry.content is None:
        return entry
    try:
        text = units.with_runtime(entry.content.decode())
    except ValueError as error:
        where = f"files/{DAEMON_JSON}"
        raise InvalidDefinitions([Problem(where, None, "", str(error))]) from None
    return Entry(entry.path, entry.mode, text.encode())


def _runnable(entry: Entry) -> Entry:
    """A setup script that names its interpreter runs even when nobody made it executable."""
    if entry.content is None or not entry.content.startswith(b"#!"):
        return entry
    return Entry(entry.path, 0o755, entry.content)


def _below(folder: str, entries: Iterable[Entry]) -> Iterator[Entry]:
    yield Entry(folder, 0o755)
    for entry in entries:
        yield Entry(f"{folder}/{entry.path}", entry.mode, entry.content, entry.link)


def _text(path: str, lines: Iterable[str], mode: int = 0o644) -> Entry:
    return Entry(path, mode, "".join(f"{line}\n" for line in lines).encode())


def write_archive(entries: Iterable[Entry], target: Path) -> None:
    """Write the entries as a tar file: owned by root, no times; equal input gives equal bytes."""
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        for entry in entries:
            about = tarfile.TarInfo(entry.path)
            about.mode = entry.mode
            about.uname = about.gname = "root"
            if entry.link is not None:
                about.type, about.linkname = tarfile.SYMTYPE, entry.link
            elif entry.content is None:
                about.type = tarfile.DIRTYPE
            else:
                about.size = len(entry.content)
            archive.addfile(about, io.BytesIO(entry.content) if entry.content else None)
