"""Baking: from a plan and its container images to an AMI.

The story, top to bottom: somebody else may be baking the same; check everything that can be known
before a machine is launched; write the archive and the template; run Packer, which launches, sets
up, images and cleans; read the AMI back by its fingerprint; start it, and only when it became
healthy on its own, say that it may be used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from provisimus.aws import as_tags, speaking
from provisimus.environment import Environment
from provisimus.errors import (
    InvalidDefinitions,
    NotFound,
    Problem,
    ProvisimusError,
    ToolFailed,
    ToolMissing,
    Unhealthy,
)
from provisimus.events import Said, Tell, Warned, step
from provisimus.files import writing
from provisimus.machines import intents, packer, packer_template, runs, sbom, ssh_source, tags
from provisimus.machines.boot_test import boot_test
from provisimus.machines.catalogue import (
    BaseImage,
    find_base,
    find_machine_image,
    vpc_of,
)
from provisimus.machines.compose import ComposeFile, ServiceImage, compose_file
from provisimus.machines.definition import COMPOSE_TEMPLATE, Entry
from provisimus.machines.packer_template import Build
from provisimus.machines.plan import MachinePlan
from provisimus.machines.removal import remove, remove_image
from provisimus.machines.staging import staging, write_archive
from provisimus.model import Commits, ContainerImage, MachineImage
from provisimus.process import stream

GRACE = 300.0
"""Seconds that an interrupted Packer gets to terminate what it launched."""

Images = Mapping[str, ContainerImage | str]
"""By service: an image in a registry, or a vendor's reference `host/name@sha256:…`."""


@dataclass(frozen=True)
class Checked:
    """What was found out before launching."""

    packer: str
    base: BaseImage
    compose: ComposeFile
    entries: tuple[Entry, ...]
    ssh_from: tuple[str, ...]


def bake(
    plan: MachinePlan,
    environment: Environment,
    images: Images,
    commits: Commits,
    tell: Tell,
    run: str,
) -> MachineImage:
    """Bake the planned machine image, unless it is there by now. Minutes.

    Raises InvalidDefinitions, NotFound (base), ToolMissing, ToolFailed (Packer, a setup script, a
    secret on the disk), Unhealthy (the boot test), Unreachable. Whatever ends it, what it made for
    a while is removed, or found by `machine reap`.
    """
    subject = f"machine image {plan.machine}@{plan.version}"
    with (
        step(tell, subject, plan.reason) as outcome,
        runs.alone(
            plan.state,
            plan.fingerprint.short,
        ) as first,
    ):
        if not first:
            there = _find(plan, environment)
            if there is not None:
                outcome.result = f"{there.image_id}, baked by another run just now"
                return there
        image = _bake(plan, environment, images, commits, tell, run)
        outcome.result = image.image_id
        return image


def _bake(
    plan: MachinePlan,
    environment: Environment,
    images: Images,
    commits: Commits,
    tell: Tell,
    run: str,
) -> MachineImage:
    environment.cloud.check_account()
    # Until the end: what this folder knows of is never taken for a killed run's.
    with runs.work_folder(plan.state, run) as work:
        image = _find(plan, environment, usable=False)
        if image is None:
            image = _make(plan, environment, images, commits, tell, run, work)
        else:
            tell(Said(f"{plan.machine}: boot test", f"{image.image_id} was baked and never tested"))
        return _try(image, plan, environment, tell, run, work)


def _make(
    plan: MachinePlan,
    environment: Environment,
    images: Images,
    commits: Commits,
    tell: Tell,
    run: str,
    work: Path,
) -> MachineImage:
    environment.ensure_base(plan.definition.base, plan.base, tell)
    checked = check(plan, environment, images, run)
    for warning in checked.compose.warnings:
        tell(Warned(warning))
    with writing(work):
        write_archive(checked.entries, work / "stage.tar")
    build = the_build(
        *(plan, environment, checked.base, images, commits, run, work, datetime.now(UTC))
    )
    intents.about_to(work, "security group", build.key_pair)
    with open_to(environment, build, checked.ssh_from, tell) as group:
        build = replace(build, security_group=group)
        for kind, name in packer_template.makes(build):
            intents.about_to(work, kind, name)
        _run_packer(plan, environment, checked, build, run, work, tell)
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
            about=partial(intents.about_to, work),
        )
    except Unhealthy:
        remove_image(cloud, image.image_id)
        raise
    now = {tags.USABLE: datetime.now(UTC).strftime(tags.TIME), tags.HEALTHY_AFTER: str(seconds)}
    with speaking(cloud, f"tag {image.image_id} as usable"):
        cloud.ec2.create_tags(Resources=[image.image_id], Tags=as_tags(now))
    return replace(image, tags={**image.tags, **now})


def check(plan: MachinePlan, environment: Environment, images: Images, run: str) -> Checked:
    """Everything that can go wrong without launching anything. Raises as `bake` does."""
    own = plan.files.packer_template
    needed, word = packer_template.OLDEST, "amazon-ebs"
    if own is not None:
        text = own.read_text("utf-8")
        needed, word = packer_template.needed_version(text)
        if packer_template.opens_ssh_itself(text):
            raise InvalidDefinitions(
                [
                    Problem(
                        *(str(own), None, ""),
                        "it names no security group, so Packer would open SSH to the world",
                        "declare the variable security_group_id and use it",
                    )
                ]
            )
    path, version = packer.find_packer(needed, word, str(own) if own else None)
    if not packer.has_amazon(path, version):
        raise ToolMissing(
            "this Packer has no builder for AWS",
            hint="packer plugins install github.com/hashicorp/amazon",
        )
    services = [use if isinstance(use, str) else use.service for use in plan.definition.images]
    given = tuple(service_image(service, images[service]) for service in services)
    compose = compose_file(
        plan.definition,
        given,
        plan.files.compose_template,
        str(plan.folder / (COMPOSE_TEMPLATE if plan.files.compose_template else "machine.yaml")),
    )
    entries = staging(
        plan.definition,
        plan.files,
        compose,
        [each.reference for each in given],
        lineage(plan, run),
        plan.base.user,
    )
    base = find_base(environment, plan.definition.base, plan.base)
    if base.size > plan.definition.disk:
        raise InvalidDefinitions(
            [
                Problem(
                    *(str(plan.folder / "machine.yaml"), None, "disk"),
                    f"{plan.definition.disk} GiB is less than the {base.size} GiB of its base",
                    f"write disk: {base.size} GiB, or more",
                ),
            ],
        )
    return Checked(path, base, compose, entries, ssh_source.networks(environment))


def service_image(service: str, image: ContainerImage | str) -> ServiceImage:
    if isinstance(image, str):
        return ServiceImage(service, image)
    return ServiceImage(service, image.reference, image.ports)


def lineage(plan: MachinePlan, run: str) -> str:
    """What /etc/provisimus/machine says: enough to know on the machine what it is."""
    return (
        f"PROJECT={plan.project}\nMACHINE={plan.machine}\nVERSION={plan.version}\n"
        f"FINGERPRINT={plan.fingerprint}\nRUN={run}\n"
    )


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


def _run_packer(
    plan: MachinePlan,
    environment: Environment,
    checked: Checked,
    build: Build,
    run: str,
    work: Path,
    tell: Tell,
) -> None:
    own = plan.files.packer_template
    if own is None:
        path = work / "template.json"
        path.write_text(json.dumps(packer_template.template(build), indent=2))
        given: dict[str, str] = {}
    else:
        path = own
        wanted = packer_template.declared_variables(own.name, own.read_text("utf-8"))
        ours = packer_template.variables(build)
        given = {name: value for name, value in ours.items() if name in wanted}
    narrator = packer.Narrator(tell, plan.machine)
    try:
        with narrator:
            stream(
                packer.build_argv(checked.packer, path, given),
                intents.listening(work, narrator),
                cwd=plan.folder,
                env=packer.build_environment(
                    environment.cloud.environment_variables(), work, runs.scraps_folder(run)
                ),
                grace=GRACE,
                hint=packer.INSTALL,
            )
    except ToolFailed as error:
        raise packer.failure(narrator, error, plan.folder) from error
    sbom.keep(plan.state, plan.fingerprint, run, narrator.sbom, tell)


@contextmanager
def open_to(
    environment: Environment, build: Build, ssh_from: tuple[str, ...], tell: Tell
) -> Iterator[str]:
    """A group that lets Packer in over SSH: ours, since Packer 1.6 cannot tag one of its own.

    Removed when the bake ends; one that cannot be removed is left to `machine reap`.
    """
    cloud = environment.cloud
    vpc = vpc_of(environment)
    with speaking(cloud, "make the security group of the bake"):
        group = cloud.ec2.create_security_group(
            GroupName=build.key_pair,
            Description="SSH while a machine image is baked",
            VpcId=vpc,
            TagSpecifications=[
                {"ResourceType": "security-group", "Tags": as_tags(build.temporary_tags)},
            ],
        )["GroupId"]
    try:
        with speaking(cloud, "open SSH for the bake"):
            cloud.ec2.authorize_security_group_ingress(
                GroupId=group, IpPermissions=[ssh_source.permission(ssh_from)]
            )
        yield group
    finally:
        _remove_group(environment, group, tell)


def _remove_group(environment: Environment, group: str, tell: Tell) -> None:
    try:
        remove(environment.cloud, "security group", group, within=20)
    except ProvisimusError as error:
        tell(Warned(f"{error.message}; provisimus machine reap removes it"))
