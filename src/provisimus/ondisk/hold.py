"""Holding a volume still: by the hook of its service, else by freezing its file system.

Each hold is written down before it begins and taken off the list after it ended. Whoever holds may
be killed at any moment: the unit runs `snapshots thaw` afterwards, which ends what is on the list.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess

from .places import Places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 60.0
"""Seconds that a hook may take, to begin and again to end."""


class NotQuiet(Exception):
    """Why a volume could not be held still."""


def hook_of(mount: str, places: Places) -> str:
    """The hook for a mount; empty where there is none."""
    try:
        with open(places.quiesce, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return ""
    for line in lines:
        folder, _, hook = line.partition(" ")
        if folder == mount:
            return hook.strip()
    return ""


@contextlib.contextmanager
def alone(places: Places) -> Iterator[bool]:
    """Whether nobody else takes snapshots now: two runs would end each other's hold. The kernel
    takes the lock back from whoever is killed."""
    os.makedirs(os.path.dirname(places.snapshots_lock), exist_ok=True)
    with open(places.snapshots_lock, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def quiet(mount: str, hook: str, places: Places) -> Iterator[None]:
    """Raises NotQuiet, before or after what is done while it is quiet."""
    if not os.path.ismount(mount):
        raise NotQuiet("it is not mounted")
    note = os.path.join(places.quiet, mount.strip("/").replace("/", "_") or "root")
    os.makedirs(places.quiet, exist_ok=True)
    with open(note, "w", encoding="utf-8") as file:
        file.write(f"{mount}\n{hook}\n")
    try:
        _call(begin(mount, hook), "could not be held still")
        if hook:
            # What the hook made the service write is in memory yet; freezing writes it out itself.
            os.sync()
        yield
    finally:
        _release(note)


def release_all(places: Places) -> int:
    """End every hold that is written down. Status 1 when one could not be ended."""
    if not os.path.isdir(places.quiet):
        return 0
    failed = 0
    for name in sorted(os.listdir(places.quiet)):
        fault = _fault_of_release(os.path.join(places.quiet, name))
        if fault:
            print(fault, flush=True)
            failed = 1
    return failed


def begin(mount: str, hook: str) -> list[str]:
    return [hook, "begin", mount] if hook else ["fsfreeze", "--freeze", mount]


def end(mount: str, hook: str) -> list[str]:
    return [hook, "end", mount] if hook else ["fsfreeze", "--unfreeze", mount]


def _fault_of_release(note: str) -> str:
    try:
        _release(note)
    except NotQuiet as fault:
        return str(fault)
    return ""


def _release(note: str) -> None:
    with open(note, encoding="utf-8") as file:
        mount, hook, *_ = file.read().split("\n")
    try:
        _call(end(mount, hook), "could not be let go")
    except NotQuiet:
        # A file system that was not frozen yet cannot be thawed, and need not.
        if hook:
            raise
    os.unlink(note)


def _call(command: list[str], what: str) -> None:
    """Output goes to the journal. Raises NotQuiet when it fails, or takes too long and is ended."""
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise NotQuiet(f"{what}: {' '.join(command)} took over {PATIENCE:g} s") from None
    except OSError as error:
        raise NotQuiet(f"{what}: {command[0]}: {error.strerror}") from None
    if status.returncode:
        raise NotQuiet(f"{what}: {' '.join(command)} ended with status {status.returncode}")
