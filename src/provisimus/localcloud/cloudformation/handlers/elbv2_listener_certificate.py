"""AWS::ElasticLoadBalancingV2::ListenerCertificate: further certificates of a listener, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("ListenerNotFound",)


class ListenerCertificate(Handler):
    type = "AWS::ElasticLoadBalancingV2::ListenerCertificate"
    honoured = frozenset({"Certificates/*/CertificateArn", "ListenerArn"})
    attributes = frozenset({"Id"})

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        given = wanted.properties
        cloud.elbv2.add_listener_certificates(
            ListenerArn=given["ListenerArn"], Certificates=given["Certificates"]
        )
        return f"{given['ListenerArn']}/{wanted.logical_id}"

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Of the listener's further certificates its own: others are resources of their own."""
        arn, wanted = str(properties["ListenerArn"]), properties["Certificates"]
        told = unless_absent(
            lambda: cloud.elbv2.describe_listener_certificates(ListenerArn=arn), *_ABSENT
        )
        return told and {
            "Certificates": [
                own
                for each in told["Certificates"]
                if (own := only(each, "CertificateArn")) in wanted and not each["IsDefault"]
            ],
            "ListenerArn": arn,
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        had, wants = before.properties["Certificates"], after.properties["Certificates"]
        arn = after.properties["ListenerArn"]
        fresh = [each for each in wants if each not in had]
        gone = [each for each in had if each not in wants]
        if fresh:
            cloud.elbv2.add_listener_certificates(ListenerArn=arn, Certificates=fresh)
        if gone:
            cloud.elbv2.remove_listener_certificates(ListenerArn=arn, Certificates=gone)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        def remove() -> Any:
            return cloud.elbv2.remove_listener_certificates(
                ListenerArn=properties["ListenerArn"], Certificates=properties["Certificates"]
            )

        unless_absent(remove, *_ABSENT)


HANDLER = ListenerCertificate()
