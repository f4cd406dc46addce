"""`image plan`: which images are wanted, which exist, what will be built, each with its reason.

Read-only: definitions, artifacts and the lock file on one side (`define_image`), the registry on
the other (`observe_image`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.images.definition import (
    Definition,
    debian_base,
    image_fingerprint,
    read_definition,
)
from provisimus.images.find import find_image
from provisimus.images.labels import ARTIFACT_SHA256
from provisimus.images.lock import DockerLock, read_lock
from provisimus.images.registry import Registry, as_tag, open_registry
from provisimus.model import ContainerImage, Digest, Step

if TYPE_CHECKING:
    from provisimus.artifacts import Repositories
    from provisimus.environment import Environment
    from provisimus.workspace import Workspace


UNASKED = "the registry was not asked"


@dataclass(frozen=True)
class WantedDebian:
    """The base of an image made from Debian packages; `digest` is its manifest's."""

    name: str
    fingerprint: Digest
    digest: Digest | None
    reason: str

    @property
    def tag(self) -> str:
        return f"debian-{self.fingerprint.hex[:20]}"


@dataclass(frozen=True)
class WantedImage:
    """One image that the plan is about. `needed`: it will be built. `tagged`: its version's tag
    names it already."""

    name: str
    version: str
    fingerprint: Digest
    exists: ContainerImage | None
    reason: str
    needed: bool
    tagged: bool
    definition: Definition
    debian: WantedDebian | None = None

    @property
    def tag(self) -> str:
        return as_tag(self.version)

    def step(self) -> Step:
        action = "build" if self.needed else "tag" if self.exists and not self.tagged else "keep"
        return Step("image", f"{self.name}@{self.version}", action, self.reason, action != "keep")


@dataclass(frozen=True)
class ImagePlan:
    """In build order: bases first, the image that was asked for last.

    Of a plan that was only defined, names and fingerprints count: nobody was asked what exists.
    """

    workspace: Workspace
    registry: str
    wanted: tuple[WantedImage, ...]

    @property
    def fingerprint(self) -> Digest:
        return self.wanted[-1].fingerprint

    @property
    def image(self) -> ContainerImage | None:
        return self.wanted[-1].exists

    @property
    def changes(self) -> bool:
        return any(step.needed for step in self.steps())

    def steps(self) -> tuple[Step, ...]:
        return tuple(each.step() for each in self.wanted)


def plan_image(
    workspace: Workspace,
    environment: Environment,
    name: str,
    version: str | None = None,
    repositories: Repositories | None = None,
) -> ImagePlan:
    """What building an image would do. Plans the bases that it stands on, too.

    Raises NotFound, InvalidDefinitions, UsageFault, Unreachable (no registry answers).
    """
    return observe_image(define_image(workspace, environment, name, version, repositories))


def define_image(
    workspace: Workspace,
    environment: Environment,
    name: str,
    version: str | None = None,
    repositories: Repositories | None = None,
) -> ImagePlan:
    """An image and the bases that it stands on, by their fingerprints; asks no registry.

    Raises NotFound, InvalidDefinitions, UsageFault.
    """
    from provisimus.artifacts import open_repositories

    lock = read_lock(workspace.docker)
    known = repositories or open_repositories(workspace)
    if lock.snapshots:
        from provisimus.images.pins import pinned

        known = pinned(known, lock)
    wanted: dict[str, WantedImage] = {}
    for definition in _in_order(workspace, name, version, known):
        wanted[definition.name] = _define(definition, wanted, lock)
    return ImagePlan(workspace, environment.registry, tuple(wanted.values()))


def observe_image(plan: ImagePlan) -> ImagePlan:
    """A plan that was defined, with what the registry has of it. Raises Unreachable."""
    lock = read_lock(plan.workspace.docker)
    client = open_registry(plan.registry)
    seen = tuple(_observe(client, wanted, lock) for wanted in plan.wanted)
    return replace(plan, wanted=_needed(seen))


def _in_order(
    workspace: Workspace, name: str, version: str | None, repositories: Repositories
) -> list[Definition]:
    """The definitions of an image and of all it is built on, bases first."""
    done: dict[str, Definition] = {}

    def visit(each: str, wanted: str | None, way: tuple[str, ...]) -> None:
        if each in way:
            circle = " ← ".join((*way[way.index(each) :], each))
            message = f"images are built on each other in a circle: {circle}"
            where = str(workspace.docker / way[-1] / "Dockerfile.j2")
            raise InvalidDefinitions([Problem(where, None, "", message)])
        if each in done:
            return
        definition = read_definition(workspace, each, wanted, repositories)
        for base in definition.rendered.images:
            visit(base, None, (*way, each))
        done[each] = definition

    visit(name, version, ())
    return list(done.values())


def _define(
    definition: Definition, above: Mapping[str, WantedImage], lock: DockerLock
) -> WantedImage:
    bases = {name: above[name].fingerprint for name in definition.rendered.images}
    debian = debian_base(definition, lock)
    return WantedImage(
        definition.name,
        definition.version,
        image_fingerprint(definition, bases, debian),
        exists=None,
        reason=UNASKED,
        needed=False,
        tagged=False,
        definition=definition,
        debian=None if debian is None else WantedDebian(definition.name, debian, None, UNASKED),
    )


def _observe(client: Registry, defined: WantedImage, lock: DockerLock) -> WantedImage:
    definition, wanted = defined.definition, defined.fingerprint
    exists = find_image(client, definition.name, wanted)
    repository = client.repository(definition.name)
    tag = as_tag(definition.version)
    named = client.digest_of(repository, tag)
    tagged = exists is not None and named == exists.digest
    if exists is None:
        reason = _why_not(client, definition, named)
    elif tagged:
        reason = f"fingerprint {wanted.short}… is in the registry"
    else:
        reason = f"fingerprint {wanted.short}… is in the registry, but tag {tag} does not name it"
    debian = defined.debian
    return replace(
        defined,
        exists=exists,
        reason=reason,
        needed=exists is None,
        tagged=tagged,
        debian=debian and _debian(client, definition.name, debian.fingerprint, lock),
    )


def _why_not(client: Registry, definition: Definition, named: Digest | None) -> str:
    if named is None:
        return f"{definition.name} {definition.version} was never built"
    found = client.manifest(client.repository(definition.name), as_tag(definition.version))
    before = found.data.get("annotations", {}) if found else {}
    artifact = definition.artifact
    if artifact and before.get(ARTIFACT_SHA256, artifact.sha256.hex) != artifact.sha256.hex:
        return f"the artifact changed: {artifact.coordinates}"
    return "its definition or one of its bases changed"


def _debian(client: Registry, name: str, wanted: Digest, lock: DockerLock) -> WantedDebian:
    """The base as pinned; else the one that the registry has under this fingerprint."""
    repository = client.repository(name)
    locked = lock.bases.get(name)
    if locked and locked.fingerprint == wanted and locked.digest:
        found = client.digest_of(repository, str(locked.digest))
        if found is not None:
            return WantedDebian(name, wanted, found, "pinned in docker.lock")
    unlocked = WantedDebian(name, wanted, None, "these packages were never put together")
    digest = client.digest_of(repository, unlocked.tag)
    if digest is not None:
        return replace(unlocked, digest=digest, reason="these packages are in the registry")
    return unlocked


def _needed(wanted: tuple[WantedImage, ...]) -> tuple[WantedImage, ...]:
    """Leave out bases that are missing when nothing that is built stands on them."""
    required: set[str] = set()
    out: list[WantedImage] = []
    for each in reversed(wanted):
        last = each is wanted[-1]
        if each.needed and not last and each.name not in required:
            out.append(replace(each, needed=False, reason="not built: what stands on it exists"))
            continue
        reason = each.reason
        if each.needed:
            required.update(each.definition.rendered.images)
            above = [base for base in wanted if base.name in each.definition.rendered.images]
            changed = [base.name for base in above if base.exists is None]
            if changed and each.exists is None and "never built" not in each.reason:
                reason = f"its base changed: {', '.join(changed)}"
        out.append(replace(each, reason=reason))
    return tuple(reversed(out))
