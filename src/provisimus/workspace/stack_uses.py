"""Which stacks take outputs of which: that they are there, of the right type, and in no circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from provisimus.errors import InvalidDefinitions, NotFound, Problem
from provisimus.workspace import marks
from provisimus.workspace.definitions.stack import StackDefinition, Use
from provisimus.workspace.problems import did_you_mean

if TYPE_CHECKING:
    from provisimus.workspace.workspace import Workspace


def used_stack(workspace: Workspace, environment: str, service: str, use: Use) -> StackDefinition:
    """The definition of a stack that another one uses. Raises InvalidDefinitions."""
    try:
        found: StackDefinition | None = workspace.stack(use.stack, environment)
    except NotFound:
        found = None
    known = {use.stack: found} if found is not None else {}
    for message, hint in _faults(service, use, known, workspace.services):
        path = str(workspace.stacks / f"{service}.yaml")
        raise InvalidDefinitions([Problem(path, None, "/".join(map(str, use.key)), message, hint)])
    assert found is not None
    return found


def use_faults(
    stacks: Mapping[str, StackDefinition],
) -> Iterator[tuple[str, Use, str, str | None]]:
    """What is wrong with the uses of stacks: whose, which, the message and a hint. Pure."""
    for name, definition in stacks.items():
        for use in definition.all_uses():
            for message, hint in _faults(name, use, stacks, lambda: list(stacks)):
                yield name, use, message, hint
    for name, use, way in _circles(stacks):
        message = f"the stacks use each other in a circle: {' → '.join(way)}"
        yield name, use, message, "one of them must do without the other's outputs"


def _faults(
    service: str,
    use: Use,
    known: Mapping[str, StackDefinition],
    names: Callable[[], list[str]],
) -> Iterator[tuple[str, str | None]]:
    if use.stack == service:
        yield "a stack cannot use itself", None
    elif use.stack not in known:
        what = f" of type {use.type}" if use.type else ""
        hint = did_you_mean(use.stack, [each for each in names() if each != service])
        yield f"there is no stack {use.stack!r}{what} in the workspace", hint
    elif use.type and known[use.stack].type != use.type:
        yield f"{use.stack!r} is of type {known[use.stack].type}, not {use.type}", None


def misfits_of(
    definition: StackDefinition, stacks: Mapping[str, StackDefinition]
) -> Iterator[Problem]:
    """What does not go together with the stacks that a definition uses. Without file and line.
    Those that are not there or of another type are told elsewhere. Pure."""
    used = {
        use.stack: stacks[use.stack]
        for use in definition.all_uses()
        if use.stack in stacks and use.type in (None, stacks[use.stack].type)
    }
    for each in definition.misfits(used):
        message, _, hint = str(each).partition(" — ")
        yield Problem("", None, "/".join(map(str, each.key)), message, hint or None)


def placed(workspace: Workspace, environment: str | None, name: str, problem: Problem) -> Problem:
    """The problem with the line of its key, below its environment where that says it."""
    # A member's words stand in the file of its cluster.
    file = name if workspace.has_service(name) else name.rpartition("-")[0]
    path = workspace.stacks / f"{file}.yaml"
    document = marks.read(path)
    key = tuple(problem.key.split("/")) if problem.key else ()
    above = ("environments", environment or "", *key)
    if environment is not None and above[:3] in document.lines:
        key = above
    line = document.line(tuple(int(part) if part.isdigit() else part for part in key))
    return replace(problem, file=str(path), line=line, key="/".join(key))


def in_order(stacks: Mapping[str, StackDefinition]) -> list[str]:
    """The names, each after those that it uses, otherwise sorted."""
    found: dict[str, None] = {}

    def place(name: str, above: tuple[str, ...]) -> None:
        if name in found or name in above or name not in stacks:
            return
        for used in sorted(use.stack for use in stacks[name].all_uses()):
            place(used, (*above, name))
        found[name] = None

    for name in sorted(stacks):
        place(name, ())
    return list(found)


def needs_of(stacks: Mapping[str, StackDefinition]) -> dict[str, tuple[str, ...]]:
    """By name, the others among these that each one uses. A member is its cluster. Pure."""

    def named(use: Use) -> str:
        return use.stack if use.stack in stacks else use.stack.rpartition("-")[0]

    return {
        name: tuple(sorted({named(use) for use in definition.all_uses()} & stacks.keys()))
        for name, definition in stacks.items()
    }


def _circles(
    stacks: Mapping[str, StackDefinition],
) -> Iterator[tuple[str, Use, tuple[str, ...]]]:
    """Each circle once, told at its first stack by name."""
    uses = {
        name: [use for use in definition.all_uses() if use.stack in stacks and use.stack != name]
        for name, definition in stacks.items()
    }
    for start in sorted(uses):
        ways: list[tuple[Use, tuple[str, ...]]] = [(use, (start, use.stack)) for use in uses[start]]
        seen: set[str] = set()
        while ways:
            first, way = ways.pop()
            here = way[-1]
            if here == start:
                yield start, first, way
                break
            if here in seen or here < start:
                continue
            seen.add(here)
            ways += [(first, (*way, use.stack)) for use in uses[here]]
