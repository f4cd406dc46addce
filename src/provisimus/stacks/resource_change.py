"""What happens to one resource of a stack: read from a change set, or from two templates. Pure.

Source: API reference of CloudFormation, ResourceChange and ResourceTargetDefinition.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from provisimus.stacks.template import (
    HOLDING_DATA,
    INSTANCE,
    REPLACING,
    RETAINING,
    hidden_parameters,
)
from provisimus.stacks.types.interface import IMAGE_ID, Template

BAKED_FIRST = "the machine image that is baked first"
"""In place of an image's id that is not known yet."""
NOT_MADE_YET = ("{{changeSet:KNOWN_AFTER_APPLY}}", "(known once it is made)")
"""What CloudFormation writes where a value comes of something that is still to be made, and how a
reader is told."""


@dataclass(frozen=True)
class ResourceChange:
    """One resource. `action` is Add, Modify or Remove; `replacement` True, False or Conditional,
    empty where it is not known; `properties` the names of what changes.

    `before` and `after` are the resource's properties, None where it is not there; `policy` is what
    becomes of the old one (Delete, Retain, Snapshot, ReplaceAndSnapshot …).
    """

    action: str
    logical_id: str
    kind: str
    replacement: str = ""
    properties: tuple[str, ...] = ()
    physical_id: str = ""
    policy: str = ""
    before: Mapping[str, Any] | None = field(default=None, repr=False)
    after: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def verb(self) -> str:
        """What is done to it, in the words of a plan."""
        if self.action == "Modify":
            return {"True": "replace", "Conditional": "perhaps replace"}.get(
                self.replacement, "change"
            )
        return {"Add": "create", "Remove": "delete"}.get(self.action, self.action.lower())

    @property
    def line(self) -> str:
        what = f": {', '.join(self.properties)}" if self.properties else ""
        return f"{self.verb} {self.logical_id} ({self.kind}){what}"

    @property
    def only_tags(self) -> bool:
        """Whether it gets no more than tags, as everything in an updated stack does."""
        return self.properties == ("Tags",)


def change_lines(changes: Iterable[ResourceChange]) -> list[str]:
    """What a change set does, a line each; what gets no more than tags is counted."""
    changes = list(changes)
    lines = [each.line for each in changes if not each.only_tags]
    tagged = len(changes) - len(lines)
    return [*lines, *([f"change the tags of {tagged} more"] if tagged else [])]


def resource_change(found: Any) -> ResourceChange:
    """One of DescribeChangeSet's; it has values where they were asked for."""
    names = [
        each.get("Target", {}).get("Name") or each.get("Target", {}).get("Attribute", "")
        for each in found.get("Details", ())
    ]
    return ResourceChange(
        found["Action"],
        found["LogicalResourceId"],
        found["ResourceType"],
        found.get("Replacement", ""),
        tuple(dict.fromkeys(name for name in names if name)),
        found.get("PhysicalResourceId", ""),
        found.get("PolicyAction", ""),
        _properties(found.get("BeforeContext")),
        _properties(found.get("AfterContext")),
    )


def _properties(context: str | None) -> dict[str, Any] | None:
    if context is None:
        return None
    found: dict[str, Any] = json.loads(context.replace(*NOT_MADE_YET)).get("Properties", {})
    return found


def between(
    before: Template,
    before_parameters: Mapping[str, str],
    after: Template,
    after_parameters: Mapping[str, str],
) -> list[ResourceChange]:
    """What lies between two templates, as far as they tell it: no more than references to
    parameters is resolved, and whether something is replaced stays unknown."""
    old = _resources(before, before_parameters)
    new = _resources(after, after_parameters)
    found = []
    for name, (kind, properties, _) in new.items():
        if name not in old or old[name][0] != kind:
            found.append(ResourceChange("Add", name, kind, after=properties))
        elif old[name][1] != properties:
            was = old[name][1]
            changed = tuple(
                key for key in sorted({*was, *properties}) if was.get(key) != properties.get(key)
            )
            found.append(
                ResourceChange("Modify", name, kind, "", changed, before=was, after=properties)
            )
    for name, (kind, properties, policy) in old.items():
        if name not in new or new[name][0] != kind:
            found.append(
                ResourceChange("Remove", name, kind, before=properties, policy=policy or "Delete")
            )
    return found


def _resources(
    template: Template, parameters: Mapping[str, str]
) -> dict[str, tuple[str, dict[str, Any], str]]:
    """Type, resolved properties and deletion policy, by logical id."""
    declared = template.get("Parameters", {})
    defaults = {key: each["Default"] for key, each in declared.items() if "Default" in each}
    values = {**defaults, **parameters, **dict.fromkeys(hidden_parameters(template), "****")}
    return {
        name: (
            str(each.get("Type", "")),
            _resolved(each.get("Properties", {}), values),
            str(each.get("DeletionPolicy", "")),
        )
        for name, each in template.get("Resources", {}).items()
    }


def _resolved(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"Ref"} and value["Ref"] in values:
            return values[value["Ref"]]
        return {key: _resolved(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, values) for each in value]
    return value


# ---- what a change set cannot know ---------------------------------------------------------------


def with_new_image(
    changes: Iterable[ResourceChange], template: Template, running: str
) -> list[ResourceChange]:
    """The changes with a machine image that has no id yet in the place of the one that runs, whose
    id the change set was made with."""
    found = {each.logical_id: each for each in changes}
    for name, resource in template.get("Resources", {}).items():
        if not _has(resource.get("Properties", {}), {"Ref": IMAGE_ID}):
            continue
        kind = str(resource["Type"])
        known = found.get(name, ResourceChange("Modify", name, kind, before={}, after={}))
        if known.action == "Remove":
            continue
        after = _put(known.after or {}, running) if known.after else {IMAGE_ID: BAKED_FIRST}
        before = known.before if known.before or known.action == "Add" else {IMAGE_ID: running}
        replaced = kind == INSTANCE and known.action == "Modify" and IMAGE_ID in REPLACING
        found[name] = replace(
            known,
            before=before,
            after=after,
            properties=tuple(dict.fromkeys((*known.properties, IMAGE_ID))),
            replacement="True" if replaced else known.replacement,
        )
    return with_groups(found.values(), template)


def with_groups(changes: Iterable[ResourceChange], template: Template) -> list[ResourceChange]:
    """The changes with those of the groups that take the next version of a launch template: it is
    made when the launch template changes, and a change set may say nothing of it."""
    found = {each.logical_id: each for each in changes}
    for launch in list(found.values()):
        if launch.action != "Modify" or launch.only_tags:
            continue
        for other, names in _launching(template, launch.logical_id):
            follows = found.get(other) or _follower(template, other)
            if follows.action == "Modify":
                both = tuple(dict.fromkeys((*follows.properties, *names)))
                found[other] = replace(follows, properties=both)
    return list(found.values())


def _launching(template: Template, launch_template: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What takes the next version of a launch template, which comes with the new image: resources
    and their properties."""
    version = {"Fn::GetAtt": [launch_template, "LatestVersionNumber"]}
    for name, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {}).items()
        if names := tuple(key for key, value in properties if _has(value, version)):
            yield name, names


def _follower(template: Template, name: str) -> ResourceChange:
    return ResourceChange("Modify", name, str(template["Resources"][name]["Type"]), "False")


def _has(value: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether it stands anywhere in a value."""
    if isinstance(value, Mapping):
        return value == wanted or any(_has(each, wanted) for each in value.values())
    return isinstance(value, list) and any(_has(each, wanted) for each in value)


def _put(value: Any, running: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _put(each, running) for key, each in value.items()}
    if isinstance(value, list):
        return [_put(each, running) for each in value]
    return BAKED_FIRST if value == running else value


def paired(changes: Iterable[ResourceChange]) -> list[ResourceChange]:
    """The changes with an instance that comes under another name in place of one that goes told as
    what it is: a replacement. (Other user data make another logical id.)"""
    listed = list(changes)
    comes = [each for each in listed if (each.kind, each.action) == (INSTANCE, "Add")]
    goes = [each for each in listed if (each.kind, each.action) == (INSTANCE, "Remove")]
    if len(comes) != 1 or len(goes) != 1:
        return listed
    old, new = goes[0], comes[0]
    before, after = old.before or {}, new.after or {}
    changed = tuple(key for key in sorted({*before, *after}) if before.get(key) != after.get(key))
    one = replace(
        new,
        action="Modify",
        replacement="True",
        properties=changed,
        physical_id=old.physical_id,
        before=before,
    )
    return [one if each is new else each for each in listed if each is not old]


# ---- what holds data -----------------------------------------------------------------------------


def endangered(
    changes: Iterable[ResourceChange],
    allowed: Iterable[str] = (),
    *,
    going_back: bool = False,
) -> dict[str, str]:
    """What holds data and would be replaced or deleted, without those allowed by name: what becomes
    of it, by logical id. A change that is taken back may remove what it made."""
    found = {}
    for each in changes:
        if each.kind not in HOLDING_DATA or each.logical_id in allowed:
            continue
        if each.action == "Modify" and each.replacement == "True":
            found[each.logical_id] = "replaced"
        elif each.action == "Remove" and each.policy not in RETAINING and not going_back:
            found[each.logical_id] = "deleted"
    return found


def allowed_of(service: str, allow: Iterable[str]) -> frozenset[str]:
    """The logical ids that may go of one service, of those that were named: `Data` is of whichever
    service is asked for, `greeter/Data` of greeter alone."""
    parts = [each.rpartition("/") for each in allow]
    return frozenset(name for whose, _, name in parts if whose in ("", service))


def kept(policy: str) -> str:
    """What stays of a resource that goes, in words; empty for nothing. `policy` is a change's."""
    if "Snapshot" in policy:
        return "a snapshot stays"
    return "the old one stays" if "Retain" in policy else ""
