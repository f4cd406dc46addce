"""A company's own rules for its templates: files of CloudFormation Guard, before any call.

`policies/*.guard` beside provisimus.yaml hold everywhere, `policies/<environment>/*.guard` in one
environment. They are evaluated in process by AWS's validator, which has an evaluator for Guard
("guard_rules" in its README). Without it, rules are an error and never silently left out.
"""

from __future__ import annotations

import atexit
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem, Refused, ToolMissing
from provisimus.stacks.template import hidden_parameters
from provisimus.stacks.types.interface import Template

FOLDER = "policies"


@dataclass(frozen=True, order=True)
class Rules:
    """One file of rules. `name` is its path below the workspace."""

    name: str
    text: str


@dataclass(frozen=True, order=True)
class Violation:
    """A rule that a resource does not keep. `path` is like Properties.Encrypted."""

    rule: str
    resource: str
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.resource} {self.path}".rstrip()
        return f"{where}: {self.message} ({self.rule})"


def rules_of(root: Path, environment: str | None) -> tuple[Rules, ...]:
    """The rules that hold in an environment; None is in all of them. Raises InvalidDefinitions for
    a file that cannot be read."""
    folder = root / FOLDER
    paths = sorted(folder.glob("*.guard"))
    if environment is not None:
        paths += sorted((folder / environment).glob("*.guard"))
    return tuple(Rules(str(path.relative_to(root)), _text(path)) for path in paths)


def environments_with_rules(root: Path) -> set[str]:
    """The environments that have rules of their own."""
    return {path.parent.name for path in (root / FOLDER).glob("*/*.guard")}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidDefinitions(
            [Problem(str(path), None, "", f"the rules cannot be read: {why}")]
        ) from None


def check_policies(
    rules: tuple[Rules, ...], service: str, template: Template, parameters: Mapping[str, str]
) -> None:
    """Raises Refused with every rule that is not kept, ToolMissing where rules cannot be checked,
    InvalidDefinitions for a file that is no Guard."""
    found = violations(rules, template, parameters)
    if found:
        rest = len(found) - 1
        more = f", and {rest} more" if rest else ""
        raise Refused(
            f"{service} does not keep the rules of the company: {found[0]}{more}",
            where="; ".join(map(str, found[1:])) or None,
            hint=f"nothing was submitted; the rules stand in {FOLDER}/",
        )


def violations(
    rules: tuple[Rules, ...], template: Template, parameters: Mapping[str, str]
) -> list[Violation]:
    """What of a template is against the rules, each once. They see the values of parameters in
    place of references to them, but for those that nobody shall see."""
    if not rules:
        return []
    import json

    report = _engine(rules).validate_template(json.dumps(resolved(template, parameters)).encode())
    found = {
        Violation(
            each.rule_id,
            each.entity.logical_id if each.entity else "the template",
            each.property_path or "",
            each.message,
        )
        for each in report.diagnostics
        if each.source.name == "GUARD" and each.severity.name in ("ERROR", "FATAL")
    }
    return sorted(found)


def resolved(template: Template, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The template with the values of parameters in its resources. Pure."""
    declared = template.get("Parameters", {})
    values: dict[str, Any] = {}
    for name in parameters.keys() & declared.keys() - hidden_parameters(template):
        kind = str(declared[name].get("Type", ""))
        several = kind.startswith("List<") or kind == "CommaDelimitedList"
        values[name] = parameters[name].split(",") if several else parameters[name]
    return {**template, "Resources": _put_in(template.get("Resources", {}), values)}


def _put_in(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"Ref"} and value["Ref"] in values:
            return values[value["Ref"]]
        return {key: _put_in(each, values) for key, each in value.items()}
    return [_put_in(each, values) for each in value] if isinstance(value, list) else value


@cache
def _engine(rules: tuple[Rules, ...]) -> Any:
    try:
        library: Any = importlib.import_module("cloudformation_validate")
    except (ImportError, OSError):
        raise ToolMissing(
            "the rules of the company cannot be checked: cloudformation-validate is not installed",
            where=rules[0].name,
            hint="pip install cloudformation-validate; without it nothing is submitted",
        ) from None
    # Freed before its library is taken apart at the end of the process.
    atexit.register(_engine.cache_clear)
    sources = [library.ExternalRuleSource(name=each.name, content=each.text) for each in rules]
    try:
        return library.CelEngine(library.EngineConfig(guard_rules=sources))
    except library.ValidationError as error:
        raise InvalidDefinitions([_problem(rules, str(error))]) from None


def _problem(rules: tuple[Rules, ...], said: str) -> Problem:
    """What the parser says, at the file and line that it names."""
    name = next((each.name for each in rules if each.name in said), rules[0].name)
    line = re.search(r"at line (\d+)", said)
    text = re.sub(r"^msg=['\"]|['\"]$", "", said)
    hint = "see: the language of CloudFormation Guard"
    return Problem(name, int(line[1]) if line else None, "", text, hint)
