"""`image plan`: which images are wanted, which exist, what will be built, each with its reason.

Read-only: definitions, artifacts and the lock file on one side (`define_image`), the registry on
the other (`observe_image`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from provisimus.errors import NotFound, UsageFault
from provisimus.images.definition import (
    Definition,
    debian_base,
    image_fingerprint,
    prefix_fingerprint,
)
from provisimus.images.find import find_image, fingerprint_tag, prefix_tag
from provisimus.images.graph import Graph
from provisimus.images.labels import ARTIFACT_SHA256, FINGERPRINT
from provisimus.images.lock import DockerLock, read_lock
from provisimus.images.registry import Registry, as_tag, open_registry
from provisimus.images.seen import remember, seen
from provisimus.model import ContainerImage, Digest, Step

if TYPE_CHECKING:
    from pathlib import Path

    from provisimus.artifacts import Repositories
    from provisimus.environment import Environment
    from provisimus.workspace import Workspace


QUESTIONS = 4
"""How many images the registry is asked about at the same time."""

UNASKED = "the registry was not asked"


@dataclass(frozen=True)
class WantedDebian:
    """The base of an image made from Debian packages; `digest` is its manifest's.

    `name`: in whose repository it stands, and under which it is pinned.
    """

    name: str
    fingerprint: Digest
    digest: Digest | None
    reason: str

    @property
    def tag(self) -> str:
        return f"debian-{self.fingerprint.hex[:20]}"


@dataclass(frozen=True)
class WantedPrefix:
    """What a builder makes for an image, up to its last RUN."""

    fingerprint: Digest

    @property
    def tag(self) -> str:
        return prefix_tag(self.fingerprint)


@dataclass(frozen=True)
class WantedImage:
    """One image that the plan is about. `needed`: it will be built. `tagged`: its version's tag
    names it already. `has_prefix`: the registry has the prefix of one that it does not have."""

    name: str
    version: str
    fingerprint: Digest
    exists: ContainerImage | None
    reason: str
    needed: bool
    tagged: bool
    definition: Definition
    bases: Mapping[str, Digest] = field(default_factory=dict)
    """The fingerprints of the images of the workspace that it stands on."""
    debian: WantedDebian | None = None
    has_prefix: bool = False

    @cached_property
    def prefix(self) -> WantedPrefix | None:
        """None where a builder has no part in it, or makes it all."""
        debian = self.debian.fingerprint if self.debian else None
        found = prefix_fingerprint(self.definition, self.bases, debian)
        return None if found is None else WantedPrefix(found)

    @property
    def selector(self) -> str:
        """By what its repository knows it once it is there: its digest, or else the tag of what it
        is made from.
        """
        return str(self.exists.digest) if self.exists else fingerprint_tag(self.fingerprint)

    @property
    def lane(self) -> str:
        """The lane in words: what starts a builder, and what does not."""
        definition = self.definition
        if definition.lane == "assemble" or not self.needed:
            return definition.lane
        if self.prefix is None:
            return f"{definition.lane}: {definition.why_engine}"
        if self.has_prefix:
            return "split: no builder, its prefix is in the registry"
        return f"split: a builder makes its prefix, {definition.why_engine}"

    @property
    def title(self) -> str:
        return f"image {self.name}@{self.version}"

    @property
    def tag(self) -> str:
        return as_tag(self.version)

    def step(self) -> Step:
        action = "build" if self.needed else "tag" if self.exists and not self.tagged else "keep"
        return Step("image", f"{self.name}@{self.version}", action, self.reason, action != "keep")


@dataclass(frozen=True)
class ImagePlan:
    """In build order: bases first. `asked` are those that were asked for; one alone is last.

    Of a plan that was only defined, names and fingerprints count: nobody was asked what exists.
    """

    workspace: Workspace
    registry: str
    wanted: tuple[WantedImage, ...]
    asked: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Images that could not be planned, with the reason."""
    portable: bool = False
    """Whether layers are compressed by zlib, which gives the same bytes on more machines."""

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


def plan_images(
    workspace: Workspace,
    environment: Environment,
    asked: Sequence[tuple[str, str | None]],
    repositories: Repositories | None = None,
) -> ImagePlan:
    """What building these images would do, one after the other or at the same time.

    Raises as `plan_image`.
    """
    return observe_image(define_images(workspace, environment, asked, repositories))


def plan_all(
    workspace: Workspace, environment: Environment, repositories: Repositories | None = None
) -> ImagePlan:
    """Every image of the workspace at the version that its files tell; those without a version, or
    whose artifact is not there, are left out with the reason.

    Raises InvalidDefinitions, Unreachable.
    """
    graph = Graph(workspace, _repositories(workspace, repositories))
    left_out: dict[str, str] = {}
    for name in workspace.images():
        try:
            graph.add(name, None)
        except (UsageFault, NotFound) as error:
            left_out[name] = error.message
    asked = tuple(name for name in workspace.images() if name not in left_out)
    defined = _defined(workspace, environment, graph, asked)
    return observe_image(replace(defined, left_out=left_out))


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
    return define_images(workspace, environment, [(name, version)], repositories)


def define_images(
    workspace: Workspace,
    environment: Environment,
    asked: Sequence[tuple[str, str | None]],
    repositories: Repositories | None = None,
) -> ImagePlan:
    """Several images. Raises as `define_image`."""
    graph = Graph(workspace, _repositories(workspace, repositories))
    for name, version in asked:
        graph.add(name, version)
    return _defined(workspace, environment, graph, tuple(name for name, _ in asked))


def observe_image(plan: ImagePlan) -> ImagePlan:
    """A plan that was defined, with what the registry has of it. Raises Unreachable."""
    cache = plan.workspace.state / "cache"
    client, lock = open_registry(plan.registry), read_lock(plan.workspace.docker, cache)
    observe = partial(_observe, client, lock, cache)
    if len(plan.wanted) <= 2:
        seen = tuple(map(observe, plan.wanted))
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(QUESTIONS) as pool:
            seen = tuple(pool.map(observe, plan.wanted))
    return replace(plan, wanted=_needed(seen, plan.asked))


def _defined(
    workspace: Workspace, environment: Environment, graph: Graph, asked: tuple[str, ...]
) -> ImagePlan:
    lock = read_lock(workspace.docker, workspace.state / "cache")
    wanted: dict[str, WantedImage] = {}
    for definition in graph.definitions:
        wanted[definition.name] = _define(definition, wanted, lock)
    return ImagePlan(workspace, environment.registry, tuple(wanted.values()), asked)


def _repositories(workspace: Workspace, given: Repositories | None) -> Repositories:
    """Those that are given or the workspace's own, under its lock file."""
    from provisimus.artifacts import open_repositories

    known = given or open_repositories(workspace)
    lock = read_lock(workspace.docker, workspace.state / "cache")
    if not lock.snapshots:
        return known
    from provisimus.images.pins import pinned

    return pinned(known, lock)


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
        bases=bases,
        debian=None if debian is None else WantedDebian(definition.home, debian, None, UNASKED),
    )


def _observe(client: Registry, lock: DockerLock, cache: Path, defined: WantedImage) -> WantedImage:
    definition, wanted = defined.definition, defined.fingerprint
    repository = client.repository(definition.name)
    tag = as_tag(definition.version)
    named = client.digest_of(repository, tag)
    exists = seen(cache, client.reference(definition.name), named) if named else None
    if exists is None or exists.fingerprint != wanted:
        exists = find_image(client, definition.name, wanted)
        if exists is not None and exists.digest == named:
            remember(cache, exists)
    tagged = exists is not None and named == exists.digest
    if exists is None:
        reason = _why_not(client, definition, named)
    elif tagged:
        reason = f"fingerprint {wanted.short}… is in the registry"
    else:
        reason = f"fingerprint {wanted.short}… is in the registry, but tag {tag} does not name it"
    debian, prefix, has_prefix = defined.debian, None, False
    if exists is None:
        # A secret that nobody declared is told now, not when a builder runs.
        _ = definition.secrets
        prefix = defined.prefix
    if prefix is not None:
        has_prefix = client.digest_of(client.repository(definition.home), prefix.tag) is not None
    return replace(
        defined,
        exists=exists,
        reason=reason,
        needed=exists is None,
        tagged=tagged,
        debian=debian and _debian(client, debian.name, debian.fingerprint, lock),
        has_prefix=has_prefix,
    )


def _why_not(client: Registry, definition: Definition, named: Digest | None) -> str:
    if named is None:
        return f"{definition.name} {definition.version} was never built"
    found = client.manifest(client.repository(definition.name), as_tag(definition.version))
    before = (found.data.get("annotations") or {}) if found else {}
    if FINGERPRINT not in before:
        return f"what is called {definition.name}:{as_tag(definition.version)} was not built by us"
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


def _needed(wanted: tuple[WantedImage, ...], asked: tuple[str, ...]) -> tuple[WantedImage, ...]:
    """Leave out bases that are missing when nothing that is built stands on them."""
    required: set[str] = set()
    out: list[WantedImage] = []
    for each in reversed(wanted):
        if each.needed and each.name not in asked and each.name not in required:
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
