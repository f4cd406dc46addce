"""What a change set only supposes, taken out of it. Pure.

CloudFormation lists what refers to a resource that changes in any way, tags included, and tells
that it is replaced, or perhaps: it does not know before whether the value becomes another one. A
resource that is not replaced keeps its physical id, and what names it. Without this a new tag of
a subnet could read as the loss of a volume in its zone.

Source: API reference of CloudFormation, ResourceChangeDetail (ChangeSource, Evaluation) and
ResourceChange (Replacement); CloudFormation roadmap, issue 2113.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from provisimus.stacks.resource_change import NOT_MADE_YET

STAYING = re.compile(
    r"(?!.*Version)(\w*Arn|\w*I[dD]|AvailabilityZone|CidrBlock|DNSName|(Regional)?DomainName"
    r"|NameServers|Endpoint\.Address|RepositoryUri)"
)
"""Attributes that are as lasting as what they are of. Not among them: MasterUserSecret.SecretArn
of a database, which comes and goes, LatestVersionNumber of a launch template, and public addresses
and names of an instance, which are others after it was off."""
ANSWERED = ("Custom::", "AWS::CloudFormation::")
"""Types whose ids and attributes are what a program answers, another one each time perhaps."""
_TIED = ("ResourceReference", "ResourceAttribute")

Found = Mapping[str, Any]
"""ResourceChange of DescribeChangeSet."""


def certain(changes: Iterable[Found]) -> list[Found]:
    """The changes without what comes of nothing but references to resources that are not replaced;
    a resource of which nothing is left is left out."""
    known = {str(each["LogicalResourceId"]): each for each in changes}
    listed = frozenset(known)
    while True:
        staying = listed - {name for name, each in known.items() if _moves(each)}
        now = {
            name: less
            for name, each in known.items()
            if (less := _without_supposed(each, staying)) is not None
        }
        if now == known:
            return list(known.values())
        known = now


def _moves(change: Found) -> bool:
    """Whether references to it get another value."""
    return (
        change["Action"] != "Modify"
        or change.get("Replacement") in ("True", "Conditional")
        or str(change["ResourceType"]).startswith(ANSWERED)
    )


def _without_supposed(change: Found, staying: frozenset[str]) -> Found | None:
    details: Sequence[Found] = change.get("Details") or ()
    supposed = {
        target
        for target in dict.fromkeys(map(_target, details))
        if _is_supposed([each for each in details if _target(each) == target], staying)
    }
    if change["Action"] != "Modify" or not supposed:
        return change
    left = [each for each in details if _target(each) not in supposed]
    if not left:
        return None
    less: dict[str, Any] = {**change, "Details": left, "Replacement": _replacement(left)}
    if less["Replacement"] == "False":
        less.pop("PolicyAction", None)
    if "BeforeContext" in change and "AfterContext" in change:
        names = {name for attribute, name in supposed if attribute == "Properties"}
        less["AfterContext"] = _as_before(change["BeforeContext"], change["AfterContext"], names)
    return less


def _target(detail: Found) -> tuple[str, str]:
    target = detail.get("Target", {})
    return str(target.get("Attribute", "")), str(target.get("Name", ""))


def _is_supposed(details: Sequence[Found], staying: frozenset[str]) -> bool:
    """Whether all that is told of one property is that something it refers to changes.

    Beside the reference a Dynamic DirectModification is told, which says no more.
    """
    tied = [each for each in details if each.get("ChangeSource") in _TIED]
    rest = [each for each in details if each.get("ChangeSource") not in _TIED]
    return (
        bool(tied)
        and not any(_is_told_otherwise(each.get("Target", {})) for each in details)
        and all(_lasts(str(each.get("CausingEntity", "")), staying) for each in tied)
        and all(
            (each.get("ChangeSource"), each.get("Evaluation")) == ("DirectModification", "Dynamic")
            for each in rest
        )
    )


def _lasts(entity: str, staying: frozenset[str]) -> bool:
    """Whether a Ref or an attribute is of what is listed and stays. Of what is not listed at all
    nothing changes, so that would be no reason."""
    name, _, attribute = entity.partition(".")
    return name in staying and (not attribute or STAYING.fullmatch(attribute) is not None)


def _is_told_otherwise(target: Found) -> bool:
    """Whether a value is told, and another one than before."""
    before, after = target.get("BeforeValue"), target.get("AfterValue")
    return None not in (before, after) and before != after and NOT_MADE_YET[0] not in str(after)


def _replacement(details: Sequence[Found]) -> str:
    """By the most that any of them asks for."""
    asked = {
        (each.get("Target", {}).get("RequiresRecreation"), each.get("Evaluation"))
        for each in details
    }
    if ("Always", "Static") in asked:
        return "True"
    perhaps = any(recreation in ("Always", "Conditionally") for recreation, _ in asked)
    return "Conditional" if perhaps else "False"


def _as_before(before: str, after: str, names: set[str]) -> str:
    """What a resource will be, with these properties as they are."""
    old, new = json.loads(before), json.loads(after)
    for name in names:
        if name in old.get("Properties", {}):
            new.setdefault("Properties", {})[name] = old["Properties"][name]
    return json.dumps(new)
