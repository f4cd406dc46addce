"""The plan of a release: every stage asked what it wants, what there is, and what is missing.

All that is wanted is known by fingerprint from the definitions alone, so what there is gets looked
for from the end of the chain: a stack that has its fingerprint holds its machine image, a machine
image its container images, and then nobody is asked for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provisimus.environment import Environment
from provisimus.errors import NotFound, UsageFault
from provisimus.model import Plan, ServiceVersion, Stack, Stage, Step
from provisimus.workspace.definitions.stack import version_of
from provisimus.workspace.workspace import Workspace

if TYPE_CHECKING:
    from provisimus.images import ImagePlan
    from provisimus.machines import MachinePlan
    from provisimus.stacks import StackPlan


@dataclass(frozen=True)
class ReleasePlan:
    """The stages' plans and the one plan made of them. Images by their name in the Compose file."""

    plan: Plan
    until: Stage
    images: Mapping[str, ImagePlan] = field(default_factory=dict)
    vendors: Mapping[str, str] = field(default_factory=dict)
    """References of images that come straight from a vendor, by their name in the Compose file."""
    machine: MachinePlan | None = None
    stack: StackPlan | None = None
    members: tuple[StackPlan, ...] = ()
    """Of a cluster, in the order in which they are changed; `stack` is None then."""


@dataclass(frozen=True)
class MachineImages:
    """The images of a machine: those of the workspace as plans, the vendors' as references."""

    planned: Mapping[str, ImagePlan]
    vendors: Mapping[str, str]


def plan_release(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    until: Stage = "stack",
    seen: Mapping[str, Stack] | None = None,
) -> ReleasePlan:
    """Plan the chain up to a stage. Read-only. `seen` is as in `plan_stack`.

    Raises UsageFault when no version can be known, and whatever a stage finds wrong.
    """
    if until in ("artifact", "image"):
        return _images_only(workspace, environment, asked)
    service, machine_name = _names(workspace, environment, asked.name, until)
    if machine_name is None:
        return _stack_only(workspace, environment, asked, seen)
    from provisimus.machines import ImageInput, define_machine, held_by_stack, observe_machine

    version = resolve_version(workspace, environment, asked, service)
    images = define_images_of_machine(workspace, environment, machine_name, version)
    inputs = {
        name: ImageInput(name, plan.fingerprint, None) for name, plan in images.planned.items()
    } | {name: ImageInput(name, None, reference) for name, reference in images.vendors.items()}
    machine = define_machine(workspace, environment, machine_name, version, inputs)
    stacks: list[StackPlan] = []
    running = None
    if until == "stack":
        from provisimus.stacks import plan_stack
        from provisimus.stacks.plan import running_image

        assert service is not None
        names = workspace.members(service, environment.name) or [service]
        stacks = [
            plan_stack(workspace, environment, name, version, machine.fingerprint, seen)
            for name in names
        ]
        images_run = [running_image(each) for each in stacks]
        running = images_run[0] if all(images_run) else None
    machine = held_by_stack(machine, running) if running else observe_machine(machine, environment)
    planned = images.planned
    if machine.image is None:
        from provisimus.images import observe_image

        planned = {name: observe_image(plan) for name, plan in planned.items()}
    return ReleasePlan(
        _whole(asked.name, version, environment, planned, machine, stacks),
        until,
        planned,
        images.vendors,
        machine,
        stacks[0] if len(stacks) == 1 else None,
        tuple(stacks) if len(stacks) > 1 else (),
    )


def define_images_of_machine(
    workspace: Workspace, environment: Environment, machine: str, version: str
) -> MachineImages:
    """Define the main image at `version` and the side carts at their own versions."""
    from provisimus.images import define_image

    definition = workspace.machine(machine)
    planned: dict[str, ImagePlan] = {}
    vendors: dict[str, str] = {}
    for index, use in enumerate(definition.images):
        if isinstance(use, str):
            asked = version if index == 0 else None
            planned[use] = define_image(workspace, environment, use, asked)
        else:
            vendors[use.service] = use.image
    return MachineImages(planned, vendors)


def resolve_version(
    workspace: Workspace, environment: Environment, asked: ServiceVersion, service: str | None
) -> str:
    """The version asked for, else the declared one, else the one that runs. Raises UsageFault."""
    if asked.version:
        return asked.version
    if service is not None:
        declared = version_of(workspace.stack(service, environment.name))
        if declared:
            return declared
        running = _running_version(workspace, environment, service)
        if running:
            return running
    raise UsageFault(
        f"which version of {asked.name}?",
        where=str(workspace.stacks / f"{service or asked.name}.yaml"),
        hint=f"say it: {asked.name}@1.0.0, or write version: into the stack's file",
    )


def _running_version(workspace: Workspace, environment: Environment, service: str) -> str | None:
    from provisimus.stacks import find_stack, name_of
    from provisimus.stacks.live import VERSION

    stack = find_stack(environment, name_of(workspace, environment.name, service))
    return stack.tags.get(VERSION) if stack else None


def _names(
    workspace: Workspace, environment: Environment, name: str, until: Stage
) -> tuple[str | None, str | None]:
    """The service (None for a machine without one) and the machine (None for a stack without one)
    that a name means."""
    if until == "stack" or workspace.has_service(name):
        machine = workspace.machine_of(name, environment.name)
        if machine is None and until != "stack":
            kind = workspace.stack(name, environment.name).type
            raise UsageFault(f"{name} is of type {kind}, which runs no machine")
        return name, machine
    if name in workspace.machines():
        return None, name
    workspace.machine(name)
    raise NotFound(f"there is no machine {name!r}")


def _images_only(
    workspace: Workspace, environment: Environment, asked: ServiceVersion
) -> ReleasePlan:
    from provisimus.images import plan_image

    plan = plan_image(workspace, environment, asked.name, asked.version)
    version = plan.wanted[-1].version
    return ReleasePlan(
        _whole(asked.name, version, environment, {asked.name: plan}, None, []),
        "image",
        {asked.name: plan},
    )


def _stack_only(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    seen: Mapping[str, Stack] | None,
) -> ReleasePlan:
    from provisimus.stacks import plan_stack

    if asked.version:
        raise UsageFault(f"{asked.name} runs no machine, so it has no version", hint=asked.name)
    stack = plan_stack(workspace, environment, asked.name, "", None, seen)
    return ReleasePlan(_whole(asked.name, "", environment, {}, None, [stack]), "stack", stack=stack)


def _whole(
    name: str,
    version: str,
    environment: Environment,
    images: Mapping[str, ImagePlan],
    machine: MachinePlan | None,
    stacks: Sequence[StackPlan],
) -> Plan:
    baked = machine is not None and machine.image is not None
    steps = [step for plan in images.values() for step in plan.steps()]
    fingerprints = {f"image {key}": str(plan.fingerprint) for key, plan in images.items()}
    live: dict[str, str] = {}
    if machine is not None:
        steps.append(machine.step())
        fingerprints["machine"] = str(machine.fingerprint)
    for stack in stacks:
        of = f" {stack.service}" if len(stacks) > 1 else ""
        steps += stack.steps()
        fingerprints[f"stack{of}"] = str(stack.fingerprint)
        if stack.live is not None:
            from provisimus.stacks.live import FINGERPRINT

            live |= {
                f"stack{of}": stack.live.stack_id,
                f"status{of}": stack.live.status,
                f"fingerprint{of}": stack.live.tags.get(FINGERPRINT, "unknown"),
            }
    return Plan(
        name, version, environment.name, tuple(arrange(steps, baked=baked)), fingerprints, live
    )


def arrange(steps: list[Step], *, baked: bool) -> list[Step]:
    """Each step once, in order. What is baked already needs no image from a registry."""
    seen: dict[tuple[str, str, str], Step] = {}
    for each in steps:
        held = baked and each.stage == "image"
        why = "the machine image holds it"
        step = Step(each.stage, each.subject, "keep", why, needed=False) if held else each
        seen.setdefault((step.stage, step.subject, step.action), step)
    return list(seen.values())
