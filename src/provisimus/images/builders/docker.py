"""Builders behind Docker's command line: buildx or an older client's BuildKit, and the classic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.errors import ToolFailed
from provisimus.images.builders.interface import CONTEXT, DOCKERFILE, OLD_BUILDKIT, Need
from provisimus.images.docker_client import Docker

if TYPE_CHECKING:
    from provisimus.images.secrets import BuildSecret


@dataclass(frozen=True)
class WithBuildKit:
    docker: Docker

    @property
    def name(self) -> str:
        return "buildx" if self.docker.client_version >= 23 else "BuildKit through docker"

    @property
    def lacks(self) -> frozenset[Need]:
        return frozenset() if self.docker.server_version >= 23 else OLD_BUILDKIT

    def build(
        self,
        folder: Path,
        archive: Path,
        say: Callable[[str], None],
        secrets: Sequence[BuildSecret] = (),
    ) -> None:
        _build(self.docker, folder, archive, say, secrets)


@dataclass(frozen=True)
class Classic:
    docker: Docker
    name: str = "the classic builder"

    @property
    def lacks(self) -> frozenset[Need]:
        return frozenset(Need) - {Need.WHOLE_CONTEXT}

    def build(
        self,
        folder: Path,
        archive: Path,
        say: Callable[[str], None],
        _secrets: Sequence[BuildSecret] = (),
    ) -> None:
        _build(replace(self.docker, buildkit=False), folder, archive, say)


def build_argv(folder: Path, secrets: Sequence[BuildSecret] = ()) -> list[str]:
    """Arguments of `docker` for a build that leaves the image's id in `folder`/id."""
    options = [f"--secret={each.option}" for each in secrets]
    return [
        # The classic builder would leave the container of a failed RUN behind.
        *("build", "--force-rm", *options, "--file", str(folder / DOCKERFILE)),
        *("--iidfile", str(folder / "id"), str(folder / CONTEXT)),
    ]


def save_and_remove(docker: Docker, image: str, archive: Path) -> None:
    """Export an image of the engine, and take it out of there; its layers stay as a cache."""
    try:
        docker.run("image", "save", "-o", str(archive), image)
    finally:
        docker.try_run("image", "rm", "--no-prune", image)


def build_failed(what: str, error: ToolFailed) -> ToolFailed:
    return ToolFailed(
        f"{what} failed: {error.tail[-1] if error.tail else error.message}",
        status=error.status,
        tail=error.tail,
        hint="the instructions are those of `provisimus image show --rendered`",
    )


def _build(
    docker: Docker,
    folder: Path,
    archive: Path,
    say: Callable[[str], None],
    secrets: Sequence[BuildSecret] = (),
) -> None:
    try:
        docker.stream(build_argv(folder, secrets), say)
    except ToolFailed as error:
        raise build_failed("docker build", error) from error
    save_and_remove(docker, (folder / "id").read_text(encoding="utf-8").strip(), archive)
