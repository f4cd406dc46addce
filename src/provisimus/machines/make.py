"""Making an AMI with Packer.

Check everything that can be known before a machine is launched; write the archive and the template;
let Packer in from where it comes; run it, which launches, sets up, images and cleans; remove what
served for it, or keep it for whoever asked.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from provisimus.environment import Environment
from provisimus.events import Tell, step
from provisimus.files import writing
from provisimus.machines import intents, keeping, opening, packer_template, runs, sbom, tags
from provisimus.machines.access import Registries
from provisimus.machines.catalogue import BaseImage
from provisimus.machines.check import Images, check
from provisimus.machines.packer_failure import GONE
from provisimus.machines.packer_run import LATER, check_template, run_packer
from provisimus.machines.packer_template import Build
from provisimus.machines.plan import MachinePlan
from provisimus.machines.removal import remove_or_leave
from provisimus.machines.staging import write_archive
from provisimus.model import Commits


def make(
    plan: MachinePlan,
    environment: Environment,
    images: Images,
    commits: Commits,
    tell: Tell,
    run: str,
    work: Path,
    registries: Registries | None,
    *,
    debug: bool,
) -> None:
    """Make the AMI and remove what served for it. `work` is the run's folder. Raises as `bake`."""
    environment.ensure_base(plan.definition.base, plan.base, tell)
    name = tags.ami_name(plan.project, plan.machine, plan.version, plan.fingerprint, run)
    subject = f"{plan.machine}: before launch"
    with step(tell, subject, "whatever can be known is looked at first"):
        checked = check(plan, environment, images, run, name, registries, tell, debug=debug)
    with writing(work):
        write_archive(checked.entries, work / "stage.tar")
    build = the_build(
        *(plan, environment, checked.base, images, commits, run, work, datetime.now(UTC))
    )
    build = replace(build, signs_in=bool(checked.access))
    scraps = runs.scraps_folder(run)
    sketch = replace(build, security_group=LATER)
    with step(tell, f"{plan.machine}: template", "Packer reads it before anything is made"):
        check_template(plan, environment, checked.packer, sketch, work, scraps, checked.access)
    with ExitStack() as undo:
        intents.about_to(work, "security group", build.key_pair)
        group = opening.make_group(environment, build)
        cloud, key = environment.cloud, build.key_pair
        undo.callback(remove_or_leave, cloud, "security group", group, work, tell, within=20)
        opening.let_in(environment, group, checked.ssh_from)
        build = replace(build, security_group=group)
        for kind, made in packer_template.makes(build):
            intents.about_to(work, kind, made)
        if debug:
            build = replace(build, key_file=keeping.make_key(environment, build, work))
            undo.callback(remove_or_leave, cloud, "key pair", key, work, tell, within=20)
            undo.callback(keeping.terminate, environment, run, work, tell)

        def left(build: Build = build) -> str:
            kept = keeping.keep(environment, build, run, work, undo) if debug else None
            return str(kept) if kept else GONE

        made_of = run_packer(
            *(plan, environment, checked.packer, build, work, scraps, checked.access),
            *(tell, left),
        )
    sbom.keep(plan.state, plan.fingerprint, run, made_of, tell)


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
