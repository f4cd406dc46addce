"""Records by which certificates showed whose a name is: ACM leaves them, so a zone could not go.

A certificate's stack makes the record and does not take it away ("DNS validation", AWS
CloudFormation, AWS::CertificateManager::Certificate), and Route 53 deletes no zone that has
records beside its own. So they go right before the zone of their stack goes, and not earlier: ACM
renews certificates by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.template import resources_of

ZONE = "AWS::Route53::HostedZone"
_ANSWER = ".acm-validations.aws"


def remove_validation_records(environment: Environment, stack: Stack) -> list[str]:
    """Take them out of the zones that go with the stack; returns their names.

    Raises ProvisimusError with what Route 53 answers: that a role may not, for one.
    """
    template = live.template_of(environment, stack)
    going = {
        name
        for name, each in resources_of(template, ZONE).items()
        if each.get("DeletionPolicy", "Delete") == "Delete"
    }
    if not going:
        return []
    cloud = environment.cloud
    with speaking(cloud, f"empty the zone of {stack.name}"):
        pages = cloud.cloudformation.get_paginator("list_stack_resources")
        zones = [
            each["PhysicalResourceId"]
            for page in pages.paginate(StackName=stack.stack_id)
            for each in page["StackResourceSummaries"]
            if each["LogicalResourceId"] in going and each.get("PhysicalResourceId")
        ]
        return [name for zone in zones for name in _remove(cloud.route53, zone)]


def _remove(route53: Any, zone: str) -> list[str]:
    try:
        pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone)
        records = validations(each for page in pages for each in page["ResourceRecordSets"])
    except route53.exceptions.NoSuchHostedZone:
        return []
    if records:
        changes = [{"Action": "DELETE", "ResourceRecordSet": each} for each in records]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    return [str(each["Name"]) for each in records]


def validations(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of ACM among the records of a zone. Pure."""
    return [
        each
        for each in records
        if each["Type"] == "CNAME"
        and str(each["Name"]).startswith("_")
        and all(
            value["Value"].rstrip(".").endswith(_ANSWER)
            for value in each.get("ResourceRecords", ({"Value": ""},))
        )
    ]
