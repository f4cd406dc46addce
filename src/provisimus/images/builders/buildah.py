"""buildah: builds without an engine."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus import process
from provisimus.errors import ProvisimusError, ToolFailed
from provisimus.images.builders.docker import build_failed
from provisimus.images.builders.interface import CONTEXT, DOCKERFILE, Need

if TYPE_CHECKING:
    from provisimus.images.secrets import BuildSecret


@dataclass(frozen=True)
class Buildah:
    version: tuple[int, int]
    name: str = "buildah"

    @property
    def lacks(self) -> frozenset[Need]:
        # heredocs since 1.33, --link and --parents later; frontends never.
        always = {Need.FRONTEND, Need.SELECTION, Need.LINK, Need.CHECKSUM}
        return frozenset(always if self.version >= (1, 33) else always | {Need.HEREDOC})

    def build(
        self,
        folder: Path,
        archive: Path,
        say: Callable[[str], None],
        secrets: Sequence[BuildSecret] = (),
    ) -> None:
        name = f"provisimus-{uuid.uuid4().hex[:12]}"
        try:
            process.stream(build_argv(folder, name, secrets), say)
            process.run(["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"])
        except ToolFailed as error:
            raise build_failed("buildah", error) from error
        finally:
            try_run(["buildah", "rmi", "--force", name])


def build_argv(folder: Path, name: str, secrets: Sequence[BuildSecret] = ()) -> list[str]:
    """Arguments for a build into local storage. Bases on loopback speak plain HTTP."""
    text = (folder / DOCKERFILE).read_text(encoding="utf-8")
    loopback = re.search(r"(?<![\w.])(127(\.\d+){3}|localhost):\d+/", text) is not None
    return [
        # Debian's runc lacks what isolation `oci` needs where a container builds.
        *("buildah", "build", "--isolation", "chroot", "--format", "docker", "--layers=false"),
        *(f"--secret={each.option}" for each in secrets),
        *("--timestamp", "0", *(["--tls-verify=false"] if loopback else [])),
        *("--file", str(folder / DOCKERFILE), "--tag", name, str(folder / CONTEXT)),
    ]


def try_run(argv: list[str]) -> None:
    try:
        process.run(argv, timeout=60)
    except ProvisimusError:
        return


def open_buildah() -> Buildah | None:
    if shutil.which("buildah", path=os.environ.get("PATH")) is None:
        return None
    try:
        said = process.run(["buildah", "--version"], timeout=30).stdout
    except ProvisimusError:
        return None
    found = re.search(r"version (\d+)\.(\d+)", said)
    return Buildah((int(found[1]), int(found[2]))) if found else None
