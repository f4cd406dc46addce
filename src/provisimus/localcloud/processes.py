"""Starting child processes so that none outlives the local cloud, however that ends.

The kernel sends a child its parent-death signal when the *thread* that forked it ends, not the
process. Children are therefore all forked by one thread that lives as long as the process.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO

APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
"""Before a program: it gets namespaces of its own, and when it is killed, everything that it
started and mounted is gone with it."""

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Command:
    """A program to start: its arguments, where, and the file or descriptor its output goes to."""

    arguments: tuple[str, ...]
    directory: Path | None = None
    output: Path | int | None = None
    keep_descriptors: tuple[int, ...] = ()
    death_signal: signal.Signals = signal.SIGKILL
    environment: dict[str, str] | None = None


class Nursery:
    """The one thread that forks. ``start`` may be called from any thread."""

    def __init__(self) -> None:
        self._orders: queue.Queue[tuple[Command, Future[subprocess.Popen[bytes]]]] = queue.Queue()
        threading.Thread(target=self._serve, name="nursery", daemon=True).start()

    def start(self, command: Command) -> subprocess.Popen[bytes]:
        """Start a program in a process group of its own. Raises OSError when it cannot be run."""
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._orders.put((command, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            command, answer = self._orders.get()
            try:
                answer.set_result(_fork(command))
            except Exception as error:  # noqa: BLE001  (it belongs to the caller)
                answer.set_exception(error)


def _fork(command: Command) -> subprocess.Popen[bytes]:
    output: IO[bytes] | int = subprocess.DEVNULL
    if isinstance(command.output, Path):
        output = command.output.open("ab")
    elif command.output is not None:
        output = command.output
    try:
        return subprocess.Popen(
            command.arguments,
            cwd=command.directory,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=command.keep_descriptors,
            start_new_session=True,
            preexec_fn=_die_with_parent(command.death_signal, os.getpid()),  # noqa: PLW1509
        )
    finally:
        if not isinstance(output, int):
            output.close()


def _die_with_parent(death_signal: signal.Signals, parent: int) -> Callable[[], None]:
    def in_child() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return in_child


def end(
    process: subprocess.Popen[bytes], grace: float, asked: signal.Signals = signal.SIGTERM
) -> None:
    """Ask a process group to end, and after ``grace`` seconds make it."""
    for wanted in (asked, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, wanted)
        except ProcessLookupError:
            return
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue


@dataclass(frozen=True)
class Outcome:
    """How a program that ran to its end ended."""

    code: int
    output: str


def run(
    nursery: Nursery,
    arguments: Sequence[str],
    directory: Path | None = None,
    environment: dict[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Outcome:
    """Run a program to its end; its output is merged and passed on line by line."""
    reading, writing = os.pipe()
    try:
        process = nursery.start(
            Command(tuple(arguments), directory, writing, environment=environment)
        )
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    lines: list[str] = []
    with os.fdopen(reading, "rb") as stream:
        for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            lines.append(line)
            if on_line is not None:
                on_line(line)
    return Outcome(process.wait(), "\n".join(lines))
