"""Stack policies: which resources an update may modify, replace or delete. Pure.

Source: CloudFormation user guide, "Prevent updates to stack resources". Once there is a policy,
what no statement allows is denied; a statement that denies wins over those that allow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.shapes import Fate
from provisimus.localcloud.cloudformation.stack import Resource, Stack
from provisimus.localcloud.cloudformation.template import ResourceDefinition

Action = Literal["Update:Modify", "Update:Replace", "Update:Delete"]

MAX_LENGTH = 16_384
"""Documented length of StackPolicyBody."""
_ACTIONS: tuple[Action, ...] = ("Update:Modify", "Update:Replace", "Update:Delete")
_PREFIX = "LogicalResourceId/"
_KEYS = {
    "Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip


@dataclass(frozen=True)
class Statement:
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    but_actions: bool = False
    """NotAction: it speaks of every action but those."""
    but_resources: bool = False
    types: tuple[tuple[str, ...], ...] = ()
    """Of each condition the resource types that meet it; all conditions must be met."""
    wild_types: tuple[bool, ...] = ()
    """Of each condition whether it is StringLike, which knows wildcards."""

    def speaks_of(self, action: str, logical_id: str, type_name: str) -> bool:
        named = any(_like(each, action) for each in self.actions)
        meant = any(_like(each, _PREFIX + logical_id) for each in self.resources)
        return (
            named is not self.but_actions
            and meant is not self.but_resources
            and all(
                any(_like(each, type_name) if wild else each == type_name for each in types)
                for types, wild in zip(self.types, self.wild_types, strict=True)
            )
        )


def parse(text: str) -> tuple[Statement, ...]:
    """The statements of a policy; raises ValidationError with AWS's words, and where it is."""
    if len(text) > MAX_LENGTH:
        raise ValidationError(
            "1 validation error detected: Value at 'stackPolicyBody' failed to satisfy "
            f"constraint: Member must have length less than or equal to {MAX_LENGTH}"
        )
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise _invalid(f"not JSON: {error}") from None
    if not isinstance(tree, Mapping) or "Statement" not in tree:
        raise _invalid("it has no Statement")
    stray = sorted(set(tree) - {"Version", "Id", "Statement"})
    if stray:
        raise _invalid(f"unknown: {', '.join(stray)}")
    statements = tree["Statement"]
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list):
        raise _invalid("Statement is no list")
    return tuple(_statement(number, each) for number, each in enumerate(statements))


def check(text: str, logical_ids: Iterable[str]) -> None:
    """Whether it can be set on a stack of these resources; raises ValidationError."""
    known = {_PREFIX + name for name in logical_ids}
    for statement in parse(text):
        for resource in statement.resources:
            if not {"*", "?"} & set(resource) and resource not in known:
                raise ValidationError(
                    f"Error validating stack policy: Unknown logical id '{resource}' in statement "
                    "{} - stack policies can only be applied to logical ids referenced in the "
                    "template"
                )


def refusal(text: str | None, action: Action, logical_id: str, type_name: str) -> str | None:
    """Why the policy does not let a resource be updated so; None when it does.

    AWS names the statement, counted from 0, by the actions and resources that it lists.
    """
    if text is None:
        return None
    speaking = [
        (number, each)
        for number, each in enumerate(parse(text))
        if each.speaks_of(action, logical_id, type_name)
    ]
    for number, each in speaking:
        if each.effect == "Deny":
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow "
                f"[{', '.join(each.actions)}] for resource [{', '.join(each.resources)}];"
            )
    return None if speaking else "Action not allowed by stack policy"


def of_update(stack: Stack, record: Resource, entry: ResourceDefinition, fate: Fate) -> str | None:
    """Why the operation's policy does not let a resource become what it is to be, if it does not.

    What refers to a changed resource is updated with it, and needs permission even where nothing
    of its own changes.
    """
    match fate:
        case "replace":
            return _refusal(stack, record, "Update:Replace")
        case "update":
            return _refusal(stack, record, "Update:Modify")
        case "keep" if any(_changed_now(stack, name) for name, _ in entry.spoken):
            return _refusal(stack, record, "Update:Modify")
        case _:
            return None


def of_removal(stack: Stack, record: Resource) -> str | None:
    """Why the operation's policy does not let a resource be removed, if it does not."""
    return _refusal(stack, record, "Update:Delete")


def _refusal(stack: Stack, record: Resource, action: Action) -> str | None:
    operation = stack.operation
    policy = operation.policy if operation and operation.verb == "UPDATE" else None
    return refusal(policy, action, record.logical_id, record.type)


def _changed_now(stack: Stack, name: str) -> bool:
    """Whether this update has changed or replaced a resource."""
    before = stack.operation.before.get(name) if stack.operation else None
    now = stack.resources.get(name)
    return (
        now is not None
        and before is not None
        and (now.physical_id != before.physical_id or now.shape != before.shape)
    )


def _statement(number: int, given: Any) -> Statement:
    def wrong(why: str) -> ValidationError:
        return _invalid(f"statement #{number}: {why}")

    if not isinstance(given, Mapping):
        raise wrong("no object")
    stray = sorted(set(given) - _KEYS)
    if stray:
        raise wrong(f"unknown: {', '.join(stray)}")
    if given.get("Effect") not in ("Allow", "Deny"):
        raise wrong("Effect must be Allow or Deny")
    if given.get("Principal") != "*":
        raise wrong("Principal must be *")
    for pair in (("Action", "NotAction"), ("Resource", "NotResource")):
        if sum(key in given for key in pair) != 1:
            raise wrong(f"exactly one of {' and '.join(pair)} is needed")
    actions = _texts(given.get("Action", given.get("NotAction")))
    resources = _texts(given.get("Resource", given.get("NotResource")))
    if not actions or not resources:
        raise wrong("actions and resources are texts or lists of texts")
    for action in actions:
        if not any(_like(action, each) for each in _ACTIONS):
            raise wrong(f"no such action: {action}")
    for resource in resources:
        if resource != "*" and not resource.startswith(_PREFIX):
            raise wrong(f"a resource is * or {_PREFIX}NAME, not {resource}")
    conditions = given.get("Condition", {})
    if not isinstance(conditions, Mapping) or set(conditions) - {"StringEquals", "StringLike"}:
        raise wrong("a Condition knows StringEquals and StringLike")
    types: list[tuple[str, ...]] = []
    for asked in conditions.values():
        if not isinstance(asked, Mapping) or set(asked) != {"ResourceType"}:
            raise wrong("a Condition asks for ResourceType")
        types.append(_texts(asked["ResourceType"]))
    return Statement(
        given["Effect"],
        actions,
        resources,
        "NotAction" in given,
        "NotResource" in given,
        tuple(types),
        tuple(operator == "StringLike" for operator in conditions),
    )


def _texts(value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if isinstance(items, list) and all(isinstance(each, str) for each in items):
        return tuple(items)
    return ()


def _like(pattern: str, value: str) -> bool:
    """Whether a value matches, with `*` for any text and `?` for any character."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), value) is not None


def _invalid(why: str) -> ValidationError:
    return ValidationError(f"Error validating stack policy: Invalid stack policy ({why})")
