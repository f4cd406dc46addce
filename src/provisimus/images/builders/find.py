"""The best builder that is there: buildx, BuildKit in the engine, the classic one, buildah.

Each is asked by really using it a little; what one lacks is known before it is given the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from provisimus.errors import ProvisimusError, ToolMissing, Unreachable
from provisimus.images.builders.buildah import open_buildah
from provisimus.images.builders.buildkit import open_buildkit
from provisimus.images.builders.docker import Classic, WithBuildKit
from provisimus.images.builders.interface import Builder, Need
from provisimus.images.docker_client import HINT, open_docker

if TYPE_CHECKING:
    from provisimus.environment import Environment


def find_builder(
    environment: Environment,
    needs: frozenset[Need],
    registry: str,
    avoid: frozenset[str] = frozenset(),
    say: Callable[[str], None] = lambda _: None,
) -> Builder:
    """The first builder that lacks nothing of `needs`; `avoid` names those not wanted.

    `say` hears why a better one was passed over.

    Raises Unreachable when there is none at all, ToolMissing when each lacks something.
    """
    faults: list[ProvisimusError] = []
    lacking: list[str] = []
    for each in _there(environment, registry, faults):
        missing = needs & each.lacks
        if each.name in avoid:
            continue
        if not missing:
            for why in lacking:
                say(why)
            return each
        lacking.append(f"{each.name} has no {', '.join(sorted(one.value for one in missing))}")
    if lacking:
        raise ToolMissing(
            "no builder here understands this Dockerfile: " + "; ".join(lacking),
            hint="install buildx (apt-get install docker-buildx), or write it another way",
        )
    if faults:
        raise faults[0]
    raise Unreachable("there is no builder here", hint=HINT)


def _there(
    environment: Environment, registry: str, faults: list[ProvisimusError]
) -> Iterator[Builder]:
    try:
        docker = open_docker(environment)
    except (ToolMissing, Unreachable) as error:
        faults.append(error)
    else:
        if docker.buildkit:
            yield WithBuildKit(docker)
        elif (buildkit := open_buildkit(docker, registry)) is not None:
            yield buildkit
        yield Classic(docker)
    buildah = open_buildah()
    if buildah is not None:
        yield buildah
