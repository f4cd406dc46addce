"""Whether the values for a template's parameters are such as it declares them. Pure.

The rules are CloudFormation's ("Parameters section structure"), which would tell of the first only,
when a change set is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

from provisimus.errors import Problem
from provisimus.stacks.template import hidden_parameters
from provisimus.stacks.types.interface import Template
from provisimus.workspace.definitions.outputs import output_of
from provisimus.workspace.problems import did_you_mean

_REFERENCE = re.compile(r"\{\{resolve:[a-z-]+:.+\}\}")
_OF_A_LIST = ("CommaDelimitedList", "List<")
_BY_REFERENCE = 'write a reference: "{{resolve:secretsmanager:NAME:SecretString:KEY}}"'


def parameter_problems(
    template: Template, given: Mapping[str, str], file: str
) -> Iterator[Problem]:
    """What is wrong with each; the keys are `parameters/NAME`, without file and line. `file` is the
    template's. What only refers to a value elsewhere cannot be looked at."""
    declared: Mapping[str, Any] = template.get("Parameters", {})
    hidden = hidden_parameters(template)
    missing = [n for n, about in declared.items() if n not in given and "Default" not in about]
    # One that is given by a misspelt name is told there.
    meant = {near for n in given if n not in declared for near in get_close_matches(n, missing, 1)}
    for name in missing:
        if name not in meant:
            said = f"the template {file} needs a value for {name}, and none is given"
            yield _problem(name, said, f"add `{name}:` to the parameters, or a Default there")
    for name, value in given.items():
        if name not in declared:
            known = did_you_mean(name, declared) or ("it has: " + ", ".join(declared))
            said = f"the template {file} has no parameter {name}"
            yield _problem(name, said, declared and known)
        elif output_of(value) or _REFERENCE.fullmatch(value):
            continue
        elif name in hidden:
            # Without the value: what is told here is kept in logs.
            said = f"{name} is a secret (NoEcho), and its value stands in the file"
            yield _problem(name, said, _BY_REFERENCE)
        else:
            for said in _faults(value, declared[name]):
                yield _problem(name, said, declared[name].get("ConstraintDescription"))


def _problem(name: str, message: str, hint: Any) -> Problem:
    return Problem("", None, f"parameters/{name}", message, str(hint) if hint else None)


def _faults(value: str, about: Mapping[str, Any]) -> Iterator[str]:
    kind = str(about.get("Type", "String"))
    if kind.startswith("AWS::SSM::"):
        return  # the value is the name of what holds it
    items = value.split(",") if kind.startswith(_OF_A_LIST) else [value]
    for item in map(str.strip, items) if len(items) > 1 else items:
        yield from _of_one(item, kind, about)


def _of_one(item: str, kind: str, about: Mapping[str, Any]) -> Iterator[str]:
    allowed = [_text(each) for each in about.get("AllowedValues", ())]
    if allowed and item not in allowed:
        yield f"{item!r} is not allowed: one of {', '.join(allowed)}"
    pattern = about.get("AllowedPattern")
    # A pattern of Java's that Python cannot read is left to CloudFormation.
    with suppress(re.error):
        if pattern and not re.fullmatch(str(pattern), item):
            yield f"{item!r} does not match {pattern}"
    if "Number" in kind:
        try:
            number = float(item)
        except ValueError:
            yield f"{item!r} is no number"
            return
        yield from _bounds(number, about.get("MinValue"), about.get("MaxValue"), item)
    elif kind == "String":
        said = f"{item!r} has {len(item)} characters, which"
        yield from _bounds(len(item), about.get("MinLength"), about.get("MaxLength"), said)


def _bounds(number: float, least: Any, most: Any, said: str) -> Iterator[str]:
    if least is not None and number < float(least):
        yield f"{said} is less than {least}"
    if most is not None and number > float(most):
        yield f"{said} is more than {most}"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
