"""The tests of a manifest, run in real containers of the image before it gets a tag.

Where no Docker Engine answers they are skipped, with an event that says why.
"""

from __future__ import annotations

import stat
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.errors import ToolFailed, ToolMissing, Unhealthy, Unreachable
from provisimus.events import Said, Skipped, Tell
from provisimus.images.docker_client import Docker, open_docker
from provisimus.workspace.definitions.image import FileTest, Test

if TYPE_CHECKING:
    from provisimus.environment import Environment

TAIL = 20
"""How many last lines of a container's log a failure shows."""

_END = 2000
"""Bytes of a file's end that a failure shows."""

COPIES = 3
"""How often a copy of a file is asked for that does not come."""

EVERY = 0.1
"""Seconds between two questions over HTTP."""


def run_tests(
    tests: Sequence[Test],
    reference: str,
    environment: Environment,
    tell: Tell,
    run: str,
    step: str,
) -> bool:
    """Run every test against the image by digest. False when they could not run at all.

    Raises Unhealthy for the first that fails, with the container's last lines.
    """
    if not tests:
        return True
    try:
        docker = open_docker(environment)
    except (Unreachable, ToolMissing) as error:
        tell(Skipped(f"tests of {step}", error.message))
        return False
    docker.run("pull", "--quiet", reference)
    for test in tests:
        tell(Said(step, f"test: {describe(test)}"))
        _one(docker, test, reference, run)
    _forget_older(docker, reference)
    return True


def describe(test: Test) -> str:
    """The test in words."""
    if test.run is not None:
        return "run " + " ".join(test.run)
    if test.file is not None:
        mode = f" with mode {test.file.mode}" if test.file.mode else ""
        text = f" with {test.file.contains!r} in it" if test.file.contains else ""
        return f"file {test.file.path}{mode}{text}"
    assert test.http is not None
    return f"GET :{test.http.port}{test.http.path} answers {test.http.status}"


def command_arguments(test: Test, reference: str, run: str) -> list[str]:
    """Arguments of `docker` that make the container of a test; it runs detached, or not at all."""
    label = ["--label", f"provisimus.run={run}"]
    if test.file is not None:
        # Never started; a command must be named all the same where the image has none.
        return ["create", *label, "--entrypoint", "none", reference]
    common = ["run", "--detach", *label]
    if test.run is not None:
        program, *arguments = test.run
        return [*common, "--entrypoint", program, reference, *arguments]
    assert test.http is not None
    return [*common, "--publish", f"127.0.0.1::{test.http.port}", reference]


def _forget_older(docker: Docker, reference: str) -> None:
    """Remove what earlier tests pulled. The newest stays: the next shares its base's layers."""
    repository, _, digest = reference.partition("@")
    listed = docker.try_run(
        "image", "ls", "--digests", "--format", "{{.Digest}} {{.Tag}}", repository
    )
    for line in listed.splitlines():
        older, _, tag = line.partition(" ")
        if older.startswith("sha256:") and older != digest and tag == "<none>":
            docker.try_run("image", "rm", f"{repository}@{older}")


def _one(docker: Docker, test: Test, reference: str, run: str) -> None:
    try:
        container = docker.run(*command_arguments(test, reference, run)).strip().splitlines()[-1]
    except ToolFailed as error:
        raise _failed(test, error.message, list(error.tail)) from error
    try:
        if test.run is not None:
            _wait_for_end(docker, container, test)
        elif test.file is not None:
            _look_at(docker, container, test, test.file)
        else:
            _wait_for_answer(docker, container, test)
    finally:
        docker.try_run("rm", "--force", "--volumes", container)


def _wait_for_end(docker: Docker, container: str, test: Test) -> None:
    try:
        status = docker.run("wait", container, timeout=test.within).strip()
    except ToolFailed as error:
        why = f"it did not end within {test.within} s"
        raise _failed(test, why, _log(docker, container)) from error
    if status != "0":
        raise _failed(test, f"exit status {status}", _log(docker, container))


def _look_at(docker: Docker, container: str, test: Test, file: FileTest) -> None:
    with tempfile.TemporaryDirectory(prefix="provisimus-") as folder:
        place = Path(folder) / "file"
        _copy(docker, container, test, file.path, place)
        mode = stat.S_IMODE(place.stat().st_mode)
        if file.mode and mode != int(file.mode, 8):
            raise _failed(test, f"its mode is {mode:04o}", [])
        if file.contains is None:
            return
        if not place.is_file():
            raise _failed(test, "it is a folder", [])
        there, end = _found(place, file.contains.encode())
        if not there:
            said = end.decode("utf-8", "replace").splitlines()
            raise _failed(test, "the text is not in it", said)


def _copy(docker: Docker, container: str, test: Test, path: str, place: Path) -> None:
    """An engine under load may call a copy done that brought nothing; it is asked again."""
    for _ in range(COPIES):
        try:
            docker.run("cp", "--follow-link", f"{container}:{path}", str(place))
        except ToolFailed as error:
            raise _failed(test, "it is not there", error.tail) from error
        if place.exists():
            return
    raise _failed(test, "the engine says that it copied it, and did not", [])


def _found(place: Path, text: bytes) -> tuple[bool, bytes]:
    """Whether the text stands in a file, however large, and the last that was read of it."""
    kept = b""
    with place.open("rb") as file:
        while text not in kept and (piece := file.read(1 << 20)):
            kept = kept[-max(len(text), _END) :] + piece
    return text in kept, kept[-_END:]


def _wait_for_answer(docker: Docker, container: str, test: Test) -> None:
    from provisimus.http import httpx, trusting_nobody

    assert test.http is not None
    deadline = time.monotonic() + test.within
    last = "nothing listens"
    published = docker.try_run("port", container, f"{test.http.port}/tcp").split()
    if not published:
        raise _failed(test, "the engine publishes no port", _log(docker, container))
    url = f"http://{published[0]}{test.http.path}"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(url, timeout=5, trust_env=False, verify=trusting_nobody())
            last = f"it answered {answer.status_code}"
            if answer.status_code == test.http.status:
                return
        except httpx.TransportError as error:
            last = str(error) or type(error).__name__
        running = docker.try_run("inspect", "--format", "{{.State.Running}}", container)
        if running.strip() != "true":
            raise _failed(test, "the container ended", _log(docker, container))
        time.sleep(EVERY)
    raise _failed(test, f"{last} after {test.within} s", _log(docker, container))


def _log(docker: Docker, container: str) -> list[str]:
    return docker.try_run("logs", "--tail", str(TAIL), container).splitlines()


def _failed(test: Test, why: str, lines: Sequence[str]) -> Unhealthy:
    kept = [line for line in lines if line.strip()][-TAIL:]
    said = "\n".join(f"  | {line}" for line in kept)
    return Unhealthy(
        f"the test `{describe(test)}` failed: {why}" + (f"\n{said}" if said else ""),
        hint="no tag has moved; change the image or its test in manifest.yaml",
    )
