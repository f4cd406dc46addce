"""What it takes to bring a stack that others made under management. Changes nothing.

`plan_adoption` looks at the stack and at the definition that is or will be; the decisions are pure
functions. How the stack gets its tags stands in `adopt`, what is written in `adopted_files`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from provisimus.environment import Environment
from provisimus.errors import (
    Conflict,
    InvalidDefinitions,
    Locked,
    NotFound,
    Refused,
    UnderWay,
    UsageFault,
)
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.adopted_files import Adopted, own_tags
from provisimus.stacks.follow import latest
from provisimus.stacks.names import name_of
from provisimus.stacks.plan import preview
from provisimus.stacks.resource_change import between, change_lines
from provisimus.stacks.short_forms import read_template
from provisimus.stacks.template import NESTED, hidden_parameters, resources_of
from provisimus.stacks.tokens import asks_for, wish_of
from provisimus.stacks.types.interface import Template
from provisimus.workspace.definitions.common import checked_name
from provisimus.workspace.workspace import Workspace


@dataclass(frozen=True)
class Adoption:
    """A stack that becomes a service's. `ours` are the tags that make it so.

    `files` are those to write, their texts by path below the folder of stacks; `unsaid` the
    parameters among them that nobody can read, so that the user must say them; `differences` what
    lies between the live template and that of a definition which is there already, a line each. The
    rest is what the stack was made with and keeps: parameters by name, capabilities, who is
    notified, in which role it is changed.
    """

    service: str
    stack: Stack
    ours: Mapping[str, str]
    files: Mapping[str, str]
    unsaid: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    notified: tuple[str, ...] = ()
    role: str | None = None

    @property
    def tags(self) -> dict[str, str]:
        """All that the stack gets: those that it has, and ours."""
        return {**self.stack.tags, **self.ours}

    @property
    def tagged(self) -> bool:
        """Whether its tags say already whose it is."""
        return self.ours.items() <= dict(self.stack.tags).items()


def plan_adoption(
    workspace: Workspace, environment: Environment, name: str, service: str | None
) -> Adoption:
    """`name` is the stack's in CloudFormation; `service` None takes the one that its tags or a
    definition name, else one that is called like the stack.

    Raises NotFound, Conflict for a stack of somebody else's and for a service that has another one,
    Locked, UnderWay where it is being adopted, Refused, InvalidDefinitions, UsageFault for a name
    that no service can have.
    """
    found = live.describe(environment, name)
    if found is None:
        raise NotFound(
            f"there is no stack {name} in {environment.name}",
            hint="name it as CloudFormation does, in the environment's account and region",
        )
    stack, project = live.stack_of(found), workspace.name
    declared = _declaring(workspace, environment.name, stack.name)
    asked = service or _of_tags(stack, project, environment.name) or declared
    service = service_name(asked, stack.name, project, environment.name)
    ours = {live.PROJECT: project, live.ENVIRONMENT: environment.name, live.SERVICE: service}
    if live.state_of(stack.status) == "busy":
        now = latest(environment, stack.stack_id)
        if now and asks_for(now.token, wish(environment.name, stack.name)):
            said = f"the stack {stack.name} is being adopted: {stack.status}"
            raise UnderWay(said, stack=stack.name, stack_id=stack.stack_id, service=service)
    check_adoptable(found, ours)
    if declared not in (None, service):
        raise Conflict(
            f"the stack {stack.name} is that of {declared} already",
            where=str(workspace.stacks / f"{declared}.yaml"),
            hint=f"leave --as out, or say --as {declared}",
        )
    check_free(live.list_stacks(environment, project), stack, service)
    text = live.template_text(environment, stack)
    template = _readable(text, stack)
    check_without_nested(template, stack)
    hidden = hidden_parameters(template) & stack.parameters.keys()
    usual = live.stack_name(project, environment.name, service)
    adopted = Adopted(
        service,
        environment.name,
        stack.name,
        stack.name != usual,
        text,
        stack.parameters,
        frozenset(hidden),
        own_tags(stack.tags, workspace.project.tags),
    )
    files, differences = _definition(workspace, environment, adopted, template, stack)
    return Adoption(
        service,
        stack,
        ours,
        files,
        tuple(sorted(hidden)) if adopted.path in files else (),
        differences,
        tuple(found.get("Capabilities", ())),
        tuple(found.get("NotificationARNs", ())),
        found.get("RoleARN"),
    )


def wish(environment: str, stack: str) -> str:
    """What the token of the tagging says, by which an interrupted one is known again."""
    return wish_of(environment, stack, "adopted")


def service_name(asked: str | None, stack: str, project: str, environment: str) -> str:
    """The service that a stack becomes: the one asked for, else `greeter` of the stacks
    `acme-local-greeter` and `Greeter`. Raises UsageFault for what is no name."""
    begins = re.escape(live.stack_name(project, environment, ""))
    name = asked or re.sub(rf"^{begins}(?=.)", "", stack).lower()
    try:
        return checked_name(name)
    except ValueError as error:
        hint = f"name the service: provisimus stack adopt {stack} --as NAME"
        raise UsageFault(str(error), hint=hint) from None


def check_adoptable(found: Any, ours: Mapping[str, str]) -> None:
    """Raises for a stack of DescribeStacks' that cannot be adopted: Conflict for somebody else's,
    Refused for one inside another or one that is stuck, Locked for a busy one."""
    stack = live.stack_of(found)
    owner = {key: stack.tags[key] for key in ours if key in stack.tags}
    if live.PROJECT in owner and not owner.items() <= ours.items():
        whose = ", ".join(owner.values())
        raise Conflict(
            f"the stack {stack.name} has an owner: {whose}",
            where=stack.stack_id,
            hint="adopt it from there, by that name; or take its tags provisimus:… away first",
        )
    if parent := found.get("ParentId"):
        raise Refused(
            f"the stack {stack.name} is a part of another one",
            where=str(parent),
            hint="adopt stacks that stand by themselves; the outer one is refused, too, as long as "
            "it has nested ones: move their resources into stacks of their own first",
        )
    match live.state_of(stack.status):
        case "busy":
            raise Locked(
                f"the stack {stack.name} is busy: {stack.status}",
                where=stack.stack_id,
                hint="wait until it rests, then run this again",
            )
        case "stuck":
            raise Refused(
                f"the stack {stack.name} is stuck: {stack.status}: {stack.reason or 'unknown'}",
                where=stack.stack_id,
                hint="lead it out by what made it (continue or cancel the rollback), then adopt it",
            )
        case "leftover":
            raise Refused(
                f"the stack {stack.name} holds nothing: {stack.status}",
                where=stack.stack_id,
                hint="delete it and make it anew: provisimus stack types raw",
            )
        case "ready":
            pass


def check_without_nested(template: Template, stack: Stack) -> None:
    """Raises Refused for a template with nested stacks. Pure.

    CloudFormation hands a stack's tags on to its nested ones ("Working with nested stacks"), which
    would all be the service's then; and no change set says what becomes of what is in them.
    """
    if nested := sorted(resources_of(template, NESTED)):
        raise Refused(
            f"the stack {stack.name} has nested stacks: {', '.join(nested)}",
            where=stack.stack_id,
            hint="move their resources into stacks of their own (a resource import keeps them), "
            "then adopt each",
        )


def check_free(stacks: Iterable[Stack], stack: Stack, service: str) -> None:
    """Raises Conflict where another of the project's stacks there is the service's. Pure."""
    for each in stacks:
        if each.tags.get(live.SERVICE) == service and each.stack_id != stack.stack_id:
            raise Conflict(
                f"{service} has a stack already: {each.name}",
                where=each.stack_id,
                hint="name another service with --as; or delete that stack first: "
                f"provisimus stack delete {service}",
            )


def _declaring(workspace: Workspace, environment: str, name: str) -> str | None:
    """The service whose definition has the stack of this name; a faulty one has none."""
    for each in workspace.services():
        with suppress(InvalidDefinitions):
            if name_of(workspace, environment, each) == name:
                return each
    return None


def _readable(text: str, stack: Stack) -> Template:
    """Raises Refused for a template that no definition of type raw can have."""
    try:
        return read_template(text, stack.name)
    except InvalidDefinitions as error:
        [problem] = error.problems
        raise Refused(
            f"the template of {stack.name} cannot be a definition's: {problem.message}",
            where=stack.stack_id,
            hint=problem.hint or "bring it into a form that is read by what made it",
        ) from None


def _of_tags(stack: Stack, project: str, environment: str) -> str | None:
    mine = {live.PROJECT: project, live.ENVIRONMENT: environment}
    return stack.tags.get(live.SERVICE) if mine.items() <= dict(stack.tags).items() else None


def _definition(
    workspace: Workspace,
    environment: Environment,
    adopted: Adopted,
    template: Template,
    stack: Stack,
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The files to write; or, of a definition that is there, how its template differs."""
    service, folder = adopted.service, workspace.stacks
    files = adopted.files()
    there = {path: _text(folder / path) for path in files}
    if there[adopted.path] is None or there[adopted.path] == files[adopted.path]:
        other = there[adopted.template]
        if there[adopted.path] is None and other not in (None, files[adopted.template]):
            raise Conflict(
                f"{adopted.template} is there already and is not the template of {stack.name}",
                where=str(folder / adopted.template),
                hint="move it away, or name another service with --as",
            )
        return {path: text for path, text in files.items() if there[path] is None}, ()
    said = name_of(workspace, environment.name, service)
    if said != stack.name:
        raise Conflict(
            f"the stack of {service} in {environment.name} is called {said}, not {stack.name}",
            where=str(folder / adopted.path),
            hint="name another service with --as; or write into the file: "
            f"environments: {{{environment.name}: {{stack_name: {stack.name}}}}}",
        )
    wanted = preview(workspace, environment, service)
    return {}, tuple(change_lines(between(template, stack.parameters, wanted, stack.parameters)))


def _text(path: Any) -> str | None:
    try:
        found: str = path.read_bytes().decode()
    except FileNotFoundError:
        return None
    return found
