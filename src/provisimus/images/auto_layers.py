"""`layers: auto` carried out: the layers that bring an artifact, each as several where that helps.

What stays whole is told, with the reason.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provisimus.events import Progress, Tell, Warned
from provisimus.images.assembly import ComposedLayer, Composition
from provisimus.images.jar_layers import LOADER, NotSplit, open_jar, split_layer
from provisimus.images.tree_layers import Archive, split_tree

if TYPE_CHECKING:
    from provisimus.images.definition import Definition

MOST = 100
"""Layers of one image: Docker's overlay takes 128, and a child adds its own."""


def taken_apart(
    composition: Composition,
    below: int,
    definition: Definition,
    held: ExitStack,
    tell: Tell,
    step: str,
) -> Composition:
    """The same image in more layers. `below` is how many the base has; what is read while the
    layers are made stays open in `held`.
    """
    unpacked = _Unpacked.of(definition)
    artifact = definition.artifact
    layers: list[ComposedLayer] = []
    history: list[tuple[str, bool]] = []
    made = iter(composition.layers)
    room = MOST - below - len(composition.layers)
    brought = False
    for text, has_layer in composition.history:
        if not has_layer:
            history.append((text, False))
            continue
        layer = next(made)
        parts = [layer]
        digests = {each.digest for each in layer.entries if each.kind == "file"}
        is_jar = artifact is not None and artifact.sha256.hex in digests
        if is_jar or digests & unpacked.digests:
            brought = True
            try:
                if is_jar:
                    parts = _of_jar(layer, definition, held, tell, step)
                else:
                    parts = split_tree(layer, unpacked.archives)
                if len(parts) - 1 > room:
                    parts, count = [layer], MOST - room + len(parts) - 1
                    raise NotSplit(f"the image would have {count} layers, and {MOST} are enough")
            except NotSplit as error:
                tell(Warned(f"{step}: layers: auto leaves the artifact whole: {error}"))
        room -= len(parts) - 1
        layers += parts
        history += [(each.created_by, True) for each in parts]
    if not brought:
        tell(Warned(f"{step}: layers: auto finds no COPY of the artifact after the last RUN"))
    return replace(composition, layers=tuple(layers), history=tuple(history))


@dataclass(frozen=True)
class _Unpacked:
    """The archives that the image takes apart, and the SHA-256 of all files in them."""

    archives: tuple[Archive, ...]
    digests: frozenset[str]

    @classmethod
    def of(cls, definition: Definition) -> _Unpacked:
        manifest, values = definition.manifest, definition.values
        pairs = [(manifest.source, values.artifact)]
        pairs += [(manifest.artifacts[name], given) for name, given in values.artifacts.items()]
        folders = {}
        for source, given in pairs:
            if source is not None and given is not None and given.folder:
                folders[given.folder] = Archive(given.version, (source.maven or "").split(":")[0])
        digests = (
            each.digest
            for each in definition.context
            # An empty file may be anybody's.
            if each.size and each.path.partition("/")[0] in folders
        )
        return cls(tuple(folders.values()), frozenset(digests))


def _of_jar(
    layer: ComposedLayer, definition: Definition, held: ExitStack, tell: Tell, step: str
) -> list[ComposedLayer]:
    artifact = definition.artifact
    assert artifact is not None
    if LOADER in definition.rendered.text:
        raise NotSplit("its loader is started by name; start it with java -jar")
    size = artifact.size
    apart = False

    def told(done: int) -> None:
        # Read again for the layers, it is their progress.
        if not apart:
            tell(Progress(step, min(done, size), size))

    jar = held.enter_context(definition.repositories.open(artifact))
    opened = held.enter_context(open_jar(jar, told))
    # A vendor's file, which has an address only, has no group.
    group = getattr(artifact.coordinates, "group", "")
    parts = split_layer(layer, artifact.sha256.hex, opened, group)
    apart = True
    return parts
