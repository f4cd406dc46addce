"""What machine image is wanted, whether it exists, and why it has to be baked. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provisimus.environment import Environment
from provisimus.errors import NotFound
from provisimus.machines import tags
from provisimus.machines.catalogue import find_machine_image, list_machine_images
from provisimus.machines.definition import MachineFiles, read_machine_files
from provisimus.machines.lock import LockedBase, asked_for, read_lock
from provisimus.machines.recipe import recipe
from provisimus.model import UNKNOWN, Digest, MachineImage, Step, fingerprint
from provisimus.workspace.definitions.common import as_data, said
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.definitions.project import Base
from provisimus.workspace.workspace import Workspace

PUBLISH = "publish: in machine.yaml"


@dataclass(frozen=True)
class ImageInput:
    """One container image that goes into a machine, known before it is built.

    `fingerprint` for an image of the workspace, `reference` (`name@sha256:…`) for a vendor's.
    """

    service: str
    fingerprint: Digest | None = None
    reference: str | None = None

    @property
    def identity(self) -> str:
        return str(self.fingerprint or self.reference)


@dataclass(frozen=True)
class MachinePlan:
    """A wanted machine image. `image` is the AMI when it exists already.

    Of a plan that was only defined, the fingerprint counts: nobody was asked for its AMI.
    """

    project: str
    machine: str
    version: str
    definition: Machine
    folder: Path
    base: Base
    files: MachineFiles = field(repr=False)
    inputs: Mapping[str, str]
    fingerprint: Digest
    image: MachineImage | None
    reason: str
    state: Path
    """The workspace's folder for what may be lost."""
    pin: LockedBase | None = None
    """The AMI that the base is pinned to in this environment."""
    publishes: bool = True
    """False in the local cloud, which has nowhere to publish to."""

    def step(self) -> Step:
        action, reason = "bake" if self.image is None else "keep", self.reason
        if self.image is not None and not self.published:
            action, reason = "publish", f"{self.image.image_id} is not published as {PUBLISH} says"
        return Step(
            stage="machine",
            subject=f"{self.machine}@{self.version}",
            action=action,
            reason=reason,
            needed=action != "keep",
        )

    @property
    def published(self) -> bool:
        """Whether nothing of `publish:` is left to do for the AMI. True without one."""
        if self.image is None or not self.publishes:
            return True
        if not self.definition.publish.wanted and tags.PUBLISHED not in self.image.tags:
            return True
        from provisimus.machines.publish import is_published

        return is_published(self.image, self.definition.publish)


def plan_machine(
    workspace: Workspace,
    environment: Environment,
    machine: str,
    version: str,
    images: Mapping[str, ImageInput],
) -> MachinePlan:
    """Plan one machine image; `images` by service, the definition's own and no more.

    Raises NotFound for an unknown machine, base or image, InvalidDefinitions, Unreachable.
    """
    return observe_machine(
        define_machine(workspace, environment, machine, version, images), environment
    )


def define_machine(
    workspace: Workspace,
    environment: Environment,
    machine: str,
    version: str,
    images: Mapping[str, ImageInput],
) -> MachinePlan:
    """What machine image is wanted, by its fingerprint; asks no cloud. Raises as `plan_machine`."""
    definition = workspace.machine(machine)
    base = workspace.base(definition.base)
    folder = workspace.packer / machine
    files = read_machine_files(folder)
    services = [use if isinstance(use, str) else use.service for use in definition.images]
    missing = [service for service in services if service not in images]
    if missing:
        raise NotFound(f"nobody said which image {missing[0]!r} of machine {machine} is")

    pin = pin_of(workspace, environment, definition.base, base)
    inputs = machine_inputs(
        machine=machine,
        version=version,
        definition=definition,
        files=files,
        base=base_identity(base, local=environment.local is not None, pin=pin),
        images={service: images[service].identity for service in services},
    )
    wanted = fingerprint({"kind": "machine image", "project": workspace.name, "inputs": inputs})
    return MachinePlan(
        *(workspace.name, machine, version, definition, folder, base, files),
        *(inputs, wanted, None, "the cloud was not asked", workspace.state, pin),
        publishes=environment.local is None,
    )


def observe_machine(plan: MachinePlan, environment: Environment) -> MachinePlan:
    """A plan that was defined, with the AMI that has its fingerprint, or why none has."""
    image = find_machine_image(environment, plan.project, plan.machine, plan.fingerprint)
    if image is not None:
        return replace(plan, image=image, reason=f"{image.image_id} has this fingerprint")
    earlier = list_machine_images(environment, plan.project, plan.machine)
    if untested := [each for each in earlier if each.fingerprint == plan.fingerprint]:
        return replace(plan, reason=f"{untested[0].image_id} was baked and never tested")
    return replace(plan, reason=reason_to_bake(plan.inputs, earlier[0] if earlier else None))


def held_by_stack(plan: MachinePlan, image_id: str) -> MachinePlan:
    """A plan that was defined, with the AMI of the live stack that has its fingerprint. Pure."""
    image = MachineImage(plan.machine, plan.version, image_id, UNKNOWN, plan.fingerprint)
    return replace(plan, image=image, reason=f"the stack runs {image_id}")


def pin_of(
    workspace: Workspace, environment: Environment, name: str, base: Base
) -> LockedBase | None:
    """What a base is pinned to. The local cloud's are made by their recipe, and never pinned."""
    if environment.local is not None:
        return None
    lock = read_lock(workspace.packer, workspace.state / "cache")
    return lock.pin(name, environment.name, environment.cloud.region, asked_for(base.aws))


def base_identity(base: Base, *, local: bool, pin: LockedBase | None = None) -> dict[str, Any]:
    """What of a base decides the outcome: what is asked for and its pin, never what was found."""
    identity: dict[str, Any] = {"aws": said(base.aws), "user": base.user}
    if local and base.local is not None:
        identity["local"] = said(base.local)
    if pin is not None:
        identity["pinned"] = pin.identity
    return identity


def machine_inputs(
    *,
    machine: str,
    version: str,
    definition: Machine,
    files: MachineFiles,
    base: Mapping[str, Any],
    images: Mapping[str, str],
) -> dict[str, str]:
    """Every input by name, as a digest (the version as it is). Pure.

    Comments in machine.yaml, the type of the instance that bakes, how long a script may take and
    what becomes of the image afterwards change nothing in it.
    """
    aside = {"instance_type", "setup_timeout", "publish"}
    rest = {key: value for key, value in as_data(definition).items() if key not in aside}
    packer = files.packer_template
    inputs = {
        "version": version,
        "recipe": fingerprint({"ours": [entry.identity() for entry in recipe(definition)]}),
        "definition": fingerprint({"machine": machine, "said": rest}),
        "setup": fingerprint({"setup": [entry.identity() for entry in files.setup]}),
        "files": fingerprint({"files": [entry.identity() for entry in files.files]}),
        "compose": fingerprint({"template": files.compose_template}),
        "template": fingerprint({"template": packer.read_text("utf-8") if packer else None}),
        "base": fingerprint(base),
        **{
            f"image/{service}": fingerprint({"image": identity})
            for service, identity in images.items()
        },
    }
    return {name: str(value) for name, value in inputs.items()}


WORDS = {
    "recipe": "this version of Provisimus sets such a machine up in another way",
    "definition": "machine.yaml changed",
    "setup": "the setup scripts changed",
    "files": "the files changed",
    "compose": "the template of the Compose file changed",
    "template": "the Packer template changed",
    "base": "the base changed",
}


def reason_to_bake(inputs: Mapping[str, str], newest: MachineImage | None) -> str:
    """Why there is no such image, in words, by comparison with the newest of the machine. Pure."""
    start = "no machine image has this fingerprint"
    if newest is None:
        return "there is no machine image yet"
    had = {
        key.removeprefix(tags.INPUT): value
        for key, value in newest.tags.items()
        if key.startswith(tags.INPUT)
    }
    if not had:
        return start
    have = {name: tags.short_digest(value) for name, value in inputs.items()}
    changed = []
    for name in sorted(have.keys() | had.keys(), key=_importance):
        if have.get(name) == had.get(name):
            continue
        if name == "version":
            changed.append(f"version {have[name]} instead of {had.get(name, 'unknown')}")
        elif name.startswith("image/"):
            what = "changed" if name in have and name in had else "is new"
            what = "is gone" if name not in have else what
            changed.append(f"image {name.removeprefix('image/')} {what}")
        else:
            changed.append(WORDS.get(name, f"{name} changed"))
    return f"{start}: {', '.join(changed)}" if changed else start


def _importance(name: str) -> tuple[int, str]:
    """Images first, then what people wrote, the version last: it seldom is the reason."""
    return (0 if name.startswith("image/") else 2 if name == "version" else 1, name)
