"""The SBOM of a machine image: joined after the bake, put into the registry, found from anywhere.

It lies in the repository that has the machine's name, under a tag that names the bake, and in the
workspace's state. Never a reason for a bake to fail: what is missing is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.environment import Environment
from provisimus.errors import ProvisimusError
from provisimus.events import Tell, Warned, step
from provisimus.files import replacing
from provisimus.machines.sbom import kept_at, key_of_image
from provisimus.model import ContainerImage, Digest, MachineImage
from provisimus.release.joined_sbom import joined

if TYPE_CHECKING:
    from provisimus.machines import MachinePlan

Images = Mapping[str, ContainerImage | str]


def tag_of(key: str) -> str:
    return f"machine-{key}"


def keep_machine_sbom(
    plan: MachinePlan, image: MachineImage, images: Images, environment: Environment, tell: Tell
) -> None:
    """Join what the machine said with its images' SBOMs and keep it, here and in the registry."""
    key = key_of_image(image)
    said = kept_at(plan.state, key) if key else None
    if key is None or said is None or not said.exists():
        return
    from provisimus.images.registry import open_registry
    from provisimus.images.sbom.beside import put_beside

    with step(tell, f"SBOM of {image.image_id}", "the bake brought out what is in it") as outcome:
        body = joined(
            json.loads(said.read_bytes()),
            {
                service: (reference, _sbom_of(reference, environment, plan.state, tell))
                for service, each in images.items()
                for reference in [each if isinstance(each, str) else each.reference]
            },
            definition_files(plan),
            image.created,
        )
        with replacing(_joined_at(plan.state, key)) as temporary:
            temporary.write_bytes(body)
        count = len(json.loads(body)["components"])
        outcome.result = f"{count} components"
        try:
            client = open_registry(environment.registry)
            put_beside(client, client.repository(plan.machine), tag_of(key), body)
        except ProvisimusError as error:
            tell(Warned(f"the SBOM is kept in this workspace only: {error.message}"))


def find_machine_sbom(
    image: MachineImage, environment: Environment, state: Path
) -> dict[str, Any] | None:
    """The SBOM of a machine image: of this workspace, else the registry's; None without one.

    Raises Unreachable, ChecksumMismatch.
    """
    key = key_of_image(image)
    if key is None:
        return None
    for place in (_joined_at(state, key), kept_at(state, key)):
        if place.exists():
            return _document(place.read_bytes())
    from provisimus.images.registry import open_registry
    from provisimus.images.sbom.beside import get_beside

    client = open_registry(environment.registry)
    body = get_beside(client, client.repository(image.machine), tag_of(key))
    if body is None:
        return None
    place = _joined_at(state, key)
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as temporary:
        temporary.write_bytes(body)
    return _document(body)


def definition_files(plan: MachinePlan) -> list[tuple[str, Digest]]:
    """The files of a machine's definition, as they went in."""
    both = (("setup", plan.files.setup), ("files", plan.files.files))
    return [
        (f"{folder}/{each.path}", Digest.of(each.content))
        for folder, entries in both
        for each in entries
        if each.content is not None
    ]


def _joined_at(state: Path, key: str) -> Path:
    return state / "sbom" / f"{key}.cdx.json"


def _document(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(body)
    return document


def _sbom_of(
    reference: str, environment: Environment, state: Path, tell: Tell
) -> dict[str, Any] | None:
    from provisimus.images.find import one_platform
    from provisimus.images.registry import open_registry, parse_reference
    from provisimus.images.sbom import make_sbom

    try:
        client = open_registry(environment.registry)
        wanted = parse_reference(reference)
        if wanted.host != client.host:
            client = open_registry(wanted.host)
        found = client.manifest(wanted.repository, wanted.selector)
        if found is None:
            raise ProvisimusError(f"registry {client.host} has no image {reference}")
        manifest = one_platform(client, wanted.repository, found)
        return _document(make_sbom(client, wanted.repository, manifest, state / "cache"))
    except ProvisimusError as error:
        tell(Warned(f"what is in {reference} is not in the machine's SBOM: {error.message}"))
        return None
