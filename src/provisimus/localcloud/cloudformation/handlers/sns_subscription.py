"""AWS::SNS::Subscription. Its physical id is its ARN."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._iam import as_written
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)
from provisimus.localcloud.cloudformation.handlers.sns_topic import NOTHING_SENT

_ABSENT = ("NotFound", "NotFoundException")
_NOTHING = {"FilterPolicy": "{}", "RawMessageDelivery": "false"}
"""What an attribute is where it is not given."""


class Subscription(Handler):
    type = "AWS::SNS::Subscription"
    honoured = frozenset(
        {"Endpoint", "FilterPolicy/**", "Protocol", "RawMessageDelivery", "TopicArn"}
    )
    attributes = frozenset({"Arn"})
    recorded: ClassVar[Mapping[str, str]] = {"*": NOTHING_SENT}

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.sns.subscribe(
            Attributes=_attributes(wanted.properties),
            ReturnSubscriptionArn=True,
            **only(wanted.properties, "Endpoint", "Protocol", "TopicArn"),
        )
        return str(made["SubscriptionArn"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        topic = wanted.properties["TopicArn"]
        place = only(wanted.properties, "Endpoint", "Protocol").items()
        found = cloud.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return [str(each["SubscriptionArn"]) for each in found if place <= each.items()]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Arn": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        if found is None:
            return None
        policy = json.loads(found.get("FilterPolicy", "null"))
        return {
            **only(found, "Endpoint", "Protocol", "TopicArn"),
            "FilterPolicy": as_written(policy, properties.get("FilterPolicy")),
            "RawMessageDelivery": found.get("RawMessageDelivery") == "true",
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        wanted = {**_NOTHING, **_attributes(after.properties)}
        for name in _NOTHING:
            if changed(before.properties, after.properties, name):
                cloud.sns.set_subscription_attributes(
                    SubscriptionArn=physical_id, AttributeName=name, AttributeValue=wanted[name]
                )

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.sns.unsubscribe(SubscriptionArn=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    def told() -> Any:
        return cloud.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]

    found: dict[str, Any] | None = unless_absent(told, *_ABSENT)
    return found


def _attributes(properties: Mapping[str, Any]) -> dict[str, str]:
    """As SNS has them: all of them text."""
    result = {}
    if "RawMessageDelivery" in properties:
        result["RawMessageDelivery"] = "true" if properties["RawMessageDelivery"] else "false"
    if "FilterPolicy" in properties:
        given = properties["FilterPolicy"]
        result["FilterPolicy"] = given if isinstance(given, str) else json.dumps(given)
    return result


HANDLER = Subscription()
