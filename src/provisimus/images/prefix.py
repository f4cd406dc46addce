"""The split lane carried out: the prefix from the registry, or built once and put there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provisimus.errors import NotFound
from provisimus.events import Tell, step
from provisimus.images.alone import alone
from provisimus.images.assemble import Made, Store, assemble
from provisimus.images.bases import base_image
from provisimus.images.documents import Base, configuration, manifest
from provisimus.images.engine import build_prefix
from provisimus.images.find import read_base
from provisimus.images.labels import PREFIX_OF
from provisimus.images.registry import Registry
from provisimus.images.registry.client import OCI_MANIFEST
from provisimus.images.render import named_image
from provisimus.images.split import PREFIX

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.images.definition import Definition
    from provisimus.images.plan import ImagePlan, WantedImage


def build_split(
    plan: ImagePlan,
    client: Registry,
    wanted: WantedImage,
    own: Base | None,
    environment: Environment,
    tell: Tell,
    name: str,
) -> Made:
    """Assemble the rest onto the prefix. Raises NotUnderstood, and what builders raise."""
    definition = wanted.definition
    split = definition.split
    assert split is not None
    assert wanted.prefix is not None
    with alone(f"{client.host}/{client.repository(definition.home)} {wanted.prefix.tag}"):
        prefix = find_prefix(client, wanted)
        if prefix is None:
            why = f"needs a builder: {definition.why_engine}"
            with step(tell, f"{name}: prefix", why) as outcome:
                made = build_prefix(plan, client, definition, split, own, environment, tell, name)
                _put(client, wanted, made)
                outcome.result = wanted.prefix.tag
            prefix = find_prefix(client, wanted)
    if prefix is None:
        raise NotFound(f"registry {client.host} lost the prefix of {wanted.name}")
    return assemble_rest(plan, client, wanted, own, prefix, tell, name)


def assemble_rest(
    plan: ImagePlan,
    client: Registry,
    wanted: WantedImage,
    own: Base | None,
    prefix: Base,
    tell: Tell,
    name: str,
    store: Store | None = None,
) -> Made:
    """What follows the prefix. Raises NotUnderstood."""
    definition = wanted.definition
    split = definition.split
    assert split is not None

    def resolve(reference: str) -> Base:
        if reference == PREFIX:
            return prefix
        return base_image(plan, client, definition, reference, own)

    made = assemble(plan, client, definition, split.rest, resolve, tell, name, store)
    real = _real_base(plan, client, definition, split.root, own)
    return replace(made, base=replace(prefix, reference=real.reference, digest=real.digest))


def find_prefix(client: Registry, wanted: WantedImage) -> Base | None:
    """The prefix as the registry has it; None when it was not built yet."""
    assert wanted.prefix is not None
    repository = client.repository(wanted.definition.home)
    found = client.manifest(repository, wanted.prefix.tag)
    return None if found is None else read_base(client, repository, found)


def _put(client: Registry, wanted: WantedImage, made: Made) -> None:
    assert wanted.prefix is not None
    repository = client.repository(wanted.definition.home)
    labels = {PREFIX_OF: f"{wanted.definition.home} {wanted.prefix.fingerprint}"}
    config = configuration(made.base, made.settings, made.layers, made.history, labels, 0)
    client.put_blob(repository, config)
    body = manifest(config, made.layers, labels)
    client.put_manifest(repository, wanted.prefix.tag, OCI_MANIFEST, body)


def _real_base(
    plan: ImagePlan, client: Registry, definition: Definition, root: str, own: Base | None
) -> Base:
    """What the labels call the base: that of the Dockerfile, not the prefix."""
    from provisimus.images.definition import BASE

    if named_image(root) or (root == BASE and own is not None):
        return base_image(plan, client, definition, root, own)
    return Base()
