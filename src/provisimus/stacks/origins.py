"""What a stack is made with in one environment, value by value, and where each value comes from.

Files alone are read: no cloud is asked. What another stack, the machine image or the account gives
is told by its name. `in_definition` is pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from provisimus.stacks.checking import offline_wanted
from provisimus.stacks.live import stack_name
from provisimus.stacks.property_changes import HIDDEN, shown
from provisimus.stacks.template import hidden_parameters
from provisimus.stacks.types import find_type
from provisimus.stacks.types.interface import FROM_THE_IMAGE, Template, WantedStack
from provisimus.workspace import marks
from provisimus.workspace.definitions.common import Definition
from provisimus.workspace.definitions.outputs import output_of
from provisimus.workspace.definitions.stack import StackDefinition, network_used
from provisimus.workspace.definitions.stacks.raw import RawDefinition
from provisimus.workspace.described import kind_of, written
from provisimus.workspace.marks import Document, KeyPath
from provisimus.workspace.workspace import FILE, Workspace

_APART = ("type", "environments")
_REFERENCE = re.compile(r"\$?\{\{resolve:|\$\{(ssm|secret|stack):")
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Parameter:
    """One value. `key` is a path as errors have it, `parameters/Days`; below `template/` stand the
    template's own parameters that no key gives. `file` and `line` are where it is written."""

    key: str
    value: str
    origin: str
    file: str | None = None
    line: int | None = None


def parameters_with_origins(
    workspace: Workspace, environment: str, service: str
) -> list[Parameter]:
    """Of a cluster's member it is the cluster's file that says them.

    Raises NotFound, InvalidDefinitions.
    """
    definition = workspace.stack(service, environment)
    if not workspace.has_service(service):
        service = service.rpartition("-")[0]
        definition = workspace.stack(service, environment)
    document = marks.read(workspace.stacks / f"{service}.yaml")
    wanted = offline_wanted(workspace, environment, service, definition)
    template = find_type(definition.type, workspace.root).build(wanted)
    hidden = {f"parameters/{name}" for name in hidden_parameters(template)}
    made = _made_of_names(workspace, environment, service)
    found = [
        made[each.key] if each.file is None and each.key in made else each
        for each in in_definition(definition, document, workspace.root, environment, hidden)
    ]
    found += _company(workspace, definition)
    machine = workspace.machine_of(service, environment)
    return found + list(_of_template(wanted, template, machine))


def in_definition(
    definition: StackDefinition,
    document: Document,
    root: Path,
    environment: str,
    hidden: set[str] | frozenset[str] = frozenset(),
) -> Iterator[Parameter]:
    """What the file says for an environment, and the type's defaults in the place of what it leaves
    out. `hidden` are keys whose values nobody reads."""
    file = str(document.path.relative_to(root))
    for key, value in _leaves(definition, ()):
        if key[0] in _APART or (key, value) == (("tags",), "{}"):
            continue
        name = "/".join(map(str, key))
        text = _shown(name, value, name in hidden)
        place = _place(document, key, environment)
        if place is None:
            yield Parameter(name, text, f"the default of the type {definition.type}")
            continue
        line = document.lines[place]
        said = f"{file}:{line}"
        if place[0] == "environments":
            said += f", environments: {environment}"
        if isinstance(value, str) and (found := output_of(value)):
            said += f": the output {found[1]} of {found[0]}"
        yield Parameter(name, text, said, file, line)


def _leaves(value: Any, key: KeyPath, kind: str = "") -> Iterator[tuple[KeyPath, Any]]:
    """Each value with the path of its key; what has a unit is a text with it."""
    if isinstance(value, Definition):
        hints = get_type_hints(type(value), include_extras=True)
        for each in fields(value):
            named = each.metadata.get("alias", each.name)
            inner = getattr(value, each.name)
            yield from _leaves(inner, (*key, named), kind_of(hints[each.name]))
    elif isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _leaves(each, (*key, name))
    elif isinstance(value, (list, tuple)) and any(isinstance(e, (Definition, dict)) for e in value):
        for index, each in enumerate(value):
            yield from _leaves(each, (*key, index))
    else:
        yield key, written(value, kind)


def _shown(name: str, value: str, hidden: bool) -> str:
    if _REFERENCE.search(value):
        return value
    return HIDDEN if hidden else shown(name, value)


def _place(document: Document, key: KeyPath, environment: str) -> KeyPath | None:
    """The path in the file that gives a value; None where the file leaves it to the default.

    What an environment says takes the place of the whole key, but for `environment`, of which it
    changes single variables.
    """
    above: KeyPath = ("environments", environment)
    merged = key[0] == "environment"
    if (*above, *key[: 2 if merged else 1]) in document.lines:
        key = (*above, *key)
    if key in document.lines:
        return key
    # One word may stand for keys with values: `network: main`. A mapping leaves out what it lacks.
    for length in range(len(key) - 1, 0, -1):
        if key[:length] in document.lines:
            said = _at(document.data, key[:length])
            return None if isinstance(said, Mapping) else key[:length]
    return None


def _at(data: Any, key: KeyPath) -> Any:
    for part in key:
        data = data[part]
    return data


def _made_of_names(workspace: Workspace, environment: str, service: str) -> dict[str, Parameter]:
    """What stands for a key that is left out, where that is no constant."""
    name = stack_name(workspace.name, environment, service)
    told = (
        Parameter("stack_name", name, "made of project, environment and service"),
        Parameter("version", "none", f"named with the command: release {service}@VERSION"),
        Parameter("machine", service, "the name of the service"),
    )
    return {each.key: each for each in told}


def _company(workspace: Workspace, definition: StackDefinition) -> Iterator[Parameter]:
    document = marks.read(workspace.root / FILE)
    for name, value in workspace.project.tags.items():
        if name not in definition.tags:
            line = document.line(("tags", name))
            yield Parameter(f"tags/{name}", value, f"{FILE}:{line}", FILE, line)


def _of_template(
    wanted: WantedStack[Any], template: Template, machine: str | None
) -> Iterator[Parameter]:
    """The template's parameters that no key of the file gives by itself. Pure."""
    definition = wanted.definition
    network, hidden = getattr(definition, "network", None), hidden_parameters(template)
    stack = network_used(network) if network else None
    # What has no front has the same subnets there, which would tell nothing new.
    told: set[str] = set()
    for name, asked in wanted.network.wires.items() if stack else ():
        if (value := _outputs(stack or "", asked)) not in told:
            told.add(value)
            yield Parameter(f"template/{name}", value, f"an output of the stack {stack}")
    for name, each in template.get("Parameters", {}).items():
        key = f"template/{name}"
        if name in FROM_THE_IMAGE:
            said = f"the machine image of {machine or wanted.service}, when it is baked"
            yield Parameter(key, UNKNOWN, said)
        elif network == "default" and name in _OF_A_NETWORK:
            yield Parameter(key, UNKNOWN, "the account's default VPC, when the stack is made")
        elif (
            isinstance(definition, RawDefinition)
            and name not in definition.parameters
            and "Default" in each
        ):
            value = HIDDEN if name in hidden else str(each["Default"])
            yield Parameter(key, value, f"the default in stacks/{definition.template}")


def _outputs(stack: str, asked: Any) -> str:
    if isinstance(asked, list):
        return ",".join(_outputs(stack, each) for each in asked)
    return f"${{stack:{stack}.{asked['Fn::GetStackOutput']['OutputName']}}}"


_OF_A_NETWORK = ("VpcId", "SubnetId", "AvailabilityZone", "SubnetIds", "FrontSubnetIds")
