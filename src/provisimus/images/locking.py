"""`image lock`: what is pinned and where, what is not, and letting pins follow what moved.

Pure but for reading definitions, and for asking binary repositories when a SNAPSHOT is to move.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provisimus.artifacts.maven.layout import from_source
from provisimus.artifacts.maven.versions import is_snapshot
from provisimus.errors import NotFound, UsageFault
from provisimus.images.debian import base_fingerprint
from provisimus.images.documents import architecture
from provisimus.images.lock import DockerLock, LockedBase
from provisimus.images.pins import pin_of
from provisimus.images.registry.names import parse_reference
from provisimus.workspace.problems import did_you_mean

if TYPE_CHECKING:
    from provisimus.artifacts import Repositories
    from provisimus.model import Coordinates
    from provisimus.workspace import Workspace
    from provisimus.workspace.definitions.image import DebianSource, ImageManifest, Source


@dataclass(frozen=True)
class Pin:
    """One thing that is pinned. `size` in bytes, 0 when unknown; `why` what is wrong with it."""

    image: str
    kind: str
    version: str
    digest: str
    size: int
    source: str
    where: str
    why: str = ""


def named_versions(manifest: ImageManifest) -> Iterator[Coordinates]:
    """The coordinates whose version a manifest names; one that is asked for when building is none.

    The image's own source first.
    """
    for source in manifest.sources:
        named = named_version(manifest, source)
        if named is not None:
            yield named


def named_version(manifest: ImageManifest, source: Source) -> Coordinates | None:
    version = source.version or manifest.version
    return from_source(source.maven, version) if source.maven and version else None


def snapshots(manifest: ImageManifest) -> list[Coordinates]:
    return [each for each in named_versions(manifest) if is_snapshot(each.version)]


def pins(workspace: Workspace, lock: DockerLock) -> list[Pin]:
    """Everything that the images refer to and that moves, pinned or not; and pins of nothing."""
    found = []
    bases, named = set(), set()
    for name in workspace.image_folders():
        manifest = workspace.image(name)
        source = manifest.source
        if source is not None and source.debian is not None:
            bases.add(name)
            found.append(_base(name, source.debian, lock.bases.get(name)))
        elif source is not None and source.image:
            vendor = parse_reference(source.image)
            where = f"{vendor.name}:{vendor.tag}" if vendor.tag else vendor.name
            tag, digest = vendor.tag or "-", str(vendor.digest)
            found.append(Pin(name, "image", tag, digest, 0, where, "manifest"))
        for each in manifest.sources:
            if each.url:
                digest, where = f"sha256:{each.sha256}", each.url.partition("?")[0]
                version = manifest.version or "-"
                found.append(Pin(name, "file", version, digest, 0, where, "manifest"))
        for wanted in snapshots(manifest):
            named.add(str(wanted))
            found.append(_snapshot(name, wanted, lock))
    found += [
        replace(_left(name, "base"), digest=str(lock.bases[name].digest or ""))
        for name in sorted(lock.bases.keys() - bases)
    ]
    for name in sorted(lock.snapshots.keys() - named):
        pin = lock.snapshots[name]
        left = _left(name, "snapshot")
        found.append(replace(left, version=pin.file, digest=f"sha256:{pin.sha256.hex}"))
    return found


def updated_lock(
    workspace: Workspace,
    lock: DockerLock,
    names: Sequence[str],
    repositories: Repositories | None = None,
) -> DockerLock:
    """The lock with the pins of these images (all, when none is named) let go or moved on.

    Without names, pins of what nothing refers to are taken out. Raises NotFound for an image that
    is not there, UsageFault for one that pins nothing.
    """
    known = workspace.images()
    for name in names:
        if name not in known:
            raise NotFound(f"there is no image {name!r}", hint=did_you_mean(name, known))
    bases, named = set(), set()
    folders = [workspace.image_place(name).folder.name for name in names]
    for name in dict.fromkeys(folders) if names else workspace.image_folders():
        manifest = workspace.image(name)
        source = manifest.source
        if source is not None and source.debian is not None:
            bases.add(name)
            lock = lock.having(name, _let_go(source.debian, lock.bases.get(name)))
        for wanted in snapshots(manifest):
            named.add(str(wanted))
            lock = _moved_on(workspace, lock, wanted, repositories)
        if names and not snapshots(manifest) and name not in bases:
            raise UsageFault(
                f"{name} pins nothing in docker.lock",
                hint="a vendor's image or file is pinned by its digest in manifest.yaml",
            )
    return lock if names else lock.only(bases, named)


def _let_go(source: DebianSource, before: LockedBase | None) -> LockedBase:
    update = (before.update if before else 0) + 1
    return LockedBase(base_fingerprint(source, architecture(), update), update=update)


def _moved_on(
    workspace: Workspace, lock: DockerLock, wanted: Coordinates, given: Repositories | None
) -> DockerLock:
    from provisimus.artifacts import open_repositories

    pin = pin_of(wanted, (given or open_repositories(workspace)).resolve(wanted))
    return lock if pin is None else lock.having_snapshot(str(wanted), pin)


def _base(name: str, source: DebianSource, locked: LockedBase | None) -> Pin:
    where = f"Debian {source.suite}: {', '.join(source.packages)}"
    pin = Pin(name, "base", source.suite, "", 0, where, "docker.lock")
    if locked is None:
        return replace(pin, why="never built")
    now = base_fingerprint(source, architecture(), locked.update)
    if now != locked.fingerprint:
        return replace(pin, why="its packages changed since it was built")
    if locked.digest is None:
        return replace(pin, why="let go; the next build makes it anew")
    return replace(pin, digest=str(locked.digest), size=locked.size)


def _snapshot(name: str, wanted: Coordinates, lock: DockerLock) -> Pin:
    pin = Pin(name, "snapshot", wanted.version, "", 0, str(wanted), "docker.lock")
    locked = lock.snapshots.get(str(wanted))
    if locked is None:
        return replace(pin, why="not pinned: each build takes the newest")
    return replace(
        pin,
        version=locked.file,
        digest=f"sha256:{locked.sha256.hex}",
        size=locked.size,
        source=f"{wanted} in {locked.repository}",
    )


def _left(name: str, kind: str) -> Pin:
    return Pin(name, kind, "", "", 0, "-", "docker.lock", "no image refers to it")


def unsound(found: Sequence[Pin]) -> Iterator[Pin]:
    """Those with which two machines could build different images."""
    return (each for each in found if each.why)
