"""Evaluate intrinsic functions against a context value.

Pure: everything that a function may need (parameters, mappings, physical ids, attributes, zones)
stands in the `Context`. A reference to what exists only after the change is applied evaluates to
`KNOWN_AFTER_APPLY`, and so does every text made from it: that is how change sets show it on AWS.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisimus.localcloud.cloudformation.errors import ValidationError, unsupported
from provisimus.localcloud.cloudformation.references import split_attribute

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"

_FUNCTION = re.compile(r"Fn::\w+")
_SUB_TOKEN = re.compile(r"\$\{([^}]*)\}")


class _NoValue:
    """What `Ref: AWS::NoValue` evaluates to: the key or item that holds it disappears."""


NO_VALUE = _NoValue()


@dataclass(frozen=True)
class ResourceValue:
    """What other resources may know of one: its Ref and its attributes."""

    ref: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    after_apply: bool = False


UNKNOWN_RESOURCE = ResourceValue(KNOWN_AFTER_APPLY, after_apply=True)


@dataclass(frozen=True)
class Context:
    """All that evaluation may look at."""

    parameters: Mapping[str, str | list[str]] = field(default_factory=dict)
    pseudo: Mapping[str, Any] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)
    resources: Mapping[str, ResourceValue] = field(default_factory=dict)
    zones: Mapping[str, list[str]] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    """What other stacks export, by name."""
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What other stacks put out, by their names."""


def evaluate(value: Any, context: Context) -> Any:
    """The value with every function replaced by its result; raises ValidationError."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            (key, argument), *_ = value.items()
            if key == "Ref":
                return _ref(argument, context)
            if _FUNCTION.fullmatch(key):
                function = _FUNCTIONS.get(key)
                if function is None:
                    raise unsupported(f"Function {key}")
                return function(argument, context)
        evaluated = ((key, evaluate(inner, context)) for key, inner in value.items())
        return {key: inner for key, inner in evaluated if inner is not NO_VALUE}
    if isinstance(value, list):
        return [item for item in (evaluate(i, context) for i in value) if item is not NO_VALUE]
    return value


def evaluate_conditions(conditions: Mapping[str, Any], context: Context) -> dict[str, bool]:
    """Every named condition's truth; conditions may speak of each other."""
    done: dict[str, bool] = {}

    def truth(expression: Any, path: tuple[str, ...]) -> bool:
        if isinstance(expression, Mapping) and len(expression) == 1:
            (key, argument), *_ = expression.items()
            if key == "Condition":
                return named(argument, path)
            if key == "Fn::Equals":
                left, right = (evaluate(side, context) for side in argument)
                return text(left) == text(right) if _plain(left, right) else bool(left == right)
            if key == "Fn::Not":
                return not truth(argument[0], path)
            if key == "Fn::And":
                return all(truth(each, path) for each in argument)
            if key == "Fn::Or":
                return any(truth(each, path) for each in argument)
        raise ValidationError(
            "Template format error: Every Condition member must be a string or one of Fn::Equals, "
            "Fn::Not, Fn::And, Fn::Or."
        )

    def named(name: Any, path: tuple[str, ...]) -> bool:
        if name not in conditions:
            raise ValidationError(
                f"Template format error: Unresolved condition dependency {name} in the Conditions "
                "block of the template"
            )
        if name in path:
            raise ValidationError(
                f"Template format error: Circular dependencies for conditions: [{', '.join(path)}]"
            )
        if name not in done:
            done[name] = truth(conditions[name], (*path, name))
        return done[name]

    for name in conditions:
        named(name, ())
    return done


def text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# ---- the functions ------------------------------------------------------------------------------


def _ref(name: Any, context: Context) -> Any:
    if name == "AWS::NoValue":
        return NO_VALUE
    for scope in (context.pseudo, context.parameters):
        if name in scope:
            return scope[name]
    if name in context.resources:
        return context.resources[name].ref
    raise _unresolved(str(name))


def _get_att(argument: Any, context: Context) -> Any:
    evaluated = evaluate(argument, context) if isinstance(argument, list) else argument
    name, attribute = split_attribute(evaluated)
    return _attribute(name, attribute, context)


def _attribute(name: str, attribute: str, context: Context) -> Any:
    resource = context.resources.get(name)
    if resource is None:
        raise _unresolved(name)
    if resource.after_apply:
        return KNOWN_AFTER_APPLY
    if attribute not in resource.attributes:
        raise ValidationError(
            f"Template error: resource {name} does not support attribute type {attribute} in "
            "Fn::GetAtt"
        )
    return resource.attributes[attribute]


def _sub(argument: Any, context: Context) -> Any:
    template, given = argument, {}
    if isinstance(argument, list):
        template, given = argument
    values = {key: evaluate(value, context) for key, value in given.items()}
    after_apply = False

    def replace(match: re.Match[str]) -> str:
        nonlocal after_apply
        name = match[1].strip()
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in values:
            result = values[name]
        elif "." in name:
            base, attribute = name.split(".", 1)
            result = _attribute(base, attribute, context)
        else:
            result = _ref(name, context)
        after_apply |= is_after_apply(result)
        if isinstance(result, list):
            return ",".join(text(item) for item in result)
        return "" if result is NO_VALUE else text(result)

    substituted = _SUB_TOKEN.sub(replace, str(template))
    return KNOWN_AFTER_APPLY if after_apply else substituted


def _join(argument: Any, context: Context) -> Any:
    match argument:
        case [str(delimiter), items]:
            values = evaluate(items, context)
        case _:
            raise _misused("Fn::Join", "a string delimiter and a list")
    if is_after_apply(values):
        return KNOWN_AFTER_APPLY
    if not isinstance(values, list):
        raise _misused("Fn::Join", "a string delimiter and a list")
    if any(is_after_apply(value) for value in values):
        return KNOWN_AFTER_APPLY
    return delimiter.join(text(value) for value in values)


def _split(argument: Any, context: Context) -> Any:
    match evaluate(argument, context):
        case [str(), str(source)] if is_after_apply(source):
            return [KNOWN_AFTER_APPLY]
        case [str(delimiter), str(source)] if delimiter:
            return source.split(delimiter)
        case _:
            raise _misused("Fn::Split", "a delimiter and a string")


def _select(argument: Any, context: Context) -> Any:
    match evaluate(argument, context):
        case [index, list(values)]:
            if values == [KNOWN_AFTER_APPLY]:
                return KNOWN_AFTER_APPLY
            try:
                position = int(index)
            except (TypeError, ValueError):
                raise _misused("Fn::Select", "an index and a list") from None
            if not 0 <= position < len(values):
                raise ValidationError(
                    f"Template error: Fn::Select cannot select nonexistent value at index {index}"
                )
            return values[position]
        case [_, str(value)] if is_after_apply(value):
            return KNOWN_AFTER_APPLY
        case _:
            raise _misused("Fn::Select", "an index and a list")


def _base64(argument: Any, context: Context) -> Any:
    value = evaluate(argument, context)
    if is_after_apply(value):
        return KNOWN_AFTER_APPLY
    return base64.b64encode(text(value).encode()).decode()


def _if(argument: Any, context: Context) -> Any:
    match argument:
        case [str(name), yes, no]:
            if name not in context.conditions:
                raise ValidationError(
                    f"Template error: unresolved condition dependency {name} in Fn::If"
                )
            return evaluate(yes if context.conditions[name] else no, context)
        case _:
            raise _misused("Fn::If", "a condition name and two values")


def _find_in_map(argument: Any, context: Context) -> Any:
    match evaluate(argument, context):
        case [str(name), first, second]:
            try:
                return context.mappings[name][text(first)][text(second)]
            except (KeyError, TypeError):
                raise ValidationError(
                    f"Template error: Unable to get mapping for {name}::{first}::{second}"
                ) from None
        case _:
            raise _misused("Fn::FindInMap", "a map name and two keys")


def _get_azs(argument: Any, context: Context) -> Any:
    region = evaluate(argument, context) or context.pseudo["AWS::Region"]
    if region not in context.zones:
        raise ValidationError(f"Template error: Fn::GetAZs knows no region {region}")
    return list(context.zones[region])


def _cidr(argument: Any, context: Context) -> Any:
    match evaluate(argument, context):
        case [str(block), count, *rest] if len(rest) <= 1:
            if is_after_apply(block):
                return [KNOWN_AFTER_APPLY]
            try:
                network = ipaddress.ip_network(block)
                bits = int(rest[0]) if rest else 8
                wanted = int(count)
                subnets = network.subnets(new_prefix=network.max_prefixlen - bits)
                blocks = [str(subnet) for subnet, _ in zip(subnets, range(wanted), strict=False)]
            except ValueError as error:
                raise ValidationError(
                    f"Template error: Fn::Cidr was given unusable arguments: {error}"
                ) from error
            if not 1 <= wanted <= 256 or len(blocks) < wanted:
                raise ValidationError(
                    f"Template error: Fn::Cidr cannot make {wanted} blocks of {bits} bits in "
                    f"{block}"
                )
            return blocks
        case _:
            raise _misused("Fn::Cidr", "a block, a count and a number of bits")


def _import_value(argument: Any, context: Context) -> Any:
    name = evaluate(argument, context)
    if name not in context.exports:
        raise ValidationError(f"No export named {name} found")
    return context.exports[name]


def _get_stack_output(argument: Any, context: Context) -> Any:
    match evaluate(argument, context):
        case {"StackName": str(stack), "OutputName": str(output), **rest}:
            pass
        case _:
            raise _misused("Fn::GetStackOutput", "a StackName and an OutputName")
    region = rest.pop("Region", context.pseudo["AWS::Region"])
    if region != context.pseudo["AWS::Region"]:
        raise unsupported(f"Fn::GetStackOutput from another Region ({region})")
    for key in rest:
        raise unsupported(f"Fn::GetStackOutput with {key}")
    if stack not in context.outputs:
        raise ValidationError(f"Fn::GetStackOutput: stack {stack} does not exist")
    if output not in context.outputs[stack]:
        raise ValidationError(f"Fn::GetStackOutput: stack {stack} has no output {output}")
    return context.outputs[stack][output]


def is_after_apply(value: Any) -> bool:
    return isinstance(value, str) and value == KNOWN_AFTER_APPLY


def _plain(*values: Any) -> bool:
    return all(isinstance(value, str | int | float | bool) for value in values)


def _unresolved(name: str) -> ValidationError:
    return ValidationError(
        f"Template format error: Unresolved resource dependencies [{name}] in the Resources block "
        "of the template"
    )


def _misused(function: str, wanted: str) -> ValidationError:
    return ValidationError(f"Template error: every {function} object requires {wanted}")


_FUNCTIONS = {
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::Base64": _base64,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::Cidr": _cidr,
    "Fn::ImportValue": _import_value,
    "Fn::GetStackOutput": _get_stack_output,
}
KNOWN_FUNCTIONS = frozenset(_FUNCTIONS) | {"Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"}
"""All that templates may use here, those of conditions included."""
