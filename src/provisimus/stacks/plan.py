"""What a stack shall be, and what lies between that and what it is. Changes nothing.

`plan_stack` pins (network), defines (template, fingerprint), observes (one DescribeStacks) and
decides. Only a stack that changes costs a second call, for its template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from provisimus.environment import Environment
from provisimus.errors import InvalidDefinitions, Locked, Problem, Refused, UnderWay
from provisimus.model import Digest, Stack, Step
from provisimus.stacks import live as observed
from provisimus.stacks.differences import in_words, sections_in_words, shortened
from provisimus.stacks.follow import latest
from provisimus.stacks.gate import expect_template
from provisimus.stacks.names import name_of
from provisimus.stacks.network import resolve_network
from provisimus.stacks.places import Places, named_in
from provisimus.stacks.policies import check_policies, rules_of
from provisimus.stacks.template import (
    SWAP_OF,
    fingerprint_of,
    is_detached,
    needs_swap,
)
from provisimus.stacks.tokens import asks_for, wish_of
from provisimus.stacks.types import find_type
from provisimus.stacks.types.interface import (
    FROM_THE_IMAGE,
    IMAGE_ID,
    Network,
    OtherStack,
    StackType,
    Template,
    WantedStack,
)
from provisimus.workspace.definitions.machine import Health
from provisimus.workspace.definitions.stack import StackDefinition, version_of
from provisimus.workspace.stack_uses import misfits_of, placed, used_stack
from provisimus.workspace.workspace import Workspace

Change = Literal["none", "create", "update", "swap", "resume"]
"""`swap` is two updates, `resume` the second of them after an interruption."""


@dataclass(frozen=True)
class StackPlan:
    """A wanted stack and the way to it. `parameters` lack those read from the machine image."""

    service: str
    version: str
    environment: str
    name: str
    template: Template
    parameters: Mapping[str, str]
    fingerprint: Digest
    machine_fingerprint: Digest | None
    """None is a stack without a machine."""
    ours: Mapping[str, str]
    """The tags that say whose stack it is."""
    live: Stack | None
    change: Change
    reason: str
    health: Health | None
    uses: Mapping[str, str] = field(default_factory=dict)
    """The stacks that it takes outputs of: their names in the workspace, and in CloudFormation."""
    kind: StackType[Any] | None = field(default=None, compare=False, repr=False)
    company: Mapping[str, str] = field(default_factory=dict)
    """The company's own tags, and the definition's."""
    running: Template | None = field(default=None, compare=False, repr=False)
    """The template of `live`, read where something is to be done to it."""

    def steps(self) -> tuple[Step, ...]:
        """In order; a swap is two updates, for CloudFormation cannot do it in one."""

        def step(action: str, reason: str, *, needed: bool = True) -> Step:
            return Step("stack", self.name, action, reason, needed)

        match self.change:
            case "none":
                return (step("keep", self.reason, needed=False),)
            case "create":
                return (step("create", self.reason),)
            case "update":
                return (step("update", self.reason),)
            case "swap":
                why = f"{self.reason}: the old instance is stopped and gives up its data volumes"
                return (
                    step("release volumes", why),
                    step("swap instance", "the new instance takes the data volumes over"),
                )
            case "resume":
                return (step("swap instance", self.reason),)


def plan_stack(
    workspace: Workspace,
    environment: Environment,
    service: str,
    version: str,
    machine_fingerprint: Digest | None,
    seen: Mapping[str, Stack] | None = None,
) -> StackPlan:
    """Without a machine there is no fingerprint of one, and the version is empty. `seen` has every
    stack of the account by name, where they were read together.

    Raises Conflict, Locked and Refused when the stack of this name may not be touched, UnderWay
    when it is on its way to just this, Refused when what it is to be is against the company's
    rules, InvalidDefinitions for zones and subnets that are not there.
    """
    definition = workspace.stack(service, environment.name)
    where = str(workspace.stacks / f"{service}.yaml")
    kind = find_type(definition.type, workspace.root, where=where)
    others = others_of(workspace, environment.name, service, definition)
    name = name_of(workspace, environment.name, service)
    ours = _ours(workspace, environment.name, service)
    files = files_of(workspace, service, definition)
    live = observed.find_stack(environment, name) if seen is None else seen.get(name)
    busy: Locked | None = None
    if live is not None:
        try:
            observed.check_usable(live, ours)
        except Locked as locked:
            busy = locked
        if observed.state_of(live.status) == "leftover":
            live = None
    if live is None:
        expect_template()
    places = Places(environment)
    with _in_its_file(workspace, environment.name, service):
        network = resolve_network(environment, definition, live, others, where=where, places=places)
    wanted = WantedStack(
        service,
        version,
        definition,
        network,
        health_of(workspace, environment.name, service),
        str(machine_fingerprint or "unknown"),
        ours,
        others,
        files,
    )
    template, parameters = kind.template(wanted), kind.given(wanted)
    company = {**workspace.project.tags, **definition.tags}
    named = fingerprint_of(template, parameters, machine_fingerprint, company)
    if busy is not None:
        assert live is not None
        raise _same(environment, live, service, named) or busy
    running = None
    if live is not None and not _is(live, named):
        running = observed.template_of(environment, live)
    change, reason = decide(live, running, template, parameters, named, machine_fingerprint)
    if running is not None and (cannot := kind.forbidden(running, template)):
        raise Refused(cannot.what, where=where, hint=cannot.instead)
    if change != "none":
        with _in_its_file(workspace, environment.name, service):
            places.check(named_in(definition, template, parameters))
        rules = rules_of(workspace.root, environment.name)
        check_policies(rules, service, template, parameters)
    return StackPlan(
        service,
        version,
        environment.name,
        name,
        template,
        parameters,
        named,
        machine_fingerprint,
        ours,
        live,
        change,
        reason,
        wanted.health,
        {used: each.name for used, each in others.items()},
        kind,
        company,
        running,
    )


def _same(environment: Environment, live: Stack, service: str, named: Digest) -> UnderWay | None:
    """What a busy stack is told with where it is on its way to just what is wanted."""
    now = latest(environment, live.stack_id)
    wish = wish_of(environment.name, live.name, str(named))
    if now is None or not asks_for(now.token, wish):
        return None
    return UnderWay(
        f"the stack {live.name} is on its way to the same: {live.status}",
        stack=live.name,
        stack_id=live.stack_id,
        service=service,
    )


def others_of(
    workspace: Workspace, environment: str, service: str, definition: StackDefinition
) -> dict[str, OtherStack]:
    """The stacks that a definition takes outputs of. Raises InvalidDefinitions for one that is not
    there or of another type."""
    found = {}
    for use in definition.all_uses():
        stack = used_stack(workspace, environment, service, use)
        found[use.stack] = OtherStack(name_of(workspace, environment, use.stack), stack)
    used = {name: each.definition for name, each in found.items()}
    if problems := list(misfits_of(definition, used)):
        raise InvalidDefinitions([placed(workspace, environment, service, e) for e in problems])
    return found


@contextmanager
def _in_its_file(workspace: Workspace, environment: str, service: str) -> Iterator[None]:
    """Give problems inside the block the file and the line of their keys."""
    try:
        yield
    except InvalidDefinitions as error:
        found = [placed(workspace, environment, service, each) for each in error.problems]
        raise InvalidDefinitions(found) from None


def _ours(workspace: Workspace, environment: str, service: str) -> dict[str, str]:
    return {
        observed.PROJECT: workspace.name,
        observed.ENVIRONMENT: environment,
        observed.SERVICE: service,
    }


def files_of(workspace: Workspace, service: str, definition: StackDefinition) -> dict[str, str]:
    """Raises InvalidDefinitions for a file that cannot be read."""
    found = {}
    for name in definition.files():
        try:
            found[name] = (workspace.stacks / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            path = str(workspace.stacks / f"{service}.yaml")
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            said = f"the file {name} cannot be read: {why}"
            raise InvalidDefinitions([Problem(path, None, "template", said)]) from None
    return found


def health_of(workspace: Workspace, environment: str | None, service: str) -> Health | None:
    machine = workspace.machine_of(service, environment)
    return workspace.machine(machine).health if machine else None


def running_image(plan: StackPlan) -> str | None:
    """The AMI of a stack that is all it is wanted to be; None when there is something to do."""
    if plan.change != "none" or plan.live is None:
        return None
    return plan.live.parameters.get(IMAGE_ID)


def decide(
    live: Stack | None,
    running: Template | None,
    template: Template,
    parameters: Mapping[str, str],
    named: Digest,
    machine: Digest | None,
) -> tuple[Change, str]:
    """What must be done to a stack, and why. `running` is its template; not needed for `none`."""
    if live is None:
        return "create", "there is no such stack"
    if _is(live, named):
        version = parameters.get("Version")
        which = f" and version {version}" if version else ""
        return "none", f"the stack has this fingerprint{which}"
    assert running is not None
    if is_detached(running):
        return "resume", "a swap was interrupted before the new instance took the volumes over"
    before = _comparable(live.parameters, live.tags.get(observed.MACHINE))
    after = _comparable(parameters, str(machine) if machine else None)
    # What the template's own default gives, nobody gave.
    own = template.get("Parameters", {}).keys() - after.keys()
    before = {name: value for name, value in before.items() if name not in own}
    words = list(in_words(running, before, template, after))
    words = words or list(sections_in_words(running, template)) or ["its tags changed"]
    reason = "; ".join(shortened(words))
    swap = needs_swap(running, before, template, after)
    return ("swap" if swap else "update"), reason


def _is(live: Stack, named: Digest) -> bool:
    return live.tags.get(observed.FINGERPRINT) == str(named) and SWAP_OF not in live.outputs


def _comparable(parameters: Mapping[str, str], machine: str | None) -> dict[str, str]:
    """Parameters with the machine's fingerprint in place of what is read from its AMI; without a
    machine nothing is."""
    if machine is None:
        return dict(parameters)
    rest = {name: value for name, value in parameters.items() if name not in FROM_THE_IMAGE}
    return {**rest, IMAGE_ID: machine}


def preview(workspace: Workspace, environment: Environment, service: str) -> dict[str, Any]:
    """The template that a service would get, for reading.

    The cloud is asked only where the definition names a subnet: a default one is public.
    """
    definition = workspace.stack(service, environment.name)
    where = str(workspace.stacks / f"{service}.yaml")
    kind = find_type(definition.type, workspace.root, where=where)
    others = others_of(workspace, environment.name, service, definition)
    network = Network("", "", "", True)
    if getattr(definition, "network", None) != "default":
        with _in_its_file(workspace, environment.name, service):
            network = resolve_network(
                environment, definition, None, others, where=where, places=Places(environment)
            )
    health = health_of(workspace, environment.name, service)
    version = version_of(definition) or "unknown"
    files = files_of(workspace, service, definition)
    ours = _ours(workspace, environment.name, service)
    return kind.template(
        WantedStack(
            service, version, definition, network, health, ours=ours, others=others, files=files
        )
    )
