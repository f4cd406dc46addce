"""Everything that can go wrong with a bake and can be known before anything is launched.

What is wrong is told all at once: who repairs one thing does not come back for the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from provisimus.environment import Environment
from provisimus.errors import (
    Finding,
    InvalidDefinitions,
    Problem,
    ProvisimusError,
    ToolMissing,
    Unready,
)
from provisimus.events import Said, Tell, Warned
from provisimus.machines import asking, keeping, packer, packer_template, preflight, ssh_source
from provisimus.machines.access import Registries
from provisimus.machines.catalogue import BaseImage, find_base
from provisimus.machines.compose import ComposeFile, ServiceImage, compose_file
from provisimus.machines.definition import COMPOSE_TEMPLATE, Entry
from provisimus.machines.plan import MachinePlan
from provisimus.machines.pull_access import VARIABLE, PullAccess, pull_access
from provisimus.machines.staging import staging
from provisimus.model import ContainerImage

Images = Mapping[str, ContainerImage | str]
"""By service: an image in a registry, or a vendor's reference `host/name@sha256:…`."""


@dataclass(frozen=True)
class Checked:
    """What was found out before launching."""

    packer: packer.Packer
    base: BaseImage
    compose: ComposeFile
    entries: tuple[Entry, ...]
    ssh_from: tuple[str, ...]
    access: PullAccess


class Gathering:
    """Errors of one part after the other, raised together in the end."""

    def __init__(self, before: str) -> None:
        self._before = before
        self._errors: list[ProvisimusError] = []
        self._findings: list[Finding] = []

    @contextmanager
    def part(self) -> Iterator[None]:
        try:
            yield
        except ProvisimusError as error:
            self._errors.append(error)

    def add(self, *found: ProvisimusError | Finding) -> None:
        for each in found:
            if isinstance(each, Finding):
                self._findings.append(each)
            else:
                self._errors.append(each)

    def end(self) -> None:
        """Raises the one error as it is, definitions that are wrong as InvalidDefinitions, all else
        as Unready.
        """
        errors = self._errors
        if len(errors) == 1 and not self._findings:
            raise errors[0]
        wrong = [each for each in errors if isinstance(each, InvalidDefinitions)]
        if errors and len(wrong) == len(errors) and not self._findings:
            raise InvalidDefinitions([problem for each in wrong for problem in each.problems])
        everything = (*(one for each in errors for one in as_findings(each)), *self._findings)
        if everything:
            raise Unready(tuple(dict.fromkeys(everything)), before=self._before)


def as_findings(error: ProvisimusError) -> tuple[Finding, ...]:
    """An error as what stands in the way; a definition has one for each problem. Pure."""
    if not isinstance(error, InvalidDefinitions):
        return (Finding(error.message, error.where, error.hint),)
    found = []
    for each in error.problems:
        place = each.file if each.line is None else f"{each.file}:{each.line}"
        found.append(
            Finding(each.message, f"{place}: {each.key}" if each.key else place, each.hint)
        )
    return tuple(found)


def check(
    plan: MachinePlan,
    environment: Environment,
    images: Images,
    run: str,
    name: str,
    registries: Registries | None,
    tell: Tell,
    *,
    debug: bool = False,
) -> Checked:
    """Look at everything; `name` is what the AMI will be called. Asks, and launches nothing.

    Raises what is wrong: one thing as itself (NotFound for the base, ToolMissing, Refused …),
    several as InvalidDefinitions or Unready.
    """
    gathering = Gathering(f"the bake of {plan.machine}")
    tool = base = compose = None
    entries: tuple[Entry, ...] = ()
    ssh_from: tuple[str, ...] = ()
    access = PullAccess()
    with gathering.part():
        tool = the_packer(plan)
    if debug and (finding := keeping.lacks_a_way_in(plan)):
        gathering.add(finding)
    with gathering.part():
        compose = the_compose_file(plan, images)
        entries = staging(
            plan.definition,
            plan.files,
            compose,
            references(plan, images),
            lineage(plan, run),
            plan.base.user,
        )
    with gathering.part():
        base = find_base(environment, plan.definition.base, plan.base, plan.pin)
    with gathering.part():
        ssh_from = ssh_source.networks(environment)
    with gathering.part():
        access = the_access(plan, images, registries)
    facts = the_facts(plan, environment, tool, base, name)
    answers = asking.ask(environment, facts, references(plan, images), registries)
    gathering.add(*answers.faults, *preflight.findings(answers.facts))
    gathering.end()
    for unknown in answers.unknown:
        tell(Said(f"{plan.machine}: before launch", f"not known: {unknown}"))
    assert tool is not None
    assert base is not None
    assert compose is not None
    for warning in (
        *compose.warnings,
        *preflight.warnings(answers.facts),
        *_unused(plan, access),
        *_unpinned(plan, environment),
    ):
        tell(Warned(warning))
    return Checked(tool, base, compose, entries, ssh_from, access)


def the_packer(plan: MachinePlan) -> packer.Packer:
    """A Packer that can do what the template asks for. Raises ToolMissing, ToolFailed,
    InvalidDefinitions for a template that would open SSH to the world.
    """
    own = plan.files.packer_template
    needed, word, fetches = packer_template.OLDEST, "amazon-ebs", True
    if own is not None:
        text = own.read_text("utf-8")
        needed, word = packer_template.needed_version(text)
        fetches = packer_template.declares_plugins(text)
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
    found = packer.find_packer(needed, word, str(own) if own else None)
    if not fetches and not packer.has_amazon(found):
        raise ToolMissing(
            "this Packer has no builder for AWS",
            where=str(own),
            hint="declare it: packer { required_plugins { amazon = … } }, or "
            "packer plugins install github.com/hashicorp/amazon",
        )
    return found


def the_access(plan: MachinePlan, images: Images, registries: Registries | None) -> PullAccess:
    """How the machine logs in to the registries of its images. Raises CloudFault (ECR)."""
    if registries is None:
        return PullAccess()
    logins = [registries.login(reference) for reference in references(plan, images)]
    return pull_access(each for each in logins if each is not None)


def _unused(plan: MachinePlan, access: PullAccess) -> Iterator[str]:
    own = plan.files.packer_template
    if own is None or not access:
        return
    if VARIABLE not in packer_template.declared_variables(own.name, own.read_text("utf-8")):
        yield (
            f"{own} declares no variable {VARIABLE}, so its images are pulled without credentials"
        )


def _unpinned(plan: MachinePlan, environment: Environment) -> Iterator[str]:
    if environment.local is None and plan.pin is None:
        yield (
            f"the base {plan.definition.base} is not pinned in {environment.name}, and the next "
            "bake may start from another: provisimus machine lock --update "
            f"--env {environment.name}"
        )


def the_compose_file(plan: MachinePlan, images: Images) -> ComposeFile:
    template = plan.files.compose_template
    return compose_file(
        plan.definition,
        tuple(service_image(service, images[service]) for service in services(plan)),
        template,
        str(plan.folder / (COMPOSE_TEMPLATE if template else "machine.yaml")),
    )


def the_facts(
    plan: MachinePlan,
    environment: Environment,
    tool: packer.Packer | None,
    base: BaseImage | None,
    name: str,
) -> preflight.Facts:
    """What is asked for, before anybody was asked. A Packer that is missing is blamed for nothing
    else.
    """
    own = plan.files.packer_template
    text = own.read_text("utf-8") if own else None
    return preflight.Facts(
        definition=str(plan.folder / "machine.yaml"),
        environment=environment.name,
        instance_type=plan.definition.instance_type,
        disk=plan.definition.disk,
        base=base,
        name=name,
        packer=".".join(map(str, tool.version)) if tool else "unknown",
        asks_imdsv2=tool is None or packer_template.asks_imdsv2(tool.version, text),
        over_public=own is None,
        asks_address=bool(environment.subnet),
    )


def services(plan: MachinePlan) -> list[str]:
    return [use if isinstance(use, str) else use.service for use in plan.definition.images]


def references(plan: MachinePlan, images: Images) -> list[str]:
    """What is pulled, in the order of the definition."""
    return [service_image(service, images[service]).reference for service in services(plan)]


def service_image(service: str, image: ContainerImage | str) -> ServiceImage:
    if isinstance(image, str):
        return ServiceImage(service, image, from_vendor=True)
    return ServiceImage(service, image.reference, image.ports)


def lineage(plan: MachinePlan, run: str) -> str:
    """What /etc/provisimus/machine says: enough to know on the machine what it is."""
    return (
        f"PROJECT={plan.project}\nMACHINE={plan.machine}\nVERSION={plan.version}\n"
        f"FINGERPRINT={plan.fingerprint}\nRUN={run}\n"
    )
