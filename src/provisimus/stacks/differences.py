"""What differs between two templates with their parameters, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from provisimus.stacks.template import (
    ATTACHMENT,
    INSTANCE,
    VOLUME,
    WAITING,
    hidden_parameters,
    resources_of,
)
from provisimus.stacks.types.interface import IMAGE_ID, Template

_NAMES = {"InstanceType": "the instance type", "KeyName": "the key pair", "SubnetId": "the subnet"}


def in_words(
    before: Template,
    before_parameters: Mapping[str, str],
    after: Template,
    after_parameters: Mapping[str, str],
) -> Iterator[str]:
    """Each difference as a phrase, the most telling first."""
    hidden = hidden_parameters(after) | hidden_parameters(before)
    yield from _parameters(before_parameters, after_parameters, hidden)
    yield from _volumes(before, after)
    told = {VOLUME, ATTACHMENT, WAITING}
    for name, old, new in _pairs(before, after):
        kind = str((new or old or {}).get("Type", ""))
        if kind in told or (kind == INSTANCE and (old is None or new is None)):
            continue
        if old is None:
            yield f"{name} is new"
        elif new is None:
            yield f"{name} goes"
        elif old != new:
            yield f"{name} changed" + _which(old, new)


def _parameters(
    before: Mapping[str, str], after: Mapping[str, str], hidden: Collection[str]
) -> Iterator[str]:
    old, new = before.get("Version"), after.get("Version")
    if old != new:
        yield f"version {old} becomes {new}"
    if before.get(IMAGE_ID) != after.get(IMAGE_ID):
        yield "the machine image changed"
    for name in sorted(set(before) | set(after)):
        if name in ("Version", IMAGE_ID) or before.get(name) == after.get(name):
            continue
        if name in hidden:
            # CloudFormation does not tell what it was, so nobody can say whether it differs.
            yield f"{name} may have changed, which is not shown"
            continue
        old, new = before.get(name, "none"), after.get(name, "none")
        yield f"{_NAMES.get(name, name)} {old} becomes {new}"


def _volumes(before: Template, after: Template) -> Iterator[str]:
    old, new = resources_of(before, VOLUME), resources_of(after, VOLUME)
    for name in sorted(set(old) | set(new)):
        mount = _mount(new.get(name) or old.get(name) or {})
        if name not in old:
            yield f"{mount} gets a data volume"
        elif name not in new:
            yield f"the data volume of {mount} goes, a snapshot stays"
        elif _size(old[name]) != _size(new[name]):
            yield f"the data volume of {mount} grows to {_size(new[name])} GiB"
        elif old[name] != new[name]:
            yield f"the data volume of {mount} changed" + _which(old[name], new[name])


def _pairs(before: Template, after: Template) -> Iterator[tuple[str, Any, Any]]:
    old, new = before.get("Resources", {}), after.get("Resources", {})
    for name in [*new, *(each for each in old if each not in new)]:
        yield name, old.get(name), new.get(name)


def _which(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    a, b = old.get("Properties", {}), new.get("Properties", {})
    keys = [key for key in sorted(set(a) | set(b)) if a.get(key) != b.get(key)]
    return f" ({', '.join(keys)})" if keys else ""


def _mount(volume: Mapping[str, Any]) -> str:
    tags = volume.get("Properties", {}).get("Tags", ())
    return next((str(t["Value"]) for t in tags if t["Key"] == "provisimus:mount"), "unknown")


def _size(volume: Mapping[str, Any]) -> Any:
    return volume.get("Properties", {}).get("Size")
