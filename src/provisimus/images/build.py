"""`image build`: make what is missing, oldest base first.

    base → layers and configuration → by digest into the registry → tests → tags

Nothing has a name in the registry before its tests have passed, and the tags come last, so a run
that ends anywhere leaves only unnamed blobs, which the next run uses.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from provisimus.errors import Conflict, ProvisimusError
from provisimus.events import Said, Skipped, Tell, Warned, step
from provisimus.images.find import described, fingerprint_tag
from provisimus.images.labels import FINGERPRINT, Lineage, image_labels
from provisimus.images.plan import ImagePlan, WantedImage
from provisimus.images.registry import Registry, open_registry
from provisimus.images.registry.client import OCI_MANIFEST, Manifest
from provisimus.images.seen import remember
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
    from provisimus.parallel import GRACE, Gate, side_by_side

    needs = {
        name: todo.keys() & set(wanted.definition.rendered.images) for name, wanted in todo.items()
    }

    def not_tried(name: str, causes: tuple[str, ...]) -> None:
        lost = ", ".join(causes)
        tell(Skipped(todo[name].title, f"not tried: {lost}, which it is built on, was not built"))

    gate = Gate(tell)
    outcome = side_by_side(
        needs,
        lambda name: _one(plan, client, todo[name], environment, gate, run),
        not_tried,
        at_once=jobs,
        interrupt=gate.stop,
        grace=GRACE,
    )
    failed = {name: each for name, each in outcome.items() if isinstance(each, Exception)}
    if failed:
        raise _failure(failed, len(todo), len(todo) - len(outcome))
    made = {name: each for name, each in outcome.items() if not isinstance(each, Exception)}
    return {**found, **made}


def _check_secrets(plan: ImagePlan) -> None:
    """Before anything starts. Raises NotFound for a secret that a builder would need."""
    for wanted in plan.wanted:
        definition = wanted.definition
        built_already = wanted.has_prefix
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
            repository = client.repository(wanted.name)
            found = client.manifest(repository, str(image.digest))
            if found is None:
                raise ProvisimusError(f"registry {client.host} lost {image.reference}")
            _tag(client, wanted, found, tell)
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
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as aside:
        # Git takes its time over a long history; the layers go out meanwhile.
        lineage = aside.submit(lineage_of, plan, wanted)
        made = _make_layers(plan, client, wanted, environment, tell)
    config, body = documents_of(wanted, made, lineage.result())
    repository = client.repository(wanted.name)
    client.put_blob(repository, config)
    put = Manifest(Digest.of(body), OCI_MANIFEST, body)
    image = described(wanted.name, client.reference(wanted.name), put.digest, json.loads(config))
    if wanted.definition.manifest.tests:
        from provisimus.images.container_tests import run_tests

        # By its digest; it has no name yet.
        client.put_manifest(repository, str(put.digest), put.media_type, put.body)
        tests = wanted.definition.manifest.tests
        run_tests(tests, image.reference, environment, tell, run, wanted.title)
    _tag(client, wanted, put, tell)
    tag = fingerprint_tag(wanted.fingerprint)
    if client.digest_of(repository, tag) != put.digest:
        raise ProvisimusError(
            f"{image.reference} was built, but its tag {tag} names something else",
            hint="does another build of it run? run the command again",
        )
    remember(plan.workspace.state / "cache", image)
    return image


def _make_layers(
    plan: ImagePlan, client: Registry, wanted: WantedImage, environment: Environment, tell: Tell
) -> Made:
    # A run that builds nothing is to be over before these are loaded; so is one that assembles
    # before what speaks to builders and engines is.
    from provisimus.images.assemble import assemble
    from provisimus.images.bases import base_image, own_base
    from provisimus.images.dockerfile import NotUnderstood

    definition = wanted.definition
    name = wanted.title
    own = own_base(plan, client, wanted, tell)

    @cache
    def resolve(reference: str) -> Base:
        return base_image(plan, client, definition, reference, own)

    try:
        if definition.assembly is not None:
            return assemble(plan, client, definition, definition.assembly, resolve, tell, name)
        if definition.split is not None:
            from provisimus.images.prefix import build_split

            return build_split(plan, client, wanted, own, environment, tell, name)
        why = definition.why_engine
    except NotUnderstood as error:
        why = f"{error.reason} (line {error.line})"
    from provisimus.images.engine import build_with_engine

    tell(Said(name, f"built by the engine: {why}"))
    return build_with_engine(plan, client, definition, own, environment, tell, name)


def lineage_of(plan: ImagePlan, wanted: WantedImage) -> Lineage:
    """The commits behind an image; asks Git."""
    from provisimus.images.lineage import read_lineage

    definition = wanted.definition
    return read_lineage(definition.folder, plan.workspace.repositories, definition.artifact)


def documents_of(wanted: WantedImage, made: Made, lineage: Lineage) -> tuple[bytes, bytes]:
    """Configuration and manifest of an image whose layers are made."""
    from provisimus.images.documents import configuration, manifest

    definition = wanted.definition
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


def _tag(client: Registry, wanted: WantedImage, found: Manifest, tell: Tell) -> None:
    """Name the image by its version and by its fingerprint, the latter last: it says "done"."""
    repository = client.repository(wanted.name)
    before = client.manifest(repository, wanted.tag)
    if before is not None and before.digest != found.digest:
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
                    f"now names {found.digest.short}…: what it is made from changed"
                )
            )
    client.put_manifest(repository, wanted.tag, found.media_type, found.body)
    fingerprint = fingerprint_tag(wanted.fingerprint)
    client.put_manifest(repository, fingerprint, found.media_type, found.body)
