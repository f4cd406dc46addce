"""AWS::SecretsManager::SecretTargetAttachment: a secret says where its database is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._rds import instance
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted

_TARGET = "AWS::RDS::DBInstance"
_KEYS = ("dbInstanceIdentifier", "dbname", "engine", "host", "port")


class SecretTargetAttachment(Handler):
    type = "AWS::SecretsManager::SecretTargetAttachment"
    honoured = frozenset({"SecretId", "TargetId", "TargetType"})
    attributes = frozenset({"Id"})

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        secret = str(wanted.properties["SecretId"])
        arn = str(cloud.secretsmanager.describe_secret(SecretId=secret)["ARN"])
        _change(cloud, arn, _whereabouts(cloud, wanted.properties))
        return arn

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return []

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What the secret says of its database, told by who refers to it."""
        said = unless_absent(
            lambda: _content(cloud, physical_id),
            "ResourceNotFoundException",
            "InvalidRequestException",
        )
        if not said or "dbInstanceIdentifier" not in said:
            return None
        target = str(properties["TargetId"])
        same = target.rpartition(":")[2] == said["dbInstanceIdentifier"]
        return {
            "SecretId": properties["SecretId"],
            "TargetId": target if same else said["dbInstanceIdentifier"],
            "TargetType": _TARGET,
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _change(cloud, physical_id, _whereabouts(cloud, after.properties))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: _change(cloud, physical_id, {}),
            "ResourceNotFoundException",
            "InvalidRequestException",
        )


def _whereabouts(cloud: Cloud, properties: Mapping[str, Any]) -> dict[str, Any]:
    if properties["TargetType"] != _TARGET:
        raise ResourceFailed(f"TargetType {properties['TargetType']} is not simulated: {_TARGET}")
    told = instance(cloud, str(properties["TargetId"]).rpartition(":")[2])
    if told is None or "Endpoint" not in told:
        raise ResourceFailed(f"There is no DB instance {properties['TargetId']} with an endpoint")
    found = {
        "dbInstanceIdentifier": told["DBInstanceIdentifier"],
        "engine": told["Engine"],
        "host": told["Endpoint"]["Address"],
        "port": told["Endpoint"]["Port"],
    }
    return {**found, "dbname": told["DBName"]} if told.get("DBName") else found


def _content(cloud: Cloud, secret: str) -> dict[str, Any] | None:
    """The object that a secret holds as JSON; None where it holds something else."""
    value = cloud.secretsmanager.get_secret_value(SecretId=secret).get("SecretString")
    try:
        content = json.loads(value)
    except (TypeError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _change(cloud: Cloud, secret: str, whereabouts: Mapping[str, Any]) -> None:
    """Put these in the place of what the secret says of its database."""
    content = _content(cloud, secret)
    if content is None:
        raise ResourceFailed(f"The secret {secret} holds no JSON object")
    kept = {key: each for key, each in content.items() if key not in _KEYS}
    if {**kept, **whereabouts} != content:
        cloud.secretsmanager.put_secret_value(
            SecretId=secret, SecretString=json.dumps({**kept, **whereabouts})
        )


HANDLER = SecretTargetAttachment()
