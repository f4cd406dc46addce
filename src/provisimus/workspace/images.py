"""Which images the docker repository defines: each folder is one, and each of its variants is one.

A variant is called FOLDER-VARIANT everywhere. A folder of that very name goes before it, which is
a problem that reading the manifest tells.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.errors import InvalidDefinitions, Problem, Undeclared
from provisimus.workspace import marks, problems
from provisimus.workspace.one_for_all import for_one_environment, keyed_by_environment

if TYPE_CHECKING:
    from provisimus.workspace.definitions.image import ImageManifest
    from provisimus.workspace.known import Known

FILE = "manifest.yaml"


@dataclass(frozen=True)
class ImagePlace:
    """The folder in which an image is defined, and which variant of it it is, if any."""

    folder: Path
    variant: str | None = None

    @property
    def name(self) -> str:
        return self.folder.name if self.variant is None else f"{self.folder.name}-{self.variant}"

    @property
    def manifest(self) -> Path:
        return self.folder / FILE


def image_folders(docker: Path) -> list[Path]:
    return sorted(path.parent for path in docker.glob(f"*/{FILE}"))


def image_places(docker: Path, known: Known) -> list[ImagePlace]:
    """Every image by its name, once. A manifest that cannot be read has no variants here."""
    found: dict[str, ImagePlace] = {}
    for folder in image_folders(docker):
        for each in (None, *_variants(folder, known)):
            place = ImagePlace(folder, each)
            found.setdefault(place.name, find_image_place(docker, place.name, known) or place)
    return [found[name] for name in sorted(found)]


def find_image_place(docker: Path, name: str, known: Known) -> ImagePlace | None:
    """Where an image is defined; reads no more manifests than its name could be made of."""
    if (docker / name / FILE).is_file():
        return ImagePlace(docker / name)
    for at in reversed([at for at, char in enumerate(name) if char == "-"]):
        folder, variant = docker / name[:at], name[at + 1 :]
        if name[:at] and variant in _variants(folder, known):
            return ImagePlace(folder, variant)
    return None


def read_image(
    docker: Path,
    name: str,
    environments: Collection[str],
    there: Callable[[], list[str]],
    known: Known,
) -> ImageManifest:
    """The manifest of an image; of a variant as it is with what the variant says.

    Raises Undeclared for a name that is not there, InvalidDefinitions for a faulty manifest.
    """
    from provisimus.workspace.definitions.image import ImageManifest

    place = find_image_place(docker, name, known)
    if place is None:
        hint = problems.did_you_mean(name, there())
        where = str(docker / name / FILE)
        raise Undeclared(f"there is no image {name!r}", where=where, hint=hint)

    def problems_with_others(document: marks.Document) -> list[Problem]:
        taken = _names_taken(docker, place, _variants_in(document.data), known)
        return [*keyed_by_environment(document, environments), *_told(taken, document)]

    def anew() -> ImageManifest:
        document = marks.read(place.manifest)
        try:
            return problems.validate(ImageManifest, document)
        except InvalidDefinitions as error:
            found = problems_with_others(document)
            told = [each.key for each in found]
            rest = [each for each in error.problems if not _is_below(each.key, told)]
            raise InvalidDefinitions(
                sorted([*found, *rest], key=lambda one: one.line or 0)
            ) from None

    manifest = known.read(ImageManifest, place.manifest, anew)
    # Other files decide of these too, so they are looked for each time.
    if for_one_environment(_keyed(manifest), environments) or any(
        _names_taken(docker, place, sorted(manifest.variants), known)
    ):
        raise InvalidDefinitions(problems_with_others(marks.read(place.manifest)))
    return manifest if place.variant is None else manifest.as_variant(place.variant)


def _keyed(manifest: ImageManifest) -> dict[str, object]:
    """What of a valid manifest may have environments for keys, as its file has it."""
    variants = {name: {"vars": each.vars} for name, each in manifest.variants.items()}
    return {"vars": manifest.vars, "variants": variants}


def _variants(folder: Path, known: Known) -> list[str]:
    from provisimus.workspace.definitions.image import ImageManifest

    try:
        text = (folder / FILE).read_text(encoding="utf-8")
        # Most manifests have none, and need not be parsed to see that.
        if "variants" not in text:
            return []
        manifest = known.recall(ImageManifest, folder / FILE)
        if manifest is not None:
            return sorted(manifest.variants)
        return _variants_in(marks.read(folder / FILE).data)
    except (OSError, UnicodeDecodeError, InvalidDefinitions):
        return []


def _variants_in(data: object) -> list[str]:
    found = data.get("variants") if isinstance(data, dict) else None
    return sorted(map(str, found)) if isinstance(found, dict) else []


def _names_taken(
    docker: Path, place: ImagePlace, variants: Collection[str], known: Known
) -> Iterator[tuple[str, str]]:
    """The variants whose name another image has, and what to say of it."""
    for variant in variants:
        own = ImagePlace(place.folder, variant)
        other = find_image_place(docker, own.name, known)
        if other is not None and other != own:
            yield variant, f"{own.name} is also what {other.manifest} defines"


def _told(taken: Iterable[tuple[str, str]], document: marks.Document) -> Iterator[Problem]:
    for variant, message in taken:
        line = document.line(("variants", variant))
        key = f"variants/{variant}"
        yield Problem(str(document.path), line, key, message, "rename one of them")


def _is_below(key: str, others: Collection[str]) -> bool:
    return any(key == each or key.startswith(each + "/") for each in others)
