"""AWS::KMS::Alias. Its physical id is its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_GIVEN = ("AliasName", "TargetKeyId")


class Alias(Handler):
    type = "AWS::KMS::Alias"
    honoured = frozenset(_GIVEN)
    attributes = frozenset[str]()
    name_property = "AliasName"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        cloud.kms.create_alias(**only(wanted.properties, *_GIVEN))
        return str(wanted.properties["AliasName"])

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        pages = cloud.kms.get_paginator("list_aliases").paginate()
        for each in (alias for page in pages for alias in page["Aliases"]):
            if each["AliasName"] == physical_id:
                key, wanted = each.get("TargetKeyId"), str(properties["TargetKeyId"])
                # The template may name it by its ARN.
                same = wanted.rpartition("/")[2] == key
                return {"AliasName": physical_id, "TargetKeyId": wanted if same else key}
        return None

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        cloud.kms.update_alias(**only(after.properties, *_GIVEN))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.kms.delete_alias(AliasName=physical_id), "NotFoundException")


HANDLER = Alias()
