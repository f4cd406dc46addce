"""Before and after of a resource's properties, value by value, without secrets. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

HIDDEN = "****"

_SECRET = re.compile(
    r"password|passphrase|secretstring|privatekey|clientsecret|token$|api_?key", re.IGNORECASE
)
"""Names of properties whose values nobody reads on a screen."""

_REFERENCE = re.compile(r"\{\{resolve:(secretsmanager|ssm-secure):")
LONGEST = 160
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class PropertyChange:
    """One value. `path` is like `SecurityGroupIngress` or `Tags/Name`; `before` or `after` is None
    where there is none. A list tells what goes from it and what comes, each by itself."""

    path: str
    before: str | None
    after: str | None

    @property
    def line(self) -> str:
        if self.before is None:
            return f"{self.path}: + {self.after}"
        if self.after is None:
            return f"{self.path}: - {self.before}"
        return f"{self.path}: {self.before} → {self.after}"


def property_changes(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    own_tags: Collection[str] = (),
) -> tuple[PropertyChange, ...]:
    """What differs, in the order of names. `own_tags` are the stack's tags, which CloudFormation
    hands on to its resources: they tell nothing of a resource."""
    quiet = {f"Tags/{key}" for key in own_tags}
    return tuple(each for each in _between("", before or {}, after or {}) if each.path not in quiet)


def _between(path: str, before: Any, after: Any) -> Iterator[PropertyChange]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            inner = f"{path}/{key}" if path else str(key)
            yield from _between(inner, before.get(key), after.get(key))
        return
    if _are_tags(before) or _are_tags(after):
        yield from _between(path, _by_key(before), _by_key(after))
        return
    if isinstance(before, list) and isinstance(after, list):
        for each in before:
            if each not in after:
                yield PropertyChange(path, shown(path, each), None)
        for each in after:
            if each not in before:
                yield PropertyChange(path, None, shown(path, each))
        if sorted(map(_text, before)) == sorted(map(_text, after)):
            yield PropertyChange(path, "in another order", shown(path, after))
        return
    if isinstance(after, Mapping) and before is None and after:
        yield from _between(path, {}, after)
        return
    yield PropertyChange(
        path,
        None if before is None else shown(path, before),
        None if after is None else shown(path, after),
    )


def _are_tags(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, Mapping) and {"Key", "Value"} <= set(each) for each in value)
    )


def _by_key(value: Any) -> dict[str, Any]:
    return {str(each["Key"]): each["Value"] for each in value or ()}


def shown(path: str, value: Any) -> str:
    """A value for the screen: short, and hidden where its name says that it is a secret. What only
    refers to a secret is no secret."""
    name = path.rpartition("/")[2]
    text = _text(_without_secrets(value))
    if name == "UserData":
        return f"{len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if _SECRET.search(name) and _is_literal(value):
        return HIDDEN
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: HIDDEN
            if _SECRET.search(str(key)) and _is_literal(each)
            else _without_secrets(each)
            for key, each in value.items()
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _is_literal(value: Any) -> bool:
    return isinstance(value, str) and not _REFERENCE.match(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
