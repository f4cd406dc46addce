"""AWS::SecretsManager::ResourcePolicy. Kept and told; nobody is kept away here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted

_ABSENT = ("ResourceNotFoundException",)


class ResourcePolicy(Handler):
    type = "AWS::SecretsManager::ResourcePolicy"
    honoured = frozenset({"BlockPublicPolicy", "ResourcePolicy/**", "SecretId"})
    attributes = frozenset({"Id"})
    recorded: ClassVar[Mapping[str, str]] = {"*": "no policy is enforced"}

    untold: ClassVar[Mapping[str, str]] = {
        "BlockPublicPolicy": "it is said of the call alone",
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        secret = str(wanted.properties["SecretId"])
        arn = str(cloud.secretsmanager.describe_secret(SecretId=secret)["ARN"])
        if _policy(cloud, arn):
            raise ResourceFailed(f"The secret {secret} has a policy already")
        _put(cloud, arn, wanted.properties)
        return arn

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        policy = _policy(cloud, physical_id)
        if not policy:
            return None
        return {"ResourcePolicy": json.loads(policy), "SecretId": properties["SecretId"]}

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _put(cloud, physical_id, after.properties)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.secretsmanager.delete_resource_policy(SecretId=physical_id), *_ABSENT
        )


def _put(cloud: Cloud, secret: str, properties: Mapping[str, Any]) -> None:
    cloud.secretsmanager.put_resource_policy(
        SecretId=secret, ResourcePolicy=json.dumps(properties["ResourcePolicy"])
    )


def _policy(cloud: Cloud, secret: str) -> str | None:
    found = unless_absent(
        lambda: cloud.secretsmanager.get_resource_policy(SecretId=secret), *_ABSENT
    )
    return found.get("ResourcePolicy") if found else None


HANDLER = ResourcePolicy()
