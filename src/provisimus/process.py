"""Running other programs: the only place that touches subprocess.

Commands are argument lists, never shell strings. A program runs in a process group of its own, so
that an interruption ends it with all it has started.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from provisimus.errors import ToolFailed, ToolMissing

TAIL = 20
"""How many last lines a failure carries."""


@dataclass(frozen=True)
class Completed:
    """A program that ended well. Output is text; undecodable bytes are replaced."""

    argv: tuple[str, ...]
    stdout: str
    stderr: str


def find_program(name: str, *, hint: str | None = None) -> str:
    """The path of a program. Raises ToolMissing with `hint` (what to install)."""
    path = shutil.which(name)
    if path is None:
        raise ToolMissing(f"the program {name} is not installed", hint=hint)
    return path


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
    hint: str | None = None,
) -> Completed:
    """Run a short program to its end and return what it said.

    `env` is added to the environment; `timeout` in seconds. Raises ToolMissing, and ToolFailed
    for a non-zero status or a time-out.
    """
    process = _start(argv, cwd, env, hint, stdin=stdin is not None)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        end_group(process)
        raise ToolFailed(f"{argv[0]} did not end within {timeout:g} s", hint=hint) from None
    except BaseException:
        end_group(process)
        raise
    stdout, stderr = out.decode(errors="replace"), err.decode(errors="replace")
    if process.returncode:
        raise _failure(argv, process.returncode, (stderr or stdout).splitlines(), hint)
    return Completed(tuple(argv), stdout, stderr)


def stream(
    argv: Sequence[str],
    on_line: Callable[[str], None],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    grace: float = 10.0,
    hint: str | None = None,
    death_signal: Literal["TERM", "KILL"] = "TERM",
) -> None:
    """Run a long program and hand over each line of its output (both streams, without line end).

    When interrupted (Ctrl-C, an error in `on_line`), the program gets SIGINT and `grace` seconds
    to clean up behind itself, then SIGKILL. Should we be killed outright, the kernel sends it
    `death_signal`: SIGTERM, so that it cleans up even then. Raises ToolMissing and ToolFailed as
    `run` does.
    """
    process = _start(_ending_with_us(argv, death_signal, hint), cwd, env, hint, merge=True)
    tail: deque[str] = deque(maxlen=TAIL)
    assert process.stdout is not None
    try:
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\r\n")
            tail.append(line)
            on_line(line)
        process.wait()
    except BaseException:
        end_group(process, first=signal.SIGINT, grace=grace)
        raise
    if process.returncode:
        raise _failure(argv, process.returncode, list(tail), hint)


def _ending_with_us(argv: Sequence[str], sign: str, hint: str | None) -> Sequence[str]:
    """Have the kernel end the program when we die (prctl(2), PR_SET_PDEATHSIG), where it can."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return argv
    program = find_program(argv[0], hint=hint)
    return [setpriv, "--pdeathsig", sign, "--", program, *argv[1:]]


def spawn_detached(argv: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None) -> int:
    """Start a program that outlives us, in a session of its own; its output is added to `log`.

    Returns its process id. Raises ToolMissing.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                list(argv),
                env={**os.environ, **env} if env else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise ToolMissing(f"the program {argv[0]} is not installed") from error
    return process.pid


def end_group(
    process: subprocess.Popen[bytes], *, first: int = signal.SIGTERM, grace: float = 3.0
) -> None:
    """End a program and all that it started: `first`, then SIGKILL after `grace` seconds."""
    for sign in (first, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            # Drains the pipes too: a program blocked on a full pipe could not end.
            drain = threading.Thread(target=_drain, args=(process,), daemon=True)
            drain.start()
            process.wait(grace)
            break
        except subprocess.TimeoutExpired:
            continue


def _drain(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            try:
                while pipe.read(65536):
                    pass
            except (OSError, ValueError):
                return


def _start(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    hint: str | None,
    *,
    stdin: bool = False,
    merge: bool = False,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise ToolFailed(f"the folder {cwd} does not exist") from error
        raise ToolMissing(f"the program {argv[0]} is not installed", hint=hint) from error


def _failure(
    argv: Sequence[str], status: int, lines: Sequence[str], hint: str | None
) -> ToolFailed:
    tail = tuple(line for line in lines if line.strip())[-TAIL:]
    how = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
    said = f": {tail[-1]}" if tail else ""
    return ToolFailed(
        f"{Path(argv[0]).name} failed ({how}){said}", status=status, tail=tail, hint=hint
    )
