"""Docker's command line against one engine. Only here its arguments are put together and run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisimus import process
from provisimus.errors import ProvisimusError, ToolFailed, ToolMissing, Unreachable

if TYPE_CHECKING:
    from provisimus.environment import Environment

HINT = "install and start Docker (apt-get install docker.io), or set DOCKER_HOST"


@dataclass(frozen=True)
class Docker:
    """`host` as DOCKER_HOST takes it; None leaves it to Docker. `buildkit`: the client has it.

    Versions are major numbers, 0 when unknown.
    """

    host: str | None = None
    buildkit: bool = False
    client_version: int = 0
    server_version: int = 0

    def argv(self, *arguments: str) -> list[str]:
        return ["docker", *(["--host", self.host] if self.host else []), *arguments]

    def run(self, *arguments: str, timeout: float | None = None) -> str:
        """What the client printed. Raises ToolFailed with its last lines."""
        return process.run(self.argv(*arguments), timeout=timeout, hint=HINT).stdout

    def try_run(self, *arguments: str) -> str:
        """Likewise, but a failure is nobody's business: for cleaning up and for showing logs."""
        try:
            done = process.run(self.argv(*arguments), timeout=60)
        except ProvisimusError:
            return ""
        return done.stdout + done.stderr

    def stream(self, arguments: Sequence[str], on_line: Callable[[str], None]) -> None:
        env = {"DOCKER_BUILDKIT": "1" if self.buildkit else "0", "BUILDKIT_PROGRESS": "plain"}
        process.stream(self.argv(*arguments), on_line, env=env, hint=HINT)


def open_docker(environment: Environment) -> Docker:
    """An engine that answers. Raises ToolMissing (no client), Unreachable with what to do."""
    process.find_program("docker", hint=HINT)
    # What the user says goes before the engine that the environment would start.
    host = None if os.environ.get("DOCKER_HOST") else environment.docker_host()
    docker = Docker(host)
    try:
        answer = docker.run(
            "version", "--format", "{{.Client.Version}} {{.Server.Version}}", timeout=30
        )
    except ToolFailed as error:
        place = host or os.environ.get("DOCKER_HOST") or "its usual place"
        said = error.tail[-1] if error.tail else error.message
        raise Unreachable(
            f"no Docker Engine answers at {place}: {said}",
            hint=HINT,
        ) from error
    client, server = [*map(int, re.findall(r"(?:^| )(\d+)", answer)), 0, 0][:2]
    return Docker(host, _has_buildkit(docker, client), client, server)


def _has_buildkit(docker: Docker, client: int) -> bool:
    """From 23 on, the client builds with BuildKit only through its plugin buildx."""
    if 0 < client < 23:
        return True
    try:
        docker.run("buildx", "version", timeout=30)
    except (ToolFailed, ToolMissing):
        return False
    return True
