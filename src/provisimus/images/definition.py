"""What an image shall be, worked out from its definition: rendered, its lane known, fingerprinted.

Reads the image's folder and resolves its artifact; asks no registry, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.caching import read_json, write_json
from provisimus.errors import NotFound, UsageFault
from provisimus.images.context import ContextEntry, read_context
from provisimus.images.debian import base_fingerprint
from provisimus.images.documents import architecture
from provisimus.images.lock import DockerLock
from provisimus.images.render import (
    DEFAULT,
    Rendered,
    Values,
    read_macros,
    read_text,
    render,
    seen_by,
)
from provisimus.images.sources import read_sources
from provisimus.model import Artifact, Digest, fingerprint
from provisimus.workspace.definitions.common import as_data
from provisimus.workspace.definitions.image import TEMPLATE, ImageManifest, Source

if TYPE_CHECKING:
    from provisimus.artifacts import Repositories
    from provisimus.images.assembly import Assembly
    from provisimus.images.secrets import BuildSecret
    from provisimus.images.split import Split
    from provisimus.workspace import Workspace

RECIPE = 3
"""Raise it when the same definition would give another image: everything is then built anew."""

AUTO_LAYERS = 2
"""Raise it when `layers: auto` would take an artifact apart otherwise."""

BASE = "provisimus.base"
"""How a rendered Dockerfile names the image's own base, made from its manifest's source."""


@dataclass(frozen=True)
class Definition:
    """One image of the workspace at one version, before anything is asked of a registry."""

    name: str
    version: str
    folder: Path
    manifest: ImageManifest
    template: str
    values: Values
    rendered: Rendered
    artifact: Artifact | None
    context: tuple[ContextEntry, ...]
    repositories: Repositories
    root: Path
    """The workspace's."""

    @property
    def home(self) -> str:
        """The image in whose repository stands what all variants of one folder are made from."""
        return self.folder.name

    @property
    def variant_of(self) -> str | None:
        return self.home if self.name != self.home else None

    @property
    def assembly(self) -> Assembly | None:
        """None where a builder is needed."""
        return self._way[0]

    @property
    def split(self) -> Split | None:
        """Where a builder is needed for a part; None for the engine lane, which builds it all."""
        return self._way[1]

    @property
    def why_engine(self) -> str:
        return self._way[2]

    @cached_property
    def secrets(self) -> tuple[BuildSecret, ...]:
        """What its RUNs may see; without values. Raises InvalidDefinitions."""
        if self.assembly is not None:
            return ()
        from provisimus.images.secrets import declared_secrets

        return declared_secrets(self.manifest, self.rendered.text, self.folder, self.root)

    @cached_property
    def _way(self) -> tuple[Assembly | None, Split | None, str]:
        # Of an image that exists nobody asks how it would be built.
        return _way(self.rendered.text, self.values.base, self.context)

    @property
    def lane(self) -> str:
        return "assemble" if self.assembly else "split" if self.split else "engine"

    @property
    def dockerfile(self) -> Path:
        return template_of(self.folder, self.manifest)

    def rendered_with(self, reference: Callable[[str], str], base: str | None) -> str:
        """The Dockerfile as a real builder can use it: every base by its own reference."""
        values = replace(self.values, base=base)
        macros = read_macros(self.folder.parent, self.template)
        return render(self.template, self.dockerfile, values, reference, macros).text


def read_definition(
    workspace: Workspace, name: str, version: str | None, repositories: Repositories
) -> Definition:
    """Raises NotFound, InvalidDefinitions, UsageFault (no version), ChecksumMismatch."""
    manifest = workspace.image(name)
    folder = workspace.image_place(name).folder
    decided = _version(workspace, name, version, manifest)
    used = read_sources(manifest, decided, repositories)
    values = Values(
        version=decided,
        vars=manifest.vars,
        artifact=used.main.values if used.main else None,
        artifacts={name: each.values for name, each in used.named.items()},
        base=BASE
        if manifest.source and (manifest.source.debian or manifest.source.image)
        else None,
        labels=manifest.labels,
    )
    template = _template(folder, manifest, values)
    rendered = _rendered(workspace, template, template_of(folder, manifest), values)
    context = used.with_context(read_context(folder), folder)
    return Definition(
        name,
        decided,
        folder,
        manifest,
        template,
        values,
        rendered,
        used.main.artifact if used.main else None,
        context,
        repositories,
        workspace.root,
    )


def debian_base(definition: Definition, lock: DockerLock) -> Digest | None:
    """The fingerprint of the base made from Debian packages; None where the source is another."""
    source = definition.manifest.source
    if source is None or source.debian is None:
        return None
    locked = lock.bases.get(definition.home)
    return base_fingerprint(source.debian, architecture(), locked.update if locked else 0)


def image_fingerprint(
    definition: Definition, bases: Mapping[str, Digest], debian: Digest | None
) -> Digest:
    """Of everything the image is made from; of no commit, time or place.

    `bases` are the fingerprints of the images of the workspace that it is built on.
    """
    artifact = definition.artifact
    source = definition.manifest.source
    return fingerprint(
        {
            "recipe": RECIPE,
            "architecture": architecture(),
            "name": definition.name,
            "version": definition.version,
            "dockerfile": definition.rendered.text,
            "labels": definition.manifest.labels,
            "source": _made_from(source) if source else None,
            "context": [each.identity for each in definition.context],
            "artifact": [str(artifact.coordinates), artifact.sha256.hex] if artifact else None,
            "bases": {name: each.hex for name, each in sorted(bases.items())},
            "debian": debian.hex if debian else None,
            **({"variant_of": definition.variant_of} if definition.variant_of else {}),
            **({"layers": AUTO_LAYERS} if definition.manifest.layers == "auto" else {}),
        }
    )


def _made_from(source: Source) -> dict[str, object]:
    """What a source says of the image; which newer versions one wants to hear of is no part."""
    said = as_data(source)
    return {key: each for key, each in said.items() if each is not None and key != "follow"}


def prefix_fingerprint(
    definition: Definition, bases: Mapping[str, Digest], debian: Digest | None
) -> Digest | None:
    """Of what the builder's part is made from; None where there is no such part."""
    if definition.split is None:
        return None
    source = definition.manifest.source
    own = debian.hex if debian else source.image if source else None
    return definition.split.fingerprint(definition.context, bases, own, architecture())


def _version(workspace: Workspace, name: str, asked: str | None, manifest: ImageManifest) -> str:
    own = manifest.version
    if asked and own and asked != own:
        raise UsageFault(
            f"{name} has its own version, {own}, in its manifest; {asked} was asked for",
            where=str(workspace.image_place(name).manifest),
            hint=f"change `version:` there, or ask for {name}",
        )
    decided = asked or own or workspace.declared_version(name)
    if decided is None:
        raise UsageFault(
            f"which version of {name}?",
            hint=f"say {name}@VERSION, or write `version:` into its manifest if it is a base or a "
            "side cart",
        )
    return decided


def template_of(folder: Path, manifest: ImageManifest) -> Path:
    return folder / (manifest.dockerfile or TEMPLATE)


def _template(folder: Path, manifest: ImageManifest, values: Values) -> str:
    path = template_of(folder, manifest)
    if path.is_file():
        return read_text(path)
    if values.base is not None and manifest.dockerfile is None:
        return DEFAULT
    raise NotFound(
        f"image {folder.name} has no template {path.name}",
        where=str(path),
        hint="write it; it may use image(…), artifact, vars and version",
    )


def _rendered(workspace: Workspace, template: str, where: Path, values: Values) -> Rendered:
    """Rendered text is remembered by all that goes into it: Jinja2 takes long to load."""
    macros = read_macros(workspace.docker, template)
    named = {path.name: text for path, text in macros.items()}
    seen = asdict(seen_by(values, (template, *named.values())))
    inputs = {"recipe": RECIPE, "template": template, "values": seen, "macros": named}
    key = fingerprint(inputs)
    place = workspace.state / "cache" / "rendered" / f"{key.hex}.json"
    known = read_json(place)
    if known is not None and isinstance(known.get("text"), str):
        return Rendered(known["text"], tuple(known["images"]))
    found = render(template, where, values, macros=macros)
    write_json(place, {"text": found.text, "images": found.images})
    return found


def _way(
    text: str, base: str | None, context: tuple[ContextEntry, ...]
) -> tuple[Assembly | None, Split | None, str]:
    from provisimus.images.assembly import read_assembly
    from provisimus.images.dockerfile import NotUnderstood

    try:
        return read_assembly(text, base), None, ""
    except NotUnderstood as error:
        why = f"{error.reason} (line {error.line} of the rendered Dockerfile)"
    from provisimus.images.split import read_split

    try:
        return None, read_split(text, base, context), why
    except NotUnderstood as error:
        return None, None, f"{why}; not split: {error.reason} (line {error.line})"
