"""AWS::SNS::Topic, with its inline subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

NOTHING_SENT = "no mail or text message is sent"
_ABSENT = ("NotFound", "NotFoundException")
_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId")


class Topic(Handler):
    type = "AWS::SNS::Topic"
    honoured = frozenset(
        {
            "Subscription/*/Endpoint",
            "Subscription/*/Protocol",
            "Tags/*/Key",
            "Tags/*/Value",
            "TopicName",
            *_ATTRIBUTES,
        }
    )
    attributes = frozenset({"TopicArn", "TopicName"})
    name_property = "TopicName"
    recorded: ClassVar[Mapping[str, str]] = {
        "KmsMasterKeyId": "its messages are not encrypted",
        "Subscription": NOTHING_SENT,
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        given, name = wanted.properties, wanted.name("TopicName")
        if not self.gone(cloud, _arn(cloud, name), given):
            # CreateTopic would give back the one that is there.
            raise ResourceFailed(f"Topic {name} already exists")
        made = cloud.sns.create_topic(
            Name=name,
            Attributes={name: str(given[name]) for name in _ATTRIBUTES if name in given},
            Tags=wanted.tag_list(),
        )
        return str(made["TopicArn"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        arn = _arn(cloud, wanted.name("TopicName"))
        return [] if self.gone(cloud, arn, {}) else [arn]

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_subscriptions(cloud, physical_id, {}, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"TopicArn": physical_id, "TopicName": physical_id.rpartition(":")[2]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        if self.gone(cloud, physical_id, properties):
            return None
        told = cloud.sns.get_topic_attributes(TopicArn=physical_id)["Attributes"]
        own = _inline(properties)
        return {
            **{name: told.get(name) or None for name in _ATTRIBUTES},
            # Others are resources of their own.
            "Subscription": [
                only(each, "Endpoint", "Protocol")
                for each in cloud.sns.list_subscriptions_by_topic(TopicArn=physical_id)[
                    "Subscriptions"
                ]
                if (each["Protocol"], each["Endpoint"]) in own
            ],
            "Tags": cloud.sns.list_tags_for_resource(ResourceArn=physical_id)["Tags"],
            "TopicName": physical_id.rpartition(":")[2],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        for name in _ATTRIBUTES:
            if changed(before.properties, after.properties, name):
                cloud.sns.set_topic_attributes(
                    TopicArn=physical_id,
                    AttributeName=name,
                    AttributeValue=str(after.properties.get(name, "")),
                )
        _make_subscriptions(cloud, physical_id, before.properties, after.properties)
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.sns.untag_resource(ResourceArn=physical_id, TagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.sns.tag_resource(ResourceArn=physical_id, Tags=after.tag_list())

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if self.gone(cloud, physical_id, properties):
            return
        _make_subscriptions(cloud, physical_id, properties, {})
        unless_absent(lambda: cloud.sns.delete_topic(TopicArn=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        def told() -> Any:
            return cloud.sns.get_topic_attributes(TopicArn=physical_id)

        return unless_absent(told, *_ABSENT) is None


def _arn(cloud: Cloud, name: str) -> str:
    return f"arn:aws:sns:{cloud.region}:{cloud.account}:{name}"


def _make_subscriptions(
    cloud: Cloud, topic: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Those of the template only; others are resources of their own."""
    had, wants = _inline(before), _inline(after)
    found = {
        (each["Protocol"], each["Endpoint"]): each["SubscriptionArn"]
        for each in cloud.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    }
    for pair in had - wants:
        if pair in found:
            cloud.sns.unsubscribe(SubscriptionArn=found[pair])
    for protocol, endpoint in sorted(wants - found.keys()):
        cloud.sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)


def _inline(properties: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(each["Protocol"], each["Endpoint"]) for each in properties.get("Subscription", [])}


HANDLER = Topic()
