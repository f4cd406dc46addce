"""What stacks take from each other, put into their templates and read out of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from provisimus.stacks.types.interface import Template
from provisimus.user_data import literally
from provisimus.workspace.definitions.outputs import OUTPUT


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


Outputs = Mapping[str, Callable[[str], dict[str, Any]]]
"""Stacks by name, each with what gives an output of it."""


def with_outputs(template: Template, outputs: Outputs) -> dict[str, Any]:
    """The template with `Fn::GetStackOutput` where a text has `${stack:main.VpcId}` in it."""
    found: dict[str, Any] = _filled(template, outputs)
    return found


def _filled(value: Any, outputs: Outputs) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"Fn::Sub"}:
            argument = value["Fn::Sub"]
            text, values = argument if isinstance(argument, list) else (argument, {})
            if _first(text, outputs):
                text, more = _named(text, outputs)
                return {"Fn::Sub": [text, {**_filled(values, outputs), **more}]}
        return {key: _filled(each, outputs) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, outputs) for each in value]
    if isinstance(value, str) and (found := _first(value, outputs)):
        if found[0] == value:
            return outputs[found[1]](found[2])
        text, named = _named(literally(value), outputs)
        return {"Fn::Sub": [text, named]}
    return value


def _first(text: str, outputs: Outputs) -> re.Match[str] | None:
    return next((each for each in OUTPUT.finditer(text) if each[1] in outputs), None)


def _named(text: str, outputs: Outputs) -> tuple[str, dict[str, Any]]:
    """A text for `Fn::Sub` with a variable in place of each output, and what they stand for."""
    named: dict[str, Any] = {}

    def variable(found: re.Match[str]) -> str:
        stack, output = found[1], found[2]
        if stack not in outputs:
            return found[0]
        name = re.sub(r"[^A-Za-z0-9]", "", stack.title()) + output
        named[name] = outputs[stack](output)
        return f"${{{name}}}"

    return OUTPUT.sub(variable, text), named


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
