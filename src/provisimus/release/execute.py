"""Carrying a release plan out: images, machine image, stack, each only where it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provisimus.environment import Environment
from provisimus.errors import Refused
from provisimus.events import Skipped, Tell
from provisimus.model import Commits, ContainerImage, MachineImage, Plan, Stack
from provisimus.release.plan import ReleasePlan

if TYPE_CHECKING:
    from provisimus.machines import MachinePlan


@dataclass(frozen=True)
class Released:
    """What stands at the end, made now or there before."""

    images: Mapping[str, ContainerImage] = field(default_factory=dict)
    machine_image: MachineImage | None = None
    stack: Stack | None = None


def execute(
    release: ReleasePlan,
    environment: Environment,
    commits: Commits,
    tell: Tell,
    run: str,
    *,
    timeout: float | None = None,
    debug: bool = False,
    allow: frozenset[str] = frozenset(),
) -> Released:
    """Make what is missing, in order. `timeout` in seconds, for the stack. `debug` keeps the
    machine of a bake that fails. `allow` names what of the stack holds data and may go.

    A stack that moved since the plan was made is Refused; images and machine images cannot move,
    for they are named by their inputs.
    """
    machine = release.machine
    if machine is None and release.stack is not None:
        return Released(
            stack=_stack(release, environment, None, commits, tell, run, timeout, allow)
        )
    if machine is not None and machine.image is not None:
        for plan in release.plan.steps:
            if plan.stage in ("image", "machine"):
                tell(Skipped(f"{plan.stage} {plan.subject}", plan.reason))
        image = machine.image
        if not machine.published:
            image = _published(machine, image, environment, tell)
        return Released(
            {},
            image,
            _stack(release, environment, image, commits, tell, run, timeout, allow),
        )
    images = _images(release, environment, tell, run)
    if machine is None:
        return Released(images)
    from provisimus.machines import bake
    from provisimus.release.machine_sbom import keep_machine_sbom
    from provisimus.release.registries import RegistryAccess

    given: dict[str, ContainerImage | str] = {**images, **release.vendors}
    baked = bake(machine, environment, given, commits, tell, run, RegistryAccess(), debug=debug)
    keep_machine_sbom(machine, baked, given, environment, tell)
    baked = _published(machine, baked, environment, tell)
    made = _stack(release, environment, baked, commits, tell, run, timeout, allow)
    return Released(images, baked, made)


def _published(
    machine: MachinePlan, image: MachineImage, environment: Environment, tell: Tell
) -> MachineImage:
    if not machine.definition.publish.wanted and not image.tags.get("provisimus:published"):
        return image
    from provisimus.machines.publish import publish_image

    return publish_image(image, machine.definition.publish, environment, tell)


def check_saved(saved: Plan, now: Plan) -> None:
    """Raises Refused when a plan that was saved and reviewed no longer says what would happen."""
    for what, then, here in (
        ("the service", (saved.service, saved.version), (now.service, now.version)),
        ("the environment", saved.environment, now.environment),
        ("the definitions", dict(saved.fingerprints), dict(now.fingerprints)),
        ("the live stack", dict(saved.live), dict(now.live)),
    ):
        if then != here:
            raise Refused(
                f"the saved plan is stale: {what} changed since",
                hint="plan again, and review what it says now",
            )


def _images(
    release: ReleasePlan, environment: Environment, tell: Tell, run: str
) -> dict[str, ContainerImage]:
    from provisimus.images import build_image

    return {
        name: build_image(plan, environment, tell, run) for name, plan in release.images.items()
    }


def _stack(
    release: ReleasePlan,
    environment: Environment,
    image: MachineImage | None,
    commits: Commits,
    tell: Tell,
    run: str,
    timeout: float | None,
    allow: frozenset[str] = frozenset(),
) -> Stack | None:
    plans = release.members or ((release.stack,) if release.stack else ())
    if not plans:
        return None
    from provisimus.stacks import apply_stack

    # Of a cluster one after the other: where one does not become healthy, the rest stays as it is.
    made = [
        apply_stack(plan, environment, image, commits, tell, run, timeout=timeout, allow=allow)
        for plan in plans
    ]
    return made[0]
