"""`image build`: make what is missing, oldest base first.

    base → layers and configuration → by digest into the registry → tests → tags

Nothing has a name in the registry before its tests have passed, and the tags come last, so a run
that ends anywhere leaves only unnamed blobs, which the next run uses.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from provisimus.errors import Conflict, ProvisimusError
from provisimus.events import Said, Skipped, Tell, Warned, step
from provisimus.images.dockerfile import NotUnderstood
from provisimus.images.documents import configuration, manifest
from provisimus.images.find import find_image, fingerprint_tag
from provisimus.images.labels import FINGERPRINT, image_labels, read_lineage
from provisimus.images.plan import ImagePlan, WantedImage
from provisimus.images.registry import Registry, open_registry
from provisimus.images.registry.client import OCI_MANIFEST
from provisimus.model import ContainerImage, Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisimus.environment import Environment
    from provisimus.images.assemble import Made
    from provisimus.images.documents import Base


JOBS = 4
"""How many images are built at the same time when nobody says."""


def build_image(plan: ImagePlan, environment: Environment, tell: Tell, run: str) -> ContainerImage:
    """Build what the plan needs and return the image that was asked for (the last, of several).

    `run` marks the containers of tests. Raises what the steps raise: Unreachable, ToolFailed,
    Unhealthy (a test failed; no tag has moved), ChecksumMismatch.
    """
    return build_images(plan, environment, tell, run)[plan.wanted[-1].name]


def build_images(
    plan: ImagePlan, environment: Environment, tell: Tell, run: str, jobs: int = JOBS
) -> dict[str, ContainerImage]:
    """Build what the plan needs, `jobs` at a time, and return every image that is then there.

    When one fails, those that do not stand on it are built all the same; then the failure is
    raised. Otherwise as `build_image`.
    """
    _check_secrets(plan)
    client = open_registry(plan.registry)
    found: dict[str, ContainerImage] = {}
    todo: dict[str, WantedImage] = {}
    for wanted in plan.wanted:
        if wanted.step().needed:
            todo[wanted.name] = wanted
            continue
        tell(Skipped(wanted.title, wanted.reason))
        if wanted.exists is not None:
            found[wanted.name] = wanted.exists
    if len(todo) == 1:
        # In the main thread, where an interruption arrives at once.
        name, wanted = next(iter(todo.items()))
        return {**found, name: _one(plan, client, wanted, environment, tell, run)}
    if not todo:
        return found
    from provisimus.images.parallel import carry_out

    tasks = {
        name: partial(_one_task, plan, client, wanted, environment, run)
        for name, wanted in todo.items()
    }
    needs = {
        name: todo.keys() & set(wanted.definition.rendered.images) for name, wanted in todo.items()
    }
    outcome = carry_out(tasks, needs, jobs, tell)
    for name, lost in outcome.not_tried.items():
        tell(Skipped(todo[name].title, f"not tried: {lost}, which it is built on, was not built"))
    if outcome.failed:
        raise _failure(outcome.failed, len(todo), len(outcome.not_tried))
    return {**found, **outcome.made}


def _check_secrets(plan: ImagePlan) -> None:
    """Before anything starts. Raises NotFound for a secret that a builder would need."""
    for wanted in plan.wanted:
        definition = wanted.definition
        built_already = wanted.prefix is not None and wanted.prefix.exists
        if wanted.needed and definition.secrets and not built_already:
            from provisimus.images.secrets import read_secrets

            read_secrets(definition.secrets, definition.folder / "manifest.yaml")


def _failure(failed: Mapping[str, Exception], all_of: int, not_tried: int) -> Exception:
    """The one fault itself; of several, all in one."""
    first = next(iter(failed.values()))
    if len(failed) == 1 or not all(isinstance(each, ProvisimusError) for each in failed.values()):
        return first
    lines = "".join(f"\n  {name}: {error}" for name, error in failed.items())
    rest = f", {not_tried} not tried" if not_tried else ""
    return ProvisimusError(
        f"{len(failed)} of {all_of} images failed{rest}:{lines}",
        hint="what was built is in the registry; the same command builds the others",
    )


def _one_task(
    plan: ImagePlan,
    client: Registry,
    wanted: WantedImage,
    environment: Environment,
    run: str,
    tell: Tell,
) -> ContainerImage:
    return _one(plan, client, wanted, environment, tell, run)


def _one(
    plan: ImagePlan,
    client: Registry,
    wanted: WantedImage,
    environment: Environment,
    tell: Tell,
    run: str,
) -> ContainerImage:
    with step(tell, wanted.title, wanted.reason) as outcome:
        image = wanted.exists
        if wanted.needed or image is None:
            image = _make(plan, client, wanted, environment, tell, run)
        else:
            _tag(client, wanted, image.digest, tell)
        outcome.result = image.reference
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
    name = wanted.title
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
    digest = _put(plan, client, wanted, made)
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


def documents_of(plan: ImagePlan, wanted: WantedImage, made: Made) -> tuple[bytes, bytes]:
    """Configuration and manifest of an image whose layers are made."""
    definition = wanted.definition
    lineage = read_lineage(definition.folder, plan.workspace.repositories, definition.artifact)
    own = image_labels(
        wanted.name,
        wanted.version,
        wanted.fingerprint,
        lineage,
        made.base,
        definition.artifact,
        definition.manifest.labels,
        definition.variant_of,
    )
    base, layers = made.base, made.layers
    config = configuration(base, made.settings, layers, made.history, own, lineage.created)
    return config, manifest(config, (*base.layers, *layers), own)


def _put(plan: ImagePlan, client: Registry, wanted: WantedImage, made: Made) -> Digest:
    """Put configuration and manifest by digest; nothing has a name yet."""
    config, body = documents_of(plan, wanted, made)
    repository = client.repository(wanted.name)
    client.put_blob(repository, config)
    return client.put_manifest(repository, str(Digest.of(body)), OCI_MANIFEST, body)


def _tag(client: Registry, wanted: WantedImage, digest: Digest, tell: Tell) -> None:
    """Name the image by its version and by its fingerprint, the latter last: it says "done"."""
    repository = client.repository(wanted.name)
    found = client.manifest(repository, str(digest))
    if found is None:
        raise ProvisimusError(f"registry {client.host} lost {wanted.name}@{digest}")
    before = client.manifest(repository, wanted.tag)
    if before is not None and before.digest != digest:
        was = (before.data.get("annotations") or {}).get(FINGERPRINT, "")
        if not was:
            raise Conflict(
                f"{wanted.name}:{wanted.tag} names something that Provisimus did not build "
                f"({before.digest.short}…); it stays as it is",
                where=client.reference(wanted.name, tag=wanted.tag),
                hint="take the tag away there, or build it under another version",
            )
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
