"""`provisimus check`, as far as templates show it: outputs that nobody gives, names that are too
long, zones of another region, what AWS's validator finds. Offline: every template is built, none is
submitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisimus.errors import InvalidDefinitions, NotFound, Problem, UsageFault
from provisimus.stacks.live import STACK_NAME_LIMIT, whole_name
from provisimus.stacks.network import offline_network
from provisimus.stacks.plan import files_of, health_of, others_of
from provisimus.stacks.policies import (
    FOLDER,
    environments_with_rules,
    rules_of,
    violations,
)
from provisimus.stacks.soundness import Soundness
from provisimus.stacks.types import find_type
from provisimus.stacks.types.interface import Template, WantedStack
from provisimus.workspace.definitions.stack import StackDefinition, Use
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.problems import did_you_mean
from provisimus.workspace.stack_uses import placed
from provisimus.workspace.workspace import Workspace


@dataclass(frozen=True)
class _Made:
    environment: str | None
    name: str
    template: Template


def stack_problems(workspace: Workspace) -> list[Problem]:
    """What is wrong with the templates of all stacks whose files are sound by themselves."""
    found = [*_names(workspace)]
    differing = sorted(
        {
            environment
            for name in workspace.services()
            for environment in getattr(_read(workspace, name), "environments", ())
        }
    )
    made: list[_Made] = []
    for environment in (None, *sorted({*differing, *_with_rules(workspace)})):
        stacks = {
            name: definition
            for name in workspace.services()
            if (definition := _read(workspace, name, environment)) is not None
        }
        found += _in_environment(workspace, environment, stacks, made)
    found += _unsound(workspace, made)
    return list(dict.fromkeys(found))


def _read(
    workspace: Workspace, name: str, environment: str | None = None
) -> StackDefinition | None:
    try:
        return workspace.stack(name, environment)
    except (InvalidDefinitions, NotFound):
        return None  # told by whoever checks the files


def _in_environment(
    workspace: Workspace,
    environment: str | None,
    stacks: Mapping[str, StackDefinition],
    made: list[_Made],
) -> Iterator[Problem]:
    """Templates that could be made are added to `made`."""
    outputs: dict[str, set[str]] = {}
    for name, definition in stacks.items():
        yield from _zones(workspace, environment, name, definition)
        try:
            template = offline_template(workspace, environment, name, definition)
        except InvalidDefinitions as error:
            for each in error.problems:
                if not _of_another_stack(workspace, name, each):
                    yield placed(workspace, environment, name, each)
        except (NotFound, UsageFault):
            continue
        else:
            outputs[name] = set(template.get("Outputs", {}))
            made.append(_Made(environment, name, template))
            yield from _against_rules(workspace, environment, name, template)
    for name, definition in stacks.items():
        for use in definition.all_uses():
            for output in use.outputs:
                if use.stack in outputs and output not in outputs[use.stack]:
                    yield _unknown(workspace, environment, name, use, output, outputs[use.stack])


def offline_template(
    workspace: Workspace, environment: str | None, name: str, definition: StackDefinition
) -> dict[str, Any]:
    """A stack's template as far as files tell it. `environment` None is without overrides."""
    wanted = offline_wanted(workspace, environment, name, definition)
    return find_type(definition.type, workspace.root).template(wanted)


def offline_wanted(
    workspace: Workspace, environment: str | None, name: str, definition: StackDefinition
) -> WantedStack[Any]:
    """What a stack's template is built from, as far as files tell it."""
    known = environment or "unknown"
    others = others_of(workspace, known, name, definition)
    return WantedStack(
        name,
        "unknown",
        definition,
        offline_network(definition, others),
        health_of(workspace, environment, name),
        others=others,
        files=files_of(workspace, name, definition),
    )


def _unsound(workspace: Workspace, made: list[_Made]) -> Iterator[Problem]:
    known = Soundness(workspace.state / "cache" / "templates.json")
    told = set()
    for each, errors in zip(made, known.errors(one.template for one in made), strict=True):
        for error in errors:
            if (each.name, error) in told:
                continue  # an environment's template is faulty as that of all
            told.add((each.name, error))
            problem = Problem(
                "",
                None,
                "",
                f"its template is not sound: {error}",
                f"provisimus stack template {each.name} prints it",
            )
            yield placed(workspace, each.environment, each.name, problem)


def _with_rules(workspace: Workspace) -> set[str]:
    return environments_with_rules(workspace.root) & workspace.project.environments.keys()


def _against_rules(
    workspace: Workspace,
    environment: str | None,
    name: str,
    template: dict[str, Any],
) -> Iterator[Problem]:
    try:
        found = violations(rules_of(workspace.root, environment), template, {})
    except InvalidDefinitions as error:
        yield from error.problems
        return
    for each in found:
        place = f" in {environment}" if environment else ""
        message = f"it is against a rule of the company{place}: {each}"
        problem = Problem("", None, "", message, f"see the rules in {FOLDER}/")
        yield placed(workspace, environment, name, problem)


def _of_another_stack(workspace: Workspace, name: str, problem: Problem) -> bool:
    """Whether it is in the file of a stack that this one uses, where it is told."""
    path = Path(problem.file)
    return path.parent == workspace.stacks and path.stem != name


def _unknown(
    workspace: Workspace,
    environment: str | None,
    name: str,
    use: Use,
    output: str,
    known: set[str],
) -> Problem:
    message = f"{use.stack} gives no output {output}"
    hint = did_you_mean(output, known) or "it gives: " + ", ".join(sorted(known))
    problem = Problem("", None, "/".join(map(str, use.key)), message, hint)
    return placed(workspace, environment, name, problem)


def _names(workspace: Workspace) -> Iterator[Problem]:
    everywhere = {name: _read(workspace, name) for name in workspace.services()}
    for environment in workspace.project.environments:
        taken: dict[str, str] = {}
        for name, definition in everywhere.items():
            if definition is not None and environment in definition.environments:
                definition = _read(workspace, name, environment)  # noqa: PLW2901 as it is there
            path = workspace.stacks / f"{name}.yaml"
            said = definition.stack_name if definition is not None else None
            whole = said or whole_name(workspace.name, environment, name)
            if len(whole) > STACK_NAME_LIMIT:
                message = (
                    f"its stack would be called {whole}, {len(whole)} characters; CloudFormation "
                    f"takes {STACK_NAME_LIMIT}"
                )
                yield Problem(str(path), None, "", message, "give it a shorter name")
            elif said and whole in taken:
                message = f"in {environment} it has the stack of {taken[whole]}, {whole}"
                hint = "a stack belongs to one definition: name another one"
                problem = Problem("", None, "stack_name", message, hint)
                yield placed(workspace, environment, name, problem)
            elif whole in taken:
                message = f"its stack would be called {whole}, as that of {taken[whole]}"
                hint = "dots become dashes there: give it another name"
                yield Problem(str(path), None, "", message, hint)
            taken.setdefault(whole, name)


def _zones(
    workspace: Workspace, environment: str | None, name: str, definition: StackDefinition
) -> Iterator[Problem]:
    """Zones by name that are not of the region of an environment."""
    if not isinstance(definition, NetworkDefinition) or isinstance(definition.zones, int):
        return
    own = getattr(_read(workspace, name), "environments", {})
    for each, about in workspace.project.environments.items():
        # One that has its own words is looked at by itself.
        if environment != (each if each in own else None):
            continue
        for index, zone in enumerate(definition.zones):
            if zone[:-1] != about.region:
                message = f"{zone} is not in {about.region}, the region of {each}"
                hint = "name a number of zones, or those of each region under environments:"
                problem = Problem("", None, f"zones/{index}", message, hint)
                yield placed(workspace, environment, name, problem)
