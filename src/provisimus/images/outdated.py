"""`image outdated`: what images are made from, and of which there is something newer.

Asks binary repositories, vendors' registries and this machine's package lists; changes nothing.
What cannot be known (a registry is away, no list of a suite) is said, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.artifacts.maven.layout import from_source
from provisimus.artifacts.maven.ranges import VersionRange, parse_range
from provisimus.artifacts.maven.versions import MavenVersion, is_snapshot
from provisimus.errors import ProvisimusError
from provisimus.images.debian_versions import candidates, compare
from provisimus.images.documents import architecture
from provisimus.images.lock import DockerLock
from provisimus.images.locking import named_version, snapshots
from provisimus.images.pins import pin_of
from provisimus.images.registry import Registry, open_registry, parse_reference
from provisimus.model import Digest
from provisimus.workspace.definitions.stack import version_of

if TYPE_CHECKING:
    from provisimus.artifacts import Repositories
    from provisimus.images.sbom.component import Component
    from provisimus.workspace import Workspace
    from provisimus.workspace.definitions.image import ImageManifest


@dataclass(frozen=True)
class Newer:
    """One thing with something newer, and what to do. Where `newer` is empty, `todo` says why."""

    image: str
    kind: str
    what: str
    now: str
    newer: str
    todo: str


def find_outdated(
    workspace: Workspace,
    lock: DockerLock,
    repositories: Repositories,
    registry: str,
    cache: Path,
) -> list[Newer]:
    """Of every image, in the order of names."""
    found: list[Newer] = []
    for name in workspace.image_folders():
        manifest = workspace.image(name)
        for look in (_vendor, _snapshot, _maven, _debian):
            try:
                found += look(
                    _Asked(workspace, lock, repositories, registry, cache, name, manifest)
                )
            except ProvisimusError as error:
                kind = look.__name__.removeprefix("_")
                found.append(Newer(name, kind, name, "", "", error.message))
    return found


@dataclass(frozen=True)
class _Asked:
    workspace: Workspace
    lock: DockerLock
    repositories: Repositories
    registry: str
    cache: Path
    name: str
    manifest: ImageManifest


def _vendor(asked: _Asked) -> Iterator[Newer]:
    source = asked.manifest.source
    if source is None or not source.image:
        return
    vendor = parse_reference(source.image)
    if vendor.tag is None:
        todo = f"write {vendor.name}:TAG@sha256:… to have its tag followed"
        yield Newer(asked.name, "image", vendor.name, f"{vendor.digest}", "", todo)
        return
    digest = open_registry(vendor.host).digest_of(vendor.repository, vendor.tag)
    if digest is None:
        todo = "the vendor has taken the tag away"
        yield Newer(
            asked.name, "image", f"{vendor.name}:{vendor.tag}", str(vendor.digest), "", todo
        )
    elif digest != vendor.digest:
        what = f"{vendor.name}:{vendor.tag}"
        todo = f"write {what}@{digest} into its manifest"
        yield Newer(asked.name, "image", what, str(vendor.digest), str(digest), todo)


def _snapshot(asked: _Asked) -> Iterator[Newer]:
    for wanted in snapshots(asked.manifest):
        pin = asked.lock.snapshots.get(str(wanted))
        now = pin_of(wanted, asked.repositories.resolve(wanted)) if pin else None
        if pin is not None and now is not None and now.file != pin.file:
            todo = f"provisimus image lock --update {asked.name}"
            yield Newer(asked.name, "snapshot", str(wanted), pin.file, now.file, todo)


def _maven(asked: _Asked) -> Iterator[Newer]:
    source = asked.manifest.source
    named = [
        (wanted, each.follow, "change its version in the manifest")
        for each in asked.manifest.sources
        if (wanted := named_version(asked.manifest, each))
    ]
    if not named and source and source.maven and asked.workspace.has_service(asked.name):
        running = version_of(asked.workspace.stack(asked.name))
        if running:
            todo = f"provisimus release {asked.name}@…"
            named = [(from_source(source.maven, running), source.follow, todo)]
    for wanted, follow, todo in named:
        if is_snapshot(wanted.version):
            continue
        existing = asked.repositories.versions(wanted.group, wanted.artifact)
        followed = parse_range(follow) if follow else None
        newer = newest_release(wanted.version, existing, followed)
        if newer is not None:
            what = f"{wanted.group}:{wanted.artifact}"
            done = todo.replace("…", newer)
            yield Newer(asked.name, "maven", what, wanted.version, newer, done)


def newest_release(
    version: str, existing: list[str], followed: VersionRange | None = None
) -> str | None:
    """The newest release above a version, of those that are followed; None when there is none.

    One with a qualifier (1.0-rc1, 2.0-beta) counts only for who is on one. Pure.
    """
    own = MavenVersion(version)
    plain = not _has_qualifier(version)
    newer = [
        each
        for each in existing
        if MavenVersion(each) > own
        and not is_snapshot(each)
        and (followed is None or followed.holds(each))
        and not (plain and _has_qualifier(each))
    ]
    return max(newer, key=MavenVersion, default=None)


def _has_qualifier(version: str) -> bool:
    words = version.lower().replace("_", "-").replace(".", "-").split("-")
    known = ("alpha", "beta", "milestone", "rc", "cr", "m", "a", "b", "preview", "ea")
    return any(word.rstrip("0123456789") in known for word in words if not word.isdigit())


def _debian(asked: _Asked) -> Iterator[Newer]:
    source = asked.manifest.source
    locked = asked.lock.bases.get(asked.name)
    if source is None or source.debian is None or locked is None or locked.digest is None:
        return
    suite = source.debian.suite
    installed = _installed(open_registry(asked.registry), asked.name, locked.digest, asked.cache)
    known = candidates(suite, architecture(), installed.keys())
    if known is None:
        todo = (
            f"this machine has no package lists of {suite}: ask one that has, after apt-get update"
        )
        yield Newer(asked.name, "debian", suite, "", "", todo)
        return
    for name, (now, newer) in newer_packages(installed, known).items():
        todo = f"provisimus image lock --update {asked.name}"
        yield Newer(asked.name, "debian", name, now, newer, todo)


def newer_packages(
    installed: Mapping[str, str],
    known: Mapping[str, str],
    order: Callable[[str, str], int] = compare,
) -> dict[str, tuple[str, str]]:
    """Packages of which there is a newer version, with both. Pure."""
    return {
        name: (version, known[name])
        for name, version in sorted(installed.items())
        if name in known and order(version, known[name]) < 0
    }


def _installed(client: Registry, name: str, digest: Digest, cache: Path) -> dict[str, str]:
    from provisimus.errors import NotFound
    from provisimus.images.sbom.attach import read_components

    repository = client.repository(name)
    manifest = client.manifest(repository, str(digest))
    if manifest is None:
        raise NotFound(f"registry {client.host} has no base {name}@{digest.short}…")
    components: list[Component] = read_components(client, repository, manifest, cache)
    return {each.name: each.version for each in components if each.purl.startswith("pkg:deb/")}
