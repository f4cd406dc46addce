"""What differs between two templates with their parameters, in words. Pure."""

from __future__ import annotations

import json
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
from provisimus.user_data import (
    ENVIRONMENT_FILE,
    PUBLISH_FILE,
    SNAPSHOTS_FILE,
    VOLUMES_FILE,
    told_by,
)

_NAMES = {"InstanceType": "the instance type", "KeyName": "the key pair", "SubnetId": "the subnet"}
_TOLD = {
    SNAPSHOTS_FILE: "the snapshots that the machine takes changed",
    PUBLISH_FILE: "how the machine tells of its health changed",
}
MOST = 6
"""Phrases of a reason."""
_SECTIONS = ("Parameters", "Conditions", "Mappings", "Rules", "Metadata", "Outputs")


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
    yield from _instances(before, after)
    for name, old, new in _pairs(before, after):
        kind = str((new or old or {}).get("Type", ""))
        if kind in told or (kind == INSTANCE and (old is None or new is None)):
            continue
        if old is None:
            yield f"{name} is new"
        elif new is None:
            yield f"{name} goes"
        elif old != new:
            words = list(_user_data(old, new))
            yield from words
            if not words or _without_user_data(old) != _without_user_data(new):
                yield f"{name} changed" + _which(old, new, quiet={"UserData"} if words else ())


def shortened(words: list[str]) -> list[str]:
    """At most so many phrases that they are read; the plan lists every resource below."""
    more = len(words) - MOST
    return [*words[:MOST], f"and {more} more"] if more > 1 else words


def sections_in_words(before: Template, after: Template) -> Iterator[str]:
    """Which parts of a template differ beside its resources: told where nothing else is."""
    for section in ("Description", "Transform"):
        if before.get(section) != after.get(section):
            yield f"the template's {section.lower()} changed"
    for section in _SECTIONS:
        old, new = (_own(each.get(section, {})) for each in (before, after))
        names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        if names:
            yield f"the template's {section.lower()} changed ({', '.join(names)})"


def _own(section: Mapping[str, Any]) -> dict[str, Any]:
    """Without what we keep in a template for ourselves (way_back, template)."""
    return {key: each for key, each in section.items() if not key.startswith("Provisimus::")}


def _instances(before: Template, after: Template) -> Iterator[str]:
    """Why one instance comes in place of another: its name follows from what it is told."""
    old, new = resources_of(before, INSTANCE), resources_of(after, INSTANCE)
    goes = [each for name, each in old.items() if name not in new]
    comes = [each for name, each in new.items() if name not in old]
    if len(goes) == len(comes) == 1:
        yield from _user_data(goes[0], comes[0])
        if rest := _which(goes[0], comes[0], quiet={"UserData"}):
            yield f"the instance changed{rest}"


def _user_data(old: Any, new: Any) -> Iterator[str]:
    """What a machine is told differently; nothing where that is not ours to read."""
    (before, given), (after, now) = _text_of(old), _text_of(new)
    if (before, given) == (after, now):
        return
    was, files = told_by(before), told_by(after)
    moved = [f"${{{name}}}" for name in {*given, *now} if given.get(name) != now.get(name)]
    yield from _environment(was.get(ENVIRONMENT_FILE), files.get(ENVIRONMENT_FILE), moved)
    for path in sorted({*was, *files} - {ENVIRONMENT_FILE, VOLUMES_FILE}):
        if _plain(path, was.get(path)) != _plain(path, files.get(path)):
            yield _TOLD.get(path, f"{path} on the machine changed")


def _text_of(resource: Any) -> tuple[str, Mapping[str, Any]]:
    """User data with the values that Fn::Sub puts in, of an instance or a launch template."""
    properties = (resource or {}).get("Properties", {})
    found = properties.get("UserData") or properties.get("LaunchTemplateData", {}).get("UserData")
    text = found.get("Fn::Base64") if isinstance(found, Mapping) else None
    if isinstance(text, Mapping):
        text = text.get("Fn::Sub")
    if isinstance(text, list) and len(text) == 2 and isinstance(text[1], Mapping):
        return str(text[0]), text[1]
    return (text if isinstance(text, str) else ""), {}


def _without_user_data(resource: Mapping[str, Any]) -> Any:
    properties = {k: v for k, v in resource.get("Properties", {}).items() if k != "UserData"}
    if isinstance(data := properties.get("LaunchTemplateData"), Mapping):
        properties["LaunchTemplateData"] = {k: v for k, v in data.items() if k != "UserData"}
    return {**resource, "Properties": properties}


def _environment(old: str | None, new: str | None, moved: Collection[str]) -> Iterator[str]:
    """The names of variables, and no values: some are secrets."""
    before, after = json.loads(old or "{}"), json.loads(new or "{}")
    names = [
        name
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
        or any(each in str(after.get(name)) for each in moved)
    ]
    if names:
        yield f"the environment changed ({', '.join(names)})"


def _plain(path: str, text: str | None) -> Any:
    """A file without what follows from another change: whom the machine signals is named after all
    that it is."""
    if path != PUBLISH_FILE or text is None:
        return text
    found = json.loads(text)
    return {**found, "signal": bool(found.get("signal"))}


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


def _which(old: Mapping[str, Any], new: Mapping[str, Any], quiet: Collection[str] = ()) -> str:
    a, b = old.get("Properties", {}), new.get("Properties", {})
    keys = [key for key in sorted(set(a) | set(b)) if a.get(key) != b.get(key) and key not in quiet]
    return f" ({', '.join(keys)})" if keys else ""


def _mount(volume: Mapping[str, Any]) -> str:
    tags = volume.get("Properties", {}).get("Tags", ())
    return next((str(t["Value"]) for t in tags if t["Key"] == "provisimus:mount"), "unknown")


def _size(volume: Mapping[str, Any]) -> Any:
    return volume.get("Properties", {}).get("Size")
