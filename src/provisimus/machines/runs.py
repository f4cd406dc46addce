"""Which bakes are alive on this machine: a work folder and a lock for each run.

A lock dies with its process, so even a run that was killed at any point is known to be dead.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisimus.errors import Locked
from provisimus.machines.intents import FILE
from provisimus.model import Digest

SOCKET_ROOM = 107 - 30
KEPT = "kept"
LEFT = "left"
"""Files in a work folder: all of it stays when the bake ends, or its journal does."""


def place_of(state: Path) -> str:
    """A name for this workspace on this machine, put into tags; tells nothing of either."""
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = os.uname().nodename
    return hashlib.sha256(f"{machine} {state.resolve()}".encode()).hexdigest()[:16]


def folder_of(state: Path, run: str) -> Path:
    """Where a run keeps what it works with, and its journal of intents."""
    return state / "bake" / run


@contextmanager
def work_folder(state: Path, run: str) -> Iterator[Path]:
    """The folder of a bake, locked while it lives and removed when it ends.

    Where something could not be removed its journal stays, for `machine reap`.
    """
    folder = folder_of(state, run)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(f"run {run} is baking already") from None
        try:
            shutil.rmtree(scraps_folder(run), ignore_errors=True)
            scraps_folder(run).mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(scraps_folder(run), ignore_errors=True)
            if (folder / LEFT).exists():
                _strip(folder)
            elif not (folder / KEPT).exists():
                _remove(folder, run)


def keep(folder: Path) -> None:
    """Let a work folder stay when its bake ends, until `forget`."""
    (folder / KEPT).touch()


def leave_journal(folder: Path) -> None:
    """Let the journal stay when the bake ends: something that it made is still there."""
    (folder / LEFT).touch()


def scraps_folder(run: str) -> Path:
    """Where Packer's own temporary files go, apart from the work folder because it is short.

    Packer's plugins listen on a Unix socket in there, and the address of one has room for 107
    bytes (unix(7)), 30 of which Packer takes for the name. A workspace can lie deeper than that.
    """
    name = f"provisimus-bake-{run}"
    folder = Path(tempfile.gettempdir()) / name
    return folder if len(os.fsencode(folder)) <= SOCKET_ROOM else Path("/tmp") / name  # noqa: S108


@contextmanager
def alone(state: Path, fingerprint: str) -> Iterator[bool]:
    """Hold the lock of one fingerprint. Gives False when somebody else held it before."""
    (state / "bake").mkdir(parents=True, exist_ok=True)
    with (state / "bake" / f"{fingerprint}.lock").open("w") as lock:
        first = True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            first = False
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield first


def is_held(state: Path, fingerprint: str) -> bool:
    """Whether a bake of this fingerprint, written out (`sha256:…`), goes on here, of any run."""
    if not fingerprint:
        return False
    try:
        short = Digest.parse(fingerprint).short
        with (state / "bake" / f"{short}.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (FileNotFoundError, ValueError):
        return False
    return False


def is_alive(state: Path, run: str) -> bool:
    """Whether a bake of this workspace on this machine is going on.

    Packer can outlive us by a moment when we are killed: what it was started with names the folder.
    """
    folder = folder_of(state, run)
    try:
        with (folder / "lock").open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except FileNotFoundError:
        return False
    return _mentioned(str(folder.resolve()))


def forget(state: Path, run: str) -> None:
    """Remove the work folder that a killed run left."""
    if not is_alive(state, run):
        _remove(folder_of(state, run), run)


def _remove(folder: Path, run: str) -> None:
    shutil.rmtree(scraps_folder(run), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _strip(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in ("lock", LEFT, FILE):
            path.unlink(missing_ok=True)


def known_runs(state: Path) -> list[str]:
    """Runs with a work folder here: alive ones and those that were killed."""
    return sorted(path.name for path in (state / "bake").glob("*") if path.is_dir())


def _mentioned(text: str) -> bool:
    """Whether a running process has this text in its command line."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in process.read_bytes() and process.parent.name != str(os.getpid()):
                return True
        except OSError:
            continue
    return False
