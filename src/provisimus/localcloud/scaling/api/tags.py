"""Tags of groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provisimus.localcloud.scaling import describe
from provisimus.localcloud.scaling.api.base import NOTHING, ActionResult, Base, invalid, unsupported
from provisimus.localcloud.scaling.group import Tag


class Tags(Base):
    def create_or_update_tags(self) -> ActionResult:
        for each in self.given("Tags")["Tags"]:
            tag = Tag(str(each.get("Value", "")), each.get("PropagateAtLaunch") in (True, "true"))
            self.change(
                lambda now, key=each["Key"], tag=tag: replace(now, tags={**now.tags, key: tag}),  # type: ignore[misc]
                str(each["ResourceId"]),
            )
        return NOTHING

    def delete_tags(self) -> ActionResult:
        for each in self.given("Tags")["Tags"]:
            self.change(
                lambda now, gone=each["Key"]: replace(  # type: ignore[misc]
                    now, tags={key: tag for key, tag in now.tags.items() if key != gone}
                ),
                str(each["ResourceId"]),
            )
        return NOTHING

    def describe_tags(self) -> ActionResult:
        given = self.given("Filters", "MaxRecords", "NextToken")
        found = [tag for group in self.keeper.groups.values() for tag in describe.tags(group)]
        for wanted in given.get("Filters", ()):
            found = [each for each in found if _fits(each, wanted)]
        return self.page("Tags", found)


def _fits(tag: dict[str, Any], wanted: dict[str, Any]) -> bool:
    keys = {"auto-scaling-group": "ResourceId", "key": "Key", "value": "Value"}
    name = wanted["Name"]
    if name == "propagate-at-launch":
        return str(tag["PropagateAtLaunch"]).lower() in [v.lower() for v in wanted["Values"]]
    if name not in keys:
        raise unsupported(f"Filter {name}") if name else invalid("A filter has a name")
    return tag[keys[name]] in wanted["Values"]
