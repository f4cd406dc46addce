"""Baking: from a plan and its container images to an AMI.

The story, top to bottom: somebody else may be baking the same; make the AMI (``make.py``); read it
back by its fingerprint; start it, and only when it became healthy on its own, say that it may be
used.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.aws import as_tags, speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, Unhealthy
from provisimus.events import Said, Tell, step
from provisimus.machines import runs, tags
from provisimus.machines.boot_test import boot_test
from provisimus.machines.catalogue import find_machine_image
from provisimus.machines.plan import MachinePlan
from provisimus.machines.removal import remove_image
from provisimus.model import Commits, MachineImage

if TYPE_CHECKING:
    from provisimus.machines.access import Registries
    from provisimus.machines.check import Images


def bake(
    plan: MachinePlan,
    environment: Environment,
    images: Images,
    commits: Commits,
    tell: Tell,
    run: str,
    registries: Registries | None = None,
    *,
    debug: bool = False,
) -> MachineImage:
    """Bake the planned machine image, unless it is there by now. Minutes.

    `registries` answers for the images; without, nobody is asked whether they are there. `debug`
    keeps the machine when something on it fails, with a way in.

    Raises InvalidDefinitions, Unready, NotFound (base), ToolMissing, ToolFailed (Packer, a setup
    script, a secret on the disk), Unhealthy (the boot test), Unreachable. Whatever ends it, what it
    made for a while is removed, or found by `machine reap`.
    """
    subject = f"machine image {plan.machine}@{plan.version}"
    with (
        step(tell, subject, plan.reason) as outcome,
        runs.alone(
            plan.state,
            plan.fingerprint.short,
        ),
    ):
        # Another run may have baked it since the plan was made, or while we waited for it.
        there = _find(plan, environment)
        if there is not None:
            outcome.result = f"{there.image_id}, baked by another run just now"
            return there
        image = _bake(plan, environment, images, commits, tell, run, registries, debug=debug)
        outcome.result = image.image_id
        return image


def _bake(
    plan: MachinePlan,
    environment: Environment,
    images: Images,
    commits: Commits,
    tell: Tell,
    run: str,
    registries: Registries | None,
    *,
    debug: bool,
) -> MachineImage:
    environment.cloud.check_account()
    # Until the end: what this folder knows of is never taken for a killed run's.
    with runs.work_folder(plan.state, run) as work:
        image = _find(plan, environment, usable=False)
        if image is None:
            from provisimus.machines.make import make

            make(*(plan, environment, images, commits, tell, run, work, registries), debug=debug)
            image = _made(plan, environment)
        else:
            tell(Said(f"{plan.machine}: boot test", f"{image.image_id} was baked and never tested"))
        return _try(image, plan, environment, tell, run, work)


def _made(plan: MachinePlan, environment: Environment) -> MachineImage:
    image = _find(plan, environment, usable=False)
    if image is None:
        raise NotFound(
            f"Packer ended well, yet no available AMI has the fingerprint {plan.fingerprint.short}",
            where=f"environment {environment.name}",
            hint="provisimus machine reap shows what may be left of the run",
        )
    return image


def _try(
    image: MachineImage,
    plan: MachinePlan,
    environment: Environment,
    tell: Tell,
    run: str,
    work: Path,
) -> MachineImage:
    """The image, tagged as usable once it became healthy. One that did not is removed."""
    cloud = environment.cloud
    marks = tags.temporary_tags(
        *(plan.project, plan.machine, run, runs.place_of(plan.state), datetime.now(UTC))
    )
    try:
        seconds = boot_test(
            *(image, plan.definition, environment, marks, f"provisimus-{run}-test", tell),
            work=work,
        )
    except Unhealthy:
        remove_image(cloud, image.image_id)
        raise
    now = {tags.USABLE: datetime.now(UTC).strftime(tags.TIME), tags.HEALTHY_AFTER: str(seconds)}
    with speaking(cloud, f"tag {image.image_id} as usable"):
        cloud.ec2.create_tags(Resources=[image.image_id], Tags=as_tags(now))
    return replace(image, tags={**image.tags, **now})


def _find(
    plan: MachinePlan, environment: Environment, *, usable: bool = True
) -> MachineImage | None:
    return find_machine_image(
        environment, plan.project, plan.machine, plan.fingerprint, usable=usable
    )
