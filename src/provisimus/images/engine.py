"""The engine lane: what needs a real builder is built by Docker, then exported and put into the
registry by us, so that both lanes publish in the same way and no temporary tag is left behind.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.errors import NotFound, ProvisimusError, ToolFailed
from provisimus.events import Progress, Said, Tell
from provisimus.files import writing
from provisimus.images.assemble import Made
from provisimus.images.builders import find_builder, needs_of
from provisimus.images.builders.interface import CONTEXT, DOCKERFILE
from provisimus.images.context import ContextEntry
from provisimus.images.dockerfile import OFFICIAL, NotUnderstood
from provisimus.images.documents import Base, StoredLayer, own_labels_removed
from provisimus.images.find import one_platform, read_base
from provisimus.images.layers import CompressedLayer
from provisimus.images.registry import Registry
from provisimus.images.secrets import (
    BuildSecret,
    blanked,
    read_secrets,
    refuse_secrets,
    without_secrets,
)
from provisimus.images.tree import open_layer

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.images.definition import Definition
    from provisimus.images.plan import ImagePlan
    from provisimus.images.split import Split


def build_with_engine(
    plan: ImagePlan,
    client: Registry,
    definition: Definition,
    own_base: Base | None,
    environment: Environment,
    tell: Tell,
    step: str,
) -> Made:
    """Build with the engine and bring its layers into the registry.

    Raises Unreachable (no engine answers), ToolMissing, ToolFailed with the builder's last lines.
    """
    text, known = _referenced(plan, client, definition, definition.rendered.images, own_base)
    secrets = read_secrets(definition.secrets, definition.folder / "manifest.yaml")
    context, repository = definition.context, client.repository(definition.name)
    with _own_images_named(text, definition.folder.parent):
        return _built(client, repository, text, context, secrets, known, environment, tell, step)


def build_prefix(
    plan: ImagePlan,
    client: Registry,
    definition: Definition,
    split: Split,
    own_base: Base | None,
    environment: Environment,
    tell: Tell,
    step: str,
) -> Made:
    """Likewise, only as much as needs a builder, with no more of the context than that copies.

    Its layers go to where variants share them.
    """
    text, known = _referenced(plan, client, definition, split.images, own_base)
    if text.count("\n") != definition.rendered.text.count("\n"):
        raise NotUnderstood("a template whose lines depend on where its bases are", split.last)
    prefix = "\n".join(text.split("\n")[: split.last]) + "\n"
    context = split.context(definition.context)
    secrets = read_secrets(definition.secrets, definition.folder / "manifest.yaml")
    repository = client.repository(definition.home)
    with _own_images_named(prefix, definition.folder.parent):
        return _built(client, repository, prefix, context, secrets, known, environment, tell, step)


def _referenced(
    plan: ImagePlan,
    client: Registry,
    definition: Definition,
    names: Sequence[str],
    own_base: Base | None,
) -> tuple[str, list[Base]]:
    """The Dockerfile with every base by its own reference, and those bases."""
    bases = {name: _base(plan, client, name) for name in names}
    own = f"{own_base.reference}@{own_base.digest}" if own_base else None
    text = definition.rendered_with(
        lambda name: f"{bases[name].reference}@{bases[name].digest}" if name in bases else name, own
    )
    return text, [*bases.values(), *([own_base] if own_base else [])]


def _built(
    client: Registry,
    repository: str,
    text: str,
    context: Sequence[ContextEntry],
    secrets: Sequence[BuildSecret],
    known: Sequence[Base],
    environment: Environment,
    tell: Tell,
    step: str,
) -> Made:
    def say(line: str) -> None:
        tell(Said(step, blanked(line, secrets)))

    builder = find_builder(environment, needs_of(text), client.host, say=say)
    say(f"built by {builder.name}")
    with tempfile.TemporaryDirectory(prefix="provisimus-image-") as scratch:
        folder = Path(scratch)
        with writing(folder):
            prepare(text, context, folder)
        try:
            builder.build(folder, folder / "image.tar", say, secrets)
        except ToolFailed as error:
            raise without_secrets(error, secrets) from None
        return _stored(client, repository, folder, secrets, known, tell, step)


@contextmanager
def _own_images_named(text: str, docker: Path) -> Iterator[None]:
    """Says what to write where a FROM names an image of the workspace as if it were public."""
    try:
        yield
    except ToolFailed as error:
        for name in re.findall(r"(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*([a-z0-9._-]+)(?=\s)", text):
            if (docker / name / "manifest.yaml").is_file():
                error.hint = (
                    f'the image {name} of this workspace is called {{{{ image("{name}") }}}}'
                )
        raise


def prepare(text: str, context: Sequence[ContextEntry], folder: Path) -> None:
    """Lay a Dockerfile and its context into the folder that a builder gets.

    Where nothing newer is needed, the line that makes BuildKit fetch the official syntax from a
    public registry is left out: it has that syntax built in.
    """
    if not needs_of(text):
        text = re.sub(rf"\A((?:#.*\n)*?)#\s*syntax\s*=\s*{OFFICIAL}\s*\n", r"\1", text)
    write_context(context, folder / CONTEXT)
    (folder / DOCKERFILE).write_text(text, encoding="utf-8")


def write_context(context: Sequence[ContextEntry], folder: Path) -> None:
    """The context as files, for a builder that wants a folder."""
    folder.mkdir(parents=True)
    for each in context:
        place = folder / each.path
        if each.kind == "folder":
            place.mkdir(parents=True, exist_ok=True)
        elif each.kind == "link":
            place.symlink_to(each.target)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                for piece in each.pieces() if each.pieces else ():
                    file.write(piece)
            place.chmod(each.mode)


def _base(plan: ImagePlan, client: Registry, name: str) -> Base:
    wanted = next(each for each in plan.wanted if each.name == name)
    repository = client.repository(name)
    found = client.manifest(repository, wanted.selector)
    if found is None:
        raise NotFound(f"the base {name} is not in the registry")
    return read_base(client, repository, one_platform(client, repository, found))


def _stored(
    client: Registry,
    repository: str,
    folder: Path,
    secrets: Sequence[BuildSecret],
    bases: Sequence[Base],
    tell: Tell,
    step: str,
) -> Made:
    """Put the layers of an exported image into the registry; those of known bases are mounted.

    Raises Refused, before anything is put, where one holds a secret.
    """
    saved = folder / "saved"
    with tarfile.open(folder / "image.tar") as archive:
        # Before 3.11.4 Python has no filters, and ignores this one; the archive is our builder's.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(saved)  # noqa: S202 filtered
    (folder / "image.tar").unlink()
    listed = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))[0]
    config: dict[str, Any] = json.loads((saved / listed["Config"]).read_text(encoding="utf-8"))
    known = {each.diff_id: (base, each) for base in bases for each in base.layers}
    pairs = list(zip(config["rootfs"]["diff_ids"], listed["Layers"], strict=True))
    for diff_id, name in pairs if secrets else ():
        if diff_id not in map(str, known):
            with open_layer(_plain(saved / name)) as archive:
                refuse_secrets(archive, secrets)
    layers = []
    for diff_id, name in pairs:
        found = next((pair for key, pair in known.items() if str(key) == diff_id), None)
        if found and client.mount(repository, found[1].digest, found[0].repository):
            layers.append(found[1])
        else:
            layers.append(_upload(client, repository, saved / name, diff_id, tell, step))
    shutil.rmtree(saved)
    settings = dict(config.get("config") or {})
    labels = own_labels_removed(settings.pop("Labels", None) or {})
    first = bases[0] if len(bases) == 1 else None
    base = Base(
        reference=first.reference if first else "",
        digest=first.digest if first else None,
        config=config,
    )
    # What the engine invents for the container in which it builds says nothing of the image.
    for key in ("Hostname", "Image", "Domainname", "ArgsEscaped"):
        settings.pop(key, None)
    kept = {key: value for key, value in settings.items() if value not in (None, "", False)}
    return Made(base, {**kept, "Labels": labels}, tuple(layers), ())


def _upload(
    client: Registry, repository: str, path: Path, diff_id: str, tell: Tell, step: str
) -> StoredLayer:
    made: list[CompressedLayer] = []
    total = path.stat().st_size

    def pieces() -> Iterator[bytes]:
        compressed = CompressedLayer(_plain(path))
        made.append(compressed)
        for piece in compressed:
            tell(Progress(step, compressed.tar_size, total))
            yield piece

    blob = client.upload(repository, pieces)
    if str(made[-1].diff_id) != diff_id:
        raise ProvisimusError(
            f"the engine exported a layer that is not {diff_id}", hint="run the command again"
        )
    return StoredLayer(made[-1].diff_id, blob.digest, blob.size)


def _plain(path: Path) -> Iterator[bytes]:
    """A layer's TAR; engines with containerd's store export it compressed."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            yield piece
