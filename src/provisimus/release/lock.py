"""One change of a service at a time on this machine; across machines the busy stack is the lock."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from provisimus.errors import Locked
from provisimus.workspace.workspace import Workspace


@contextmanager
def one_at_a_time(workspace: Workspace, environment: str, service: str, run: str) -> Iterator[None]:
    """Hold the lock of a service in an environment. Raises Locked naming who holds it.

    The kernel lets go of it when the process ends, however it ends: no lock is ever left over.
    """
    path = workspace.state / "locks" / f"{environment}-{service}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(
                f"{service} is being released to {environment} already{_by(_holder(path))}",
                where=str(path),
                hint="wait for it, or follow it: provisimus stack events " + service + " --follow",
            ) from None
        holder = {"pid": os.getpid(), "run": run, "since": round(time.time())}
        file.truncate(0)
        # Who holds it is told for others; on a full disk the lock holds all the same.
        with suppress(OSError):
            os.write(file.fileno(), json.dumps(holder).encode())
        yield


def _holder(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return {}


def _by(holder: dict[str, Any]) -> str:
    return f" by process {holder['pid']}, run {holder['run']}" if holder else ""
