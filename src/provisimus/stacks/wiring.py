"""What stacks take from each other, put into their templates and read out of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisimus.stacks.types.interface import Template


def wired(template: Template, wires: Mapping[str, Any]) -> dict[str, Any]:
    """The template with other values in place of some of its parameters, which it has no more."""
    if not wires:
        return dict(template)
    whole: dict[str, Any] = _replaced(template, wires)
    left = {name: each for name, each in template["Parameters"].items() if name not in wires}
    whole["Parameters"] = left
    return whole if left else {key: each for key, each in whole.items() if key != "Parameters"}


def _replaced(value: Any, wires: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"Ref"} and value["Ref"] in wires:
            return wires[value["Ref"]]
        if set(value) == {"Fn::Sub"}:
            return {"Fn::Sub": _put_into(value["Fn::Sub"], wires)}
        return {key: _replaced(each, wires) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, wires) for each in value]
    return value


def _put_into(argument: Any, wires: Mapping[str, Any]) -> Any:
    """What `Fn::Sub` is given, with a value of its own for each name that is no parameter now."""
    text, values = argument if isinstance(argument, list) else (argument, {})
    named = {name: wires[name] for name in wires if f"${{{name}}}" in text and name not in values}
    values = {**_replaced(values, wires), **named}
    return [text, values] if values else text


def taken(template: Template) -> set[tuple[str, str]]:
    """The outputs of other stacks that a template asks for: stack and output."""
    return set(_taken(template))


def _taken(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        if set(value) == {"Fn::GetStackOutput"}:
            asked = value["Fn::GetStackOutput"]
            yield str(asked["StackName"]), str(asked["OutputName"])
            return
        for each in value.values():
            yield from _taken(each)
    elif isinstance(value, list):
        for each in value:
            yield from _taken(each)
