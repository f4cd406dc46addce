"""What an image starts from: scratch, an image of the workspace, or Debian packages of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event, Lock
from typing import TYPE_CHECKING

from provisimus.errors import NotFound
from provisimus.events import Progress, Said, Tell, Warned, step
from provisimus.images import debian
from provisimus.images.alone import alone
from provisimus.images.definition import BASE, Definition
from provisimus.images.documents import Base, StoredLayer, configuration, manifest
from provisimus.images.find import as_base, config_of, one_platform, read_base
from provisimus.images.labels import FINGERPRINT, OCI
from provisimus.images.layers import CompressedLayer
from provisimus.images.lock import LockedBase, read_lock, write_lock
from provisimus.images.mirror import copy_manifest
from provisimus.images.registry import Registry, parse_reference
from provisimus.images.registry.client import OCI_MANIFEST
from provisimus.images.render import named_image
from provisimus.images.seen import remember_documents, seen_documents
from provisimus.model import Digest

if TYPE_CHECKING:
    from provisimus.images.plan import ImagePlan, WantedDebian, WantedImage

SMALL = 6
"""zlib's level for a base: made once, pulled many times."""


def base_image(
    plan: ImagePlan, client: Registry, definition: Definition, reference: str, own: Base | None
) -> Base:
    """The base that FROM names in a rendered Dockerfile. Raises NotFound."""
    if reference == "scratch":
        return Base()
    if reference == BASE and own is not None:
        return own
    name = named_image(reference) or reference
    wanted = next(each for each in plan.wanted if each.name == name)
    repository = client.repository(name)
    cache = plan.workspace.state / "cache"
    seen = seen_documents(cache, wanted.exists.digest) if wanted.exists else None
    if seen is not None:
        # That it is there, the plan has asked; of its bytes the digest says all.
        return as_base(client, repository, *seen)
    found = client.manifest(repository, wanted.selector)
    if found is None:
        raise NotFound(
            f"the base {name} of {definition.name} is not in the registry",
            hint=f"build it: provisimus image build {name}",
        )
    single = one_platform(client, repository, found)
    config = config_of(client, repository, single)
    remember_documents(cache, single, config)
    return as_base(client, repository, single, config)


def own_base(plan: ImagePlan, client: Registry, wanted: WantedImage, tell: Tell) -> Base | None:
    """The base that the image's own source is, made or fetched when the registry has none.

    None where the source is an artifact or nothing.
    """
    source = wanted.definition.manifest.source
    if source is not None and source.image:
        home = wanted.definition.home
        with alone(f"{client.host}/{home} {source.image}"):
            return vendor_image(client, home, source.image, tell)
    return debian_image(plan, client, wanted, tell)


def vendor_image(client: Registry, name: str, reference: str, tell: Tell) -> Base:
    """A vendor's image, copied by digest into the repository of `name`. Raises NotFound."""
    vendor = parse_reference(reference)
    repository = client.repository(name)
    mirrored = client.manifest(repository, vendor.selector) if vendor.digest else None
    if mirrored is not None:
        # The vendor's registry may be away.
        single = one_platform(client, repository, mirrored)
        return replace(read_base(client, repository, single), reference=vendor.name)
    source = client if vendor.host == client.host else Registry(vendor.host)
    found = source.manifest(vendor.repository, vendor.selector)
    if found is None:
        raise NotFound(
            f"{vendor.host} has no image {reference}",
            where=f"the source: of {name} in its manifest.yaml",
            hint="is the digest right? what a vendor may take away is kept by image mirror",
        )
    single = one_platform(source, vendor.repository, found)
    if client.manifest(repository, str(single.digest)) is None:
        label = f"image {name}: mirror"
        with step(tell, label, f"{reference} is not in this registry"):
            copy_manifest(source, vendor.repository, client, repository, single, tell, label)
    return replace(read_base(client, repository, single), reference=vendor.name)


def debian_image(plan: ImagePlan, client: Registry, wanted: WantedImage, tell: Tell) -> Base | None:
    """The base made from the packages of the image's source, built when the registry has none.

    None where the source is another. Pins what it is in docker.lock.
    """
    if wanted.debian is None:
        return None
    repository = client.repository(wanted.debian.name)
    with alone(f"{client.host}/{repository} {wanted.debian.tag}"):
        # Another variant may have made it since the plan.
        digest = wanted.debian.digest or client.digest_of(repository, wanted.debian.tag)
        if digest is None:
            digest = _build(client, wanted, wanted.debian, tell)
    found = client.manifest(repository, str(digest))
    if found is None:
        raise NotFound(f"registry {client.host} lost {wanted.debian.name}@{digest}")
    base = read_base(client, repository, found)
    locked = LockedBase(
        wanted.debian.fingerprint,
        digest,
        Digest.parse(found.data["config"]["digest"]),
        size=sum(int(layer["size"]) for layer in found.data["layers"]),
    )
    _pin(plan, wanted.debian, digest, locked, tell)
    return base


def _build(client: Registry, wanted: WantedImage, base: WantedDebian, tell: Tell) -> Digest:
    source = wanted.definition.manifest.source
    assert source is not None
    assert source.debian is not None
    packages = source.debian
    repository = client.repository(base.name)
    client.ping()
    name = f"packages of {base.name}"
    why = f"{base.reason}: Debian {packages.suite}, {', '.join(packages.packages)}"
    made: list[CompressedLayer] = []

    def pieces() -> Iterator[bytes]:
        stop = Event()
        tar = debian.packages_tar(packages, lambda line: tell(Said(name, line)), stop)
        compressed = CompressedLayer(tar, SMALL, stop)
        made.append(compressed)
        for piece in compressed:
            tell(Progress(name, compressed.tar_size))
            yield piece

    with step(tell, name, why) as outcome:
        blob = client.upload(repository, pieces)
        layer = StoredLayer(made[-1].diff_id, blob.digest, blob.size)
        labels = {
            OCI + "title": f"{base.name}: Debian packages",
            OCI + "version": packages.suite,
            FINGERPRINT: str(base.fingerprint),
        }
        history = [(f"Debian {packages.suite}: {' '.join(packages.packages)}", True)]
        settings = {"Env": list(debian.ENVIRONMENT), "Cmd": ["/bin/bash"]}
        config = configuration(Base(), settings, [layer], history, labels, int(debian.EPOCH))
        client.put_blob(repository, config)
        body = manifest(config, [layer], labels)
        digest = client.put_manifest(repository, base.tag, OCI_MANIFEST, body)
        outcome.result = f"{blob.size / 1e6:.0f} MB, {made[-1].tar_size / 1e6:.0f} MB unpacked"
    return digest


def _pin(
    plan: ImagePlan, base: WantedDebian, digest: Digest, built: LockedBase, tell: Tell
) -> None:
    with _LOCK_FILE:
        _pin_alone(plan, base, digest, built, tell)


_LOCK_FILE = Lock()
"""Two images that are built at the same time must not forget each other's pins."""


def _pin_alone(
    plan: ImagePlan, base: WantedDebian, digest: Digest, built: LockedBase, tell: Tell
) -> None:
    lock = read_lock(plan.workspace.docker)
    before = lock.bases.get(base.name)
    wanted = replace(built, update=before.update if before else 0)
    if before == wanted:
        return
    if before and before.fingerprint == base.fingerprint and before.digest:
        tell(
            Warned(
                f"the registry no longer has the base of {base.name} that docker.lock pinned "
                f"({before.digest.short}…); docker.lock now names {digest.short}…"
            )
        )
    write_lock(plan.workspace.docker, lock.having(base.name, wanted))
