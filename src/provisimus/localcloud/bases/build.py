"""Making a base disk once and keeping it: cached by fingerprint, atomic, safe to kill."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from provisimus.localcloud.bases import debian, tiny
from provisimus.localcloud.bases.recipe import Recipe
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.processes import APART, Nursery
from provisimus.localcloud.processes import run as run_program

Say = Callable[[str], None]
TOOLS = {
    "unshare": "util-linux",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "sgdisk": "gdisk",
    "extlinux": "extlinux",
    "qemu-img": "qemu-utils",
}
"""Programs a base is made with, and the Debian package of each."""


def ensure_base(nursery: Nursery, layout: Layout, recipe: Recipe, say: Say) -> Path:
    """The disk of a recipe, made unless it is there. Raises LocalCloudError."""
    target = layout.bases / f"{recipe.fingerprint}.qcow2"
    if target.exists():
        say(f"base {recipe.kind} {recipe.fingerprint} is there already")
        return target
    with _alone(layout.bases / f"{recipe.fingerprint}.lock", say):
        if target.exists():
            return target
        _check_tools()
        began = time.monotonic()
        scratch = layout.bases / f"{recipe.fingerprint}.tmp"
        _remove(scratch)
        scratch.mkdir(parents=True)
        say(f"making base {recipe.kind} ({recipe.suite}) from Debian packages")
        try:
            _build(nursery, recipe, scratch, say)
            (scratch / "vmlinuz").replace(target.with_suffix(".vmlinuz"))
            (scratch / "disk.qcow2").replace(target)
        finally:
            _remove(scratch)
        say(f"base made in {time.monotonic() - began:.0f} s")
    return target


def clean_leftovers(layout: Layout) -> None:
    """Remove what a killed build left behind."""
    for scratch in layout.bases.glob("*.tmp"):
        _remove(scratch)


def _build(nursery: Nursery, recipe: Recipe, scratch: Path, say: Say) -> None:
    def run(arguments: Sequence[str], directory: Path | None = None) -> None:
        # It starts and mounts much; killed on its own, that would go on without it.
        apart = APART if arguments[0] == "mmdebstrap" else ()
        outcome = run_program(
            nursery,
            (*apart, *arguments),
            directory=directory,
            environment={**os.environ, "LC_ALL": "C", "PATH": _path()},
            on_line=lambda line: say(line) if _telling(line) else None,
        )
        if outcome.code:
            last = "\n".join(outcome.output.splitlines()[-8:])
            raise LocalCloudError(
                f"{arguments[0]} failed with code {outcome.code} while making base "
                f"{recipe.kind}:\n{last}",
                "package sources come from this machine's own apt: try apt-get update",
            )

    kind = {"debian": debian.build, "tiny": tiny.build}[recipe.kind]
    kind(run, recipe, scratch, scratch / "disk.qcow2")


def _telling(line: str) -> bool:
    return line.startswith(("I: ", "E: ", "W: ")) and "skipping" not in line


def _check_tools() -> None:
    if os.geteuid() != 0:
        raise LocalCloudError(
            "making a base needs root (to own the files in it and to mount it)",
            "start the local cloud with sudo once, or as root",
        )
    missing = {p for tool, p in TOOLS.items() if not shutil.which(tool, path=_path())}
    if missing:
        raise LocalCloudError(
            "programs for making a base are missing", f"apt-get install {' '.join(sorted(missing))}"
        )


def _path() -> str:
    return os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


@contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    with lock.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("the same base is being made already; waiting for it")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _remove(scratch: Path) -> None:
    """Take down mounts first: removing through one would empty what is mounted."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted(mounts, key=len, reverse=True):
        if mount.startswith(f"{scratch}/"):
            _unmount(mount)
    shutil.rmtree(scratch, ignore_errors=True)


def _unmount(mountpoint: str) -> None:
    import ctypes

    detach = 2  # MNT_DETACH
    ctypes.CDLL(None, use_errno=True).umount2(mountpoint.encode(), detach)
