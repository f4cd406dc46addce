"""AWS::CloudWatch::Alarm of one metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._ec2 import demand
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ACTIONS = ("AlarmActions", "InsufficientDataActions", "OKActions")
_SCALARS = (
    "ActionsEnabled", "AlarmDescription", "ComparisonOperator", "DatapointsToAlarm",
    "EvaluationPeriods", "ExtendedStatistic", "MetricName", "Namespace", "Period", "Statistic",
    "Threshold", "TreatMissingData", "Unit",
)  # fmt: skip


class Alarm(Handler):
    type = "AWS::CloudWatch::Alarm"
    honoured = frozenset(
        {"AlarmName", "Dimensions/*/Name", "Dimensions/*/Value", "Tags/*/Key", "Tags/*/Value"}
        | {f"{name}/*" for name in _ACTIONS}
        | set(_SCALARS)
    )
    attributes = frozenset({"Arn"})
    name_property = "AlarmName"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = wanted.name("AlarmName")
        if _find(cloud, name):
            # PutMetricAlarm would change the one that is there.
            raise ResourceFailed(f"Alarm {name} already exists")
        _put(cloud, name, wanted.properties, {"Tags": wanted.tag_list()})
        return name

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        name = wanted.name("AlarmName")
        return [name] if _find(cloud, name) else []

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Arn": (_find(cloud, physical_id) or {}).get("AlarmArn", "")}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        return found and {
            **only(found, "AlarmName", "Dimensions", *_ACTIONS, *_SCALARS),
            "Tags": cloud.cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        if before.properties != after.properties:
            _put(cloud, physical_id, after.properties, {})
        arn = self.read(cloud, physical_id, {})["Arn"]
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.cloudwatch.untag_resource(ResourceARN=arn, TagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.cloudwatch.tag_resource(ResourceARN=arn, Tags=after.tag_list())

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if not self.gone(cloud, physical_id, properties):
            cloud.cloudwatch.delete_alarms(AlarmNames=[physical_id])

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _put(cloud: Cloud, name: str, given: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
    demand("PutMetricAlarm", given, "MetricName")
    demand("PutMetricAlarm", given, "Statistic", "ExtendedStatistic")
    cloud.cloudwatch.put_metric_alarm(
        AlarmName=name, **tags, **only(given, "Dimensions", *_ACTIONS, *_SCALARS)
    )


def _find(cloud: Cloud, name: str) -> dict[str, Any] | None:
    found = cloud.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(found[0]) if found else None


HANDLER = Alarm()
