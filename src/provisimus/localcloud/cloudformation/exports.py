"""What stacks know of each other: exports and imports. Pure.

Source: CloudFormation template reference, "Fn::ImportValue" and "Outputs": the names of exports
are unique in an account and region, and one that is imported can be neither changed nor removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.intrinsics import Context, evaluate
from provisimus.localcloud.cloudformation.references import references
from provisimus.localcloud.cloudformation.stack import Output, Stack
from provisimus.localcloud.cloudformation.template import Template

NAME = re.compile(r"[A-Za-z0-9:-]{1,255}")
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Export:
    value: str
    stack_name: str
    leaving: bool
    """Its stack is being deleted: the name is taken, the value can no longer be imported."""


@dataclass(frozen=True)
class Neighbours:
    """What one stack may know of the others, at one moment."""

    exports: Mapping[str, Export] = field(default_factory=dict)
    importers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of each imported export the names of the stacks that import it."""
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def importable(self) -> dict[str, str]:
        return {name: each.value for name, each in self.exports.items() if not each.leaving}


def neighbours(stacks: Iterable[Stack], of: Stack | None = None) -> Neighbours:
    """All that the stacks, without the one itself, export, import and put out."""
    importers: dict[str, tuple[str, ...]] = {}
    exports: dict[str, Export] = {}
    outputs: dict[str, Mapping[str, str]] = {}
    # Once for every request of every stack: the many without outputs cost next to nothing.
    for stack in stacks:
        if stack is of or stack.status == "DELETE_COMPLETE":
            continue
        for name in stack.imports:
            importers[name] = (*importers.get(name, ()), stack.name)
        leaving = stack.status == "DELETE_IN_PROGRESS"
        for each in stack.outputs:
            if each.export:
                exports[each.export] = Export(each.value, stack.name, leaving)
        outputs[stack.name] = {o.key: o.value for o in stack.outputs} if stack.outputs else _NONE
    return Neighbours(exports, importers, outputs)


def imported_names(template: Template, context: Context) -> list[str]:
    """The exports that a deployment imports, by its conditions; raises ValidationError for one
    that there is not.
    """
    living = [
        entry
        for entry in template.resources.values()
        if entry.condition is None or context.conditions[entry.condition]
    ]
    told = [
        each
        for each in template.outputs.values()
        if "Condition" not in each or context.conditions[each["Condition"]]
    ]
    spoken = [*(entry.properties for entry in living), *told]
    names = sorted({str(evaluate(argument, context)) for argument in _imports(spoken, context)})
    for name in names:
        if name not in context.exports:
            raise ValidationError(f"No export named {name} found")
    return names


def check_static(template: Template) -> None:
    """Names of exports that depend on what is made only later; raises ValidationError."""
    entries = [entry.properties for entry in template.resources.values()]
    for argument in _imports([*entries, *template.outputs.values()], None):
        if _depends(argument, template):
            raise ValidationError(
                "Template error: the attribute in Fn::ImportValue must not depend on any "
                "resources, imported values, or Fn::GetAZs"
            )
    for key, output in template.outputs.items():
        export = output.get("Export")
        if export is None:
            continue
        malformed = f"Template format error: Output {key} is malformed. The Name field of every "
        if not isinstance(export, Mapping) or set(export) != {"Name"} or not export["Name"]:
            raise ValidationError(f"{malformed}Export member must be specified")
        if _depends(export["Name"], template):
            raise ValidationError(
                f"{malformed}Export member must not depend on any resources, imported values, or "
                "Fn::GetAZs"
            )


def check_outputs(stack: Stack, outputs: Sequence[Output], others: Neighbours) -> None:
    """Whether a stack may export what it is about to; raises ValidationError."""
    seen: set[str] = set()
    for each in outputs:
        if each.export is None:
            continue
        if not NAME.fullmatch(each.export):
            raise ValidationError(
                f"Export name {each.export}: up to 255 alphanumeric characters, colons and hyphens "
                "are allowed"
            )
        owner = others.exports.get(each.export)
        if owner is not None or each.export in seen:
            name = owner.stack_name if owner else stack.name
            raise ValidationError(
                f"Export with name {each.export} is already exported by stack {name}"
            )
        seen.add(each.export)
    wanted = {each.export: each.value for each in outputs}
    for old in stack.outputs:
        users = others.importers.get(old.export or "")
        if not users:
            continue
        if old.export not in wanted:
            raise _in_use(old.export, "deleted", users)
        if wanted[old.export] != old.value:
            raise _in_use(old.export, "updated", users)


def check_deletion(stack: Stack, others: Neighbours) -> None:
    """Raises ValidationError where another stack imports what this one exports."""
    for each in stack.outputs:
        users = others.importers.get(each.export or "")
        if users:
            raise _in_use(each.export, "deleted", users)


def _in_use(name: str | None, verb: str, users: Iterable[str]) -> ValidationError:
    return ValidationError(
        f"Export {name} cannot be {verb} as it is in use by {', '.join(sorted(users))}"
    )


def _imports(value: Any, context: Context | None) -> Iterator[Any]:
    """The arguments of every Fn::ImportValue; with a context, only where conditions hold."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Fn::ImportValue":
                yield inner
            elif key == "Fn::If" and context and isinstance(inner, list) and len(inner) == 3:
                yield from _imports(inner[1 if context.conditions.get(inner[0]) else 2], context)
            else:
                yield from _imports(inner, context)
    elif isinstance(value, list):
        for inner in value:
            yield from _imports(inner, context)


def _depends(value: Any, template: Template) -> bool:
    return any(name in template.resources for name, _ in references(value)) or _has(
        value, ("Fn::ImportValue", "Fn::GetAZs")
    )


def _has(value: Any, functions: tuple[str, ...]) -> bool:
    if isinstance(value, Mapping):
        return any(key in functions or _has(inner, functions) for key, inner in value.items())
    return isinstance(value, list) and any(_has(inner, functions) for inner in value)
