"""`image build`: make what is missing, oldest base first.

    base → layers and configuration → by digest into the registry → tests → tags

Nothing has a name in the registry before its tests have passed, and the tags come last, so a run
that ends anywhere leaves only unnamed blobs, which the next run uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provisimus.errors import ProvisimusError
from provisimus.events import Said, Skipped, Tell, Warned, step
from provisimus.images.dockerfile import NotUnderstood
from provisimus.images.documents import Base, StoredLayer, configuration, manifest
from provisimus.images.find import find_image, fingerprint_tag
from provisimus.images.labels import FINGERPRINT, image_labels, read_lineage
from provisimus.images.plan import ImagePlan, WantedImage
from provisimus.images.registry import Registry, open_registry
from provisimus.images.registry.client import OCI_MANIFEST
from provisimus.model import ContainerImage, Digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisimus.environment import Environment


def build_image(plan: ImagePlan, environment: Environment, tell: Tell, run: str) -> ContainerImage:
    """Build what the plan needs and return the image that was asked for.

    `run` marks the containers of tests. Raises what the steps raise: Unreachable, ToolFailed,
    Unhealthy (a test failed; no tag has moved), ChecksumMismatch.
    """
    client = open_registry(plan.registry)
    image: ContainerImage | None = None
    for wanted in plan.wanted:
        name = f"image {wanted.name}@{wanted.version}"
        image = wanted.exists
        if wanted.needed:
            with step(tell, name, wanted.reason) as outcome:
                image = _make(plan, client, wanted, environment, tell, run)
                outcome.result = image.reference
        elif image is not None and not wanted.tagged:
            with step(tell, name, wanted.reason) as outcome:
                _tag(client, wanted, image.digest, tell)
                outcome.result = image.reference
        else:
            tell(Skipped(name, wanted.reason))
    assert image is not None
    return image


def _make(
    plan: ImagePlan,
    client: Registry,
    wanted: WantedImage,
    environment: Environment,
    tell: Tell,
    run: str,
) -> ContainerImage:
    # A run that builds nothing is to be over before these are loaded.
    from provisimus.images.assemble import assemble
    from provisimus.images.bases import base_image, own_base
    from provisimus.images.container_tests import run_tests
    from provisimus.images.engine import build_with_engine
    from provisimus.images.prefix import build_split

    definition = wanted.definition
    name = f"image {wanted.name}@{wanted.version}"
    own = own_base(plan, client, wanted, tell)
    made = None

    def resolve(reference: str) -> Base:
        return base_image(plan, client, definition, reference, own)

    try:
        if definition.assembly is not None:
            made = assemble(plan, client, definition, definition.assembly, resolve, tell, name)
        elif definition.split is not None:
            made = build_split(plan, client, wanted, own, environment, tell, name)
        else:
            tell(Said(name, f"built by the engine: {definition.why_engine}"))
    except NotUnderstood as error:
        tell(Said(name, f"built by the engine: {error.reason} (line {error.line})"))
    if made is None:
        made = build_with_engine(plan, client, definition, own, environment, tell, name)
    digest = _put(plan, client, wanted, made.base, made.settings, made.layers, made.history)
    reference = client.reference(wanted.name, digest)
    run_tests(definition.manifest.tests, reference, environment, tell, run, name)
    _tag(client, wanted, digest, tell)
    found = find_image(client, wanted.name, wanted.fingerprint)
    if found is None or found.digest != digest:
        raise ProvisimusError(
            f"{reference} was built, but its tag {fingerprint_tag(wanted.fingerprint)} names "
            "something else",
            hint="does another build of it run? run the command again",
        )
    return found


def _put(
    plan: ImagePlan,
    client: Registry,
    wanted: WantedImage,
    base: Base,
    settings: Mapping[str, Any],
    layers: Sequence[StoredLayer],
    history: Sequence[tuple[str, bool]],
) -> Digest:
    """Put configuration and manifest by digest; nothing has a name yet."""
    definition = wanted.definition
    lineage = read_lineage(definition.folder, plan.workspace.repositories, definition.artifact)
    own = image_labels(
        wanted.name,
        wanted.version,
        wanted.fingerprint,
        lineage,
        base,
        definition.artifact,
        definition.manifest.labels,
    )
    config = configuration(base, settings, layers, history, own, lineage.created)
    body = manifest(config, (*base.layers, *layers), own)
    repository = client.repository(wanted.name)
    client.put_blob(repository, config)
    digest = Digest.of(body)
    return client.put_manifest(repository, str(digest), OCI_MANIFEST, body)


def _tag(client: Registry, wanted: WantedImage, digest: Digest, tell: Tell) -> None:
    """Name the image by its version and by its fingerprint, the latter last: it says "done"."""
    repository = client.repository(wanted.name)
    found = client.manifest(repository, str(digest))
    if found is None:
        raise ProvisimusError(f"registry {client.host} lost {wanted.name}@{digest}")
    before = client.manifest(repository, wanted.tag)
    if before is not None and before.digest != digest:
        was = before.data.get("annotations", {}).get(FINGERPRINT, "")
        if was != str(wanted.fingerprint):
            tell(
                Warned(
                    f"{wanted.name}:{wanted.tag} named other content ({before.digest.short}…) and "
                    f"now names {digest.short}…: what it is made from changed"
                )
            )
    client.put_manifest(repository, wanted.tag, found.media_type, found.body)
    fingerprint = fingerprint_tag(wanted.fingerprint)
    client.put_manifest(repository, fingerprint, found.media_type, found.body)
