"""AWS::EC2::FlowLog into CloudWatch Logs. Whatever changes but its tags makes another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import demand, retag, tag_specification
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("InvalidFlowLogId.NotFound",)
_GIVEN = (
    "DeliverLogsPermissionArn", "LogDestinationType", "LogFormat", "LogGroupName",
    "MaxAggregationInterval", "ResourceType", "TrafficType",
)  # fmt: skip
_KINDS = {"eni": "NetworkInterface", "subnet": "Subnet", "vpc": "VPC"}
"""What a flow log watches, by the first part of its id."""


class FlowLog(Handler):
    type = "AWS::EC2::FlowLog"
    honoured = frozenset({*_GIVEN, "ResourceId", "Tags/*/Key", "Tags/*/Value"})
    attributes = frozenset({"Id"})
    recorded: ClassVar[Mapping[str, str]] = {"*": "no connection is written into its log group"}

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("CreateFlowLogs", wanted.properties, "ResourceId")
        if wanted.properties.get("LogDestinationType", "cloud-watch-logs") != "cloud-watch-logs":
            raise ResourceFailed("flow logs go to CloudWatch Logs in this local cloud")
        given = only(wanted.properties, *_GIVEN)
        if "MaxAggregationInterval" in given:
            given["MaxAggregationInterval"] = int(given["MaxAggregationInterval"])
        made = cloud.ec2.create_flow_logs(
            ResourceIds=[wanted.properties["ResourceId"]],
            TagSpecifications=tag_specification("vpc-flow-log", wanted),
            **given,
        )
        for each in made["Unsuccessful"]:
            raise ResourceFailed(each["Error"]["Message"])
        return str(made["FlowLogIds"][0])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        filters = [
            {"Name": f"tag:{key}", "Values": [wanted.tags.get(key, "")]}
            for key in ("aws:cloudformation:stack-id", "aws:cloudformation:logical-id")
        ]
        told = cloud.ec2.describe_flow_logs(Filters=filters)["FlowLogs"]
        return [str(each["FlowLogId"]) for each in told]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        return found and {
            **only(found, "ResourceId", "Tags", *_GIVEN),
            "ResourceType": _KINDS.get(found["ResourceId"].partition("-")[0]),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ec2.delete_flow_logs(FlowLogIds=[physical_id]), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    return first(lambda: cloud.ec2.describe_flow_logs(FlowLogIds=[identifier]), "FlowLogs")


HANDLER = FlowLog()
