"""Baking: from a plan and its container images to an AMI.

The story, top to bottom: somebody else may be baking the same; check everything that can be known
before a machine is launched; write the archive and the template; run Packer, which launches, sets
up, images and cleans; read the AMI back by its fingerprint; start it, and only when it became
healthy on its own, say that it may be used.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from provisimus.aws import as_tags, speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, Unhealthy
from provisimus.events import Said, Tell, step
from provisimus.files import writing
from provisimus.machines import keeping, opening, runs, tags
from provisimus.machines.access import Registries
from provisimus.machines.boot_test import boot_test
from provisimus.machines.catalogue import BaseImage, find_machine_image
from provisimus.machines.check import Images, check
from provisimus.machines.packer_failure import GONE
from provisimus.machines.packer_run import LATER, check_template, run_packer
from provisimus.machines.packer_template import Build
from provisimus.machines.plan import MachinePlan
from provisimus.machines.removal import remove_image
from provisimus.machines.staging import write_archive
from provisimus.model import Commits, MachineImage


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
    image = _find(plan, environment, usable=False)
    if image is None:
        image = _make(plan, environment, images, commits, tell, run, registries, debug=debug)
    else:
        tell(Said(f"{plan.machine}: boot test", f"{image.image_id} was baked and never tested"))
    return _try(image, plan, environment, tell, run)


def _make(
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
    environment.ensure_base(plan.definition.base, plan.base, tell)
    name = tags.ami_name(plan.project, plan.machine, plan.version, plan.fingerprint, run)
    checked = check(plan, environment, images, run, name, registries, tell, debug=debug)
    with runs.work_folder(plan.state, run) as work:
        with writing(work):
            write_archive(checked.entries, work / "stage.tar")
        build = the_build(
            plan,
            environment,
            checked.base,
            images,
            commits,
            run,
            work,
            datetime.now(UTC),
        )
        build = replace(build, signs_in=bool(checked.access))
        scraps = runs.scraps_folder(run)
        sketch = replace(build, security_group=LATER)
        check_template(plan, environment, checked.packer, sketch, work, scraps, checked.access)
        with ExitStack() as undo:
            group = opening.make_group(environment, build)
            undo.callback(opening.remove_group, environment, group, tell)
            opening.let_in(environment, group, checked.ssh_from)
            build = replace(build, security_group=group)
            if debug:
                build = replace(build, key_file=keeping.make_key(environment, build, work))
                undo.callback(keeping.remove_key, environment, build, tell)
                undo.callback(keeping.terminate, environment, run, tell)

            def left(build: Build = build) -> str:
                kept = keeping.keep(environment, build, run, work, undo) if debug else None
                return str(kept) if kept else GONE

            run_packer(
                *(plan, environment, checked.packer, build, work, scraps, checked.access),
                *(tell, left),
            )
    image = _find(plan, environment, usable=False)
    if image is None:
        raise NotFound(
            f"Packer ended well, yet no available AMI has the fingerprint {plan.fingerprint.short}",
            where=f"environment {environment.name}",
            hint="provisimus machine reap shows what may be left of the run",
        )
    return image


def _try(
    image: MachineImage, plan: MachinePlan, environment: Environment, tell: Tell, run: str
) -> MachineImage:
    """The image, tagged as usable once it became healthy. One that did not is removed."""
    cloud = environment.cloud
    marks = tags.temporary_tags(
        *(plan.project, plan.machine, run, runs.place_of(plan.state), datetime.now(UTC))
    )
    try:
        seconds = boot_test(
            *(image, plan.definition, environment, marks, f"provisimus-{run}-test", tell)
        )
    except Unhealthy:
        remove_image(cloud, image.image_id)
        raise
    now = {tags.USABLE: datetime.now(UTC).strftime(tags.TIME), tags.HEALTHY_AFTER: str(seconds)}
    with speaking(cloud, f"tag {image.image_id} as usable"):
        cloud.ec2.create_tags(Resources=[image.image_id], Tags=as_tags(now))
    return replace(image, tags={**image.tags, **now})


def the_build(
    plan: MachinePlan,
    environment: Environment,
    base: BaseImage,
    images: Images,
    commits: Commits,
    run: str,
    work: Path,
    now: datetime,
) -> Build:
    """Everything that the template says. Pure but for the place's name."""
    return Build(
        region=environment.cloud.region,
        base=base.image_id,
        root_device=base.root_device,
        user=plan.base.user,
        instance_type=plan.definition.instance_type,
        disk=plan.definition.disk,
        ami_name=tags.ami_name(plan.project, plan.machine, plan.version, plan.fingerprint, run),
        description=f"{plan.machine} {plan.version} of {plan.project}, made by Provisimus",
        tags=tags.image_tags(
            *(plan.project, plan.machine, plan.version, plan.fingerprint),
            inputs=plan.inputs,
            images={
                service: image if isinstance(image, str) else image.reference
                for service, image in images.items()
            },
            commits=commits,
            base=base.image_id,
            run=run,
        ),
        temporary_tags=tags.temporary_tags(
            plan.project,
            plan.machine,
            run,
            runs.place_of(plan.state),
            now,
        ),
        key_pair=f"provisimus-{run}",
        archive=work / "stage.tar",
        subnet=environment.subnet,
        tunnel=tunnel_port(environment.registry),
        endpoint=environment.cloud.endpoint,
        environment={
            "PROVISIMUS_MACHINE": plan.machine,
            "PROVISIMUS_VERSION": plan.version,
            "PROVISIMUS_ENVIRONMENT": environment.name,
        },
    )


def tunnel_port(registry: str) -> int | None:
    """The port of a registry on this machine's loopback; None for one with a name of its own."""
    host, _, port = registry.partition("/")[0].rpartition(":")
    return int(port) if host in ("127.0.0.1", "localhost") and port.isdigit() else None


def _find(
    plan: MachinePlan, environment: Environment, *, usable: bool = True
) -> MachineImage | None:
    return find_machine_image(
        environment, plan.project, plan.machine, plan.fingerprint, usable=usable
    )
