"""The assemble lane: an image without a builder, its layers made while they go into the registry.

The decisions are `assembly.py`'s; here they are carried out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.caching import read_json, write_json
from provisimus.events import Progress, Tell
from provisimus.images.alone import alone
from provisimus.images.assembly import Assembly, ComposedLayer, Ground, compose
from provisimus.images.contents import Contents, entries_fetched
from provisimus.images.documents import Base, StoredLayer
from provisimus.images.layers import CompressedLayer, tar_pieces
from provisimus.images.registry import Registry
from provisimus.images.tree import Tree, layer_paths
from provisimus.model import Digest, fingerprint

if TYPE_CHECKING:
    from provisimus.images.definition import Definition
    from provisimus.images.plan import ImagePlan


QUICK, PORTABLE = 1, 6
"""Levels of compression: isal's where it is there, and zlib's."""


@dataclass(frozen=True)
class Made:
    """What a lane hands over: layers above the base that are in the registry, and settings."""

    base: Base
    settings: Mapping[str, Any]
    layers: tuple[StoredLayer, ...]
    history: tuple[tuple[str, bool], ...]


def assemble(
    plan: ImagePlan,
    client: Registry,
    definition: Definition,
    assembly: Assembly,
    resolve: Callable[[str], Base],
    tell: Tell,
    step: str,
    store: Store | None = None,
) -> Made:
    """Raises NotUnderstood where only a real builder knows what is meant.

    `resolve` gives the image that FROM or COPY --from names; `store` takes the layers, into the
    registry when none is given.
    """
    cache = plan.workspace.state / "cache"
    base = resolve(assembly.base)
    with tempfile.TemporaryDirectory(prefix="provisimus-image-") as scratch, ExitStack() as held:
        grounds = Grounds(client, resolve, cache, Path(scratch))
        composition = compose(assembly, grounds, definition.context, str(definition.dockerfile))
        grounds.fetch(composition.layers)
        if definition.manifest.layers == "auto":
            from provisimus.images.auto_layers import taken_apart

            composition = taken_apart(composition, len(base.layers), definition, held, tell, step)
        into = store or _Storing(plan, client, definition.name, tell, step)
        stored = into(base, composition.layers)
    return Made(base, composition.config, stored, composition.history)


Store = Callable[[Base, Sequence[ComposedLayer]], tuple[StoredLayer, ...]]


@dataclass(frozen=True)
class _Storing:
    """Layers on their way into the registry."""

    plan: ImagePlan
    client: Registry
    name: str
    tell: Tell
    step: str

    def __call__(self, base: Base, layers: Sequence[ComposedLayer]) -> tuple[StoredLayer, ...]:
        repository = self.client.repository(self.name)
        cache = self.plan.workspace.state / "cache"
        level = PORTABLE if self.plan.portable else QUICK
        with ThreadPoolExecutor(1) as aside:
            # A question for each layer of the base; the image's own go out meanwhile.
            missing = aside.submit(take_over, self.client, repository, base)
            stored = tuple(
                put_layer(self.client, repository, each, cache, self.tell, self.step, level)
                for each in layers
            )
        for each in missing.result():
            copy = partial(self.client.blob_pieces, base.repository, each.digest)
            self.client.upload(repository, copy)
        return stored


class Grounds:
    """The images that a Dockerfile stands on or takes from, each looked into only when asked."""

    def __init__(
        self, client: Registry, resolve: Callable[[str], Base], cache: Path, scratch: Path
    ) -> None:
        self._client = client
        self._resolve = resolve
        self._cache = cache
        self._scratch = scratch
        self._contents: list[Contents] = []

    def __call__(self, name: str) -> Ground:
        base = self._resolve(name)
        blob = partial(self._client.blob_pieces, base.repository)
        contents = Contents(base, blob, self._cache, self._scratch)
        self._contents.append(contents)
        return Ground(
            base.settings,
            lambda: base_tree(self._client, base, self._cache),
            lambda: contents.entries,
            contents.read,
        )

    def fetch(self, layers: Sequence[ComposedLayer]) -> None:
        wanted = [one for each in layers for one in entries_fetched(each.entries)]
        for contents in self._contents if wanted else ():
            contents.fetch(wanted)


def take_over(client: Registry, repository: str, base: Base) -> list[StoredLayer]:
    """Make a base's layers part of this repository without a download; those where the registry
    cannot come back.
    """
    return [
        each for each in base.layers if not client.mount(repository, each.digest, base.repository)
    ]


def put_layer(
    client: Registry,
    repository: str,
    layer: ComposedLayer,
    cache: Path,
    tell: Tell,
    step: str,
    level: int,
) -> StoredLayer:
    """Make a layer while sending it. One whose content the registry has is not even made: it is
    there, or is mounted from the repository of the image that it was made for, a variant perhaps.
    """
    key = fingerprint({"layer": [each.identity for each in layer.entries]})
    place = cache / "layers" / f"{key.hex}{'-portable' if level == PORTABLE else ''}.json"
    with alone(str(place)):
        remembered, source = _remembered(place)
        if remembered is not None and client.mount(repository, remembered.digest, source):
            return remembered
        stored = _made_layer(client, repository, layer, tell, step, level)
        data = {"diff_id": str(stored.diff_id), "digest": str(stored.digest), "size": stored.size}
        write_json(place, {**data, "repository": repository})
        return stored


def _made_layer(
    client: Registry, repository: str, layer: ComposedLayer, tell: Tell, step: str, level: int
) -> StoredLayer:
    total = sum(each.size for each in layer.entries)
    made: list[CompressedLayer] = []

    def pieces() -> Iterator[bytes]:
        compressed = CompressedLayer(tar_pieces(layer.entries), level)
        made.append(compressed)
        for piece in compressed:
            tell(Progress(step, min(compressed.tar_size, total), total))
            yield piece

    blob = client.upload(repository, pieces)
    return StoredLayer(made[-1].diff_id, blob.digest, blob.size)


def base_tree(client: Registry, base: Base, cache: Path) -> Tree:
    """The folders and links of a base, from its layers; read once for each set of layers."""
    if not base.layers:
        return Tree()
    key = fingerprint({"layers": [str(each.diff_id) for each in base.layers]})
    place = cache / "trees" / f"{key.hex}.json"
    known = read_json(place)
    if known is not None and {"folders", "links"} <= known.keys():
        return Tree.from_json(known)
    tree = Tree()
    for each in base.layers:
        tree = tree.with_layer(layer_paths(client.blob_pieces(base.repository, each.digest)))
    write_json(place, tree.as_json())
    return tree


def _remembered(place: Path) -> tuple[StoredLayer | None, str]:
    """A layer as it was put, and into which repository."""
    try:
        found = read_json(place) or {}
        diff_id, digest = Digest.parse(found["diff_id"]), Digest.parse(found["digest"])
        return StoredLayer(diff_id, digest, int(found["size"])), str(found["repository"])
    except (ValueError, KeyError, TypeError):
        return None, ""
