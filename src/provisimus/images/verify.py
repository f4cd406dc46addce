"""`image verify`: make an image again and compare it with the registry's. Changes nothing."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from provisimus.errors import NotFound, Refused
from provisimus.events import silence
from provisimus.images.assemble import Made, Store, assemble
from provisimus.images.assembly import ComposedLayer
from provisimus.images.bases import base_image
from provisimus.images.build import documents_of, lineage_of
from provisimus.images.dockerfile import NotUnderstood
from provisimus.images.documents import Base, StoredLayer, base_of
from provisimus.images.find import one_platform, read_base
from provisimus.images.layers import LayerEntry, diff_id_of
from provisimus.images.plan import ImagePlan, WantedImage
from provisimus.images.prefix import assemble_rest, find_prefix
from provisimus.images.registry import Registry, open_registry
from provisimus.images.tree import open_layer
from provisimus.model import Digest

_SHOWN = 10
"""How many files of one layer are named."""

_PIECE = 1 << 20
"""Bytes read at once."""


@dataclass(frozen=True)
class Verified:
    """`taken` is what was not made again; `differences` are empty for the same image."""

    reference: str
    config: str
    taken: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences


def verify_image(plan: ImagePlan) -> Verified:
    """Compare diffIDs and the configuration of the plan's last image, and name what differs.

    Raises NotFound when it is not built, Refused where a builder makes all of it.
    """
    wanted = plan.wanted[-1]
    if wanted.exists is None:
        raise NotFound(
            f"{wanted.name} is not built as its definition wants it: {wanted.reason}",
            hint=f"build it: provisimus image build {wanted.name}@{wanted.version}",
        )
    client = open_registry(plan.registry)
    repository = client.repository(wanted.name)
    found = client.manifest(repository, str(wanted.exists.digest))
    if found is None:
        raise NotFound(f"registry {client.host} lost {wanted.exists.reference}")
    single = one_platform(client, repository, found)
    config: dict[str, Any] = json.loads(
        client.blob(repository, Digest.parse(single.data["config"]["digest"]))
    )
    differences: list[str] = []

    def hashed(_: Base, composed: Sequence[ComposedLayer]) -> tuple[StoredLayer, ...]:
        # Here contents can still be read: what COPY --from took is gone when this returns.
        theirs = base_of(single.data, config)[-len(composed) :] if composed else ()
        stored = []
        for each, other in zip(composed, theirs, strict=False):
            diff_id = diff_id_of(each.entries)
            stored.append(StoredLayer(diff_id, other.digest, other.size, other.media_type))
            if diff_id != other.diff_id:
                differences.extend(_files(client, repository, each, other))
        return tuple(stored)

    made, taken = _again(plan, client, wanted, hashed)
    expected = [str(each.diff_id) for each in (*made.base.layers, *made.layers)]
    actual: list[str] = config["rootfs"]["diff_ids"]
    if len(expected) != len(actual):
        differences.append(f"{len(expected)} layers are wanted, the registry has {len(actual)}")
    elif expected != actual and not differences:
        differences.append("the layers of the base are others")
    wanted_config = json.loads(documents_of(wanted, made, lineage_of(plan, wanted))[0])
    differences += _settings(wanted_config, config)
    return Verified(
        wanted.exists.reference,
        str(single.data["config"]["digest"]),
        tuple(taken),
        tuple(differences),
    )


def _again(
    plan: ImagePlan, client: Registry, wanted: WantedImage, store: Store
) -> tuple[Made, list[str]]:
    """The image made again, and what of it came from the registry."""
    definition = wanted.definition
    own = _own_base(client, wanted)

    def resolve(reference: str) -> Base:
        return base_image(plan, client, definition, reference, own)

    try:
        if definition.assembly is not None:
            base = resolve(definition.assembly.base)
            taken = [f"its base {base.reference}"] if base.digest else []
            made = assemble(
                plan, client, definition, definition.assembly, resolve, silence, "", store
            )
            return made, taken
        if definition.split is not None:
            prefix = find_prefix(client, wanted)
            if prefix is None:
                raise NotFound(f"the registry no longer has the prefix of {wanted.name}")
            made = assemble_rest(plan, client, wanted, own, prefix, silence, "", store)
            return made, [f"its prefix, which a builder made: {definition.why_engine}"]
        why = definition.why_engine
    except NotUnderstood as error:
        why = error.reason
    raise Refused(
        f"{wanted.name} is made by a builder as a whole, and a builder never makes the same twice: "
        f"{why}",
        hint="let the last RUN come before what is to be verified",
    )


def _own_base(client: Registry, wanted: WantedImage) -> Base | None:
    source = wanted.definition.manifest.source
    home = wanted.definition.home
    repository = client.repository(home)
    digest = wanted.debian.digest if wanted.debian else None
    if source is not None and source.image:
        from provisimus.images.bases import vendor_image

        return vendor_image(client, home, source.image, silence)
    if wanted.debian is None:
        return None
    found = client.manifest(repository, str(digest)) if digest else None
    if found is None:
        raise NotFound(f"the registry no longer has the base made for {wanted.name}")
    return read_base(client, repository, found)


def _files(
    client: Registry, repository: str, ours: ComposedLayer, theirs: StoredLayer
) -> Iterator[str]:
    """What differs between a layer and the registry's, file by file."""
    wanted = {each.path: _said(each) for each in ours.entries}
    found: dict[str, str] = {}
    with open_layer(client.blob_pieces(repository, theirs.digest)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            digest = (
                _sha256(iter(partial(content.read, _PIECE), b"")) if content else member.linkname
            )
            path = posixpath.normpath("/" + member.name).strip("/")
            owner = f"{member.uid}:{member.gid}"
            found[path] = f"mode {member.mode & 0o7777:o}, owner {owner}, content {digest[:12]}"
    count = 0
    for path in sorted(wanted.keys() | found.keys()):
        if wanted.get(path) == found.get(path):
            continue
        count += 1
        if count > _SHOWN:
            yield f"{ours.created_by}: and more"
            return
        if path not in found:
            what = "is not in the registry's layer"
        elif path not in wanted:
            what = "is in the registry's layer only"
        else:
            what = f"is wanted with {wanted[path]}; the registry has {found[path]}"
        yield f"{ours.created_by}: /{path} {what}"
    if not count:
        yield f"{ours.created_by}: the same files in another TAR"


def _said(entry: LayerEntry) -> str:
    digest = entry.target
    if entry.kind == "file":
        digest = _sha256(entry.pieces() if entry.pieces else ())
    return f"mode {entry.mode:o}, owner {entry.uid}:{entry.gid}, content {digest[:12]}"


def _sha256(pieces: Iterable[bytes]) -> str:
    seen = hashlib.sha256()
    for piece in pieces:
        seen.update(piece)
    return seen.hexdigest()


def _settings(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str = "") -> list[str]:
    """The keys of a configuration that differ; the layers were compared already."""
    out = []
    for key in sorted(wanted.keys() | found.keys()):
        here = f"{path}{key}"
        ours, theirs = wanted.get(key), found.get(key)
        if ours == theirs or here == "rootfs":
            continue
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            out += _settings(ours, theirs, here + "/")
        elif key == "history":
            out.append("history differs")
        else:
            out.append(f"{here}: wanted {ours!r}, the registry has {theirs!r}")
    return out
