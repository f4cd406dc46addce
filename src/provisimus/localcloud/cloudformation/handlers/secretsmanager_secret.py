"""AWS::SecretsManager::Secret, given or generated; deleted at once, without a time to recover."""

from __future__ import annotations

import json
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

_ABSENT = ("ResourceNotFoundException",)
_GENERATED = (
    "ExcludeCharacters", "ExcludeLowercase", "ExcludeNumbers", "ExcludePunctuation",
    "ExcludeUppercase", "IncludeSpace", "PasswordLength", "RequireEachIncludedType",
)  # fmt: skip
_TEMPLATE = ("GenerateStringKey", "SecretStringTemplate")


class Secret(Handler):
    type = "AWS::SecretsManager::Secret"
    honoured = frozenset(
        {"Description", "KmsKeyId", "Name", "SecretString", "Tags/*/Key", "Tags/*/Value"}
        | {f"GenerateSecretString/{key}" for key in (*_GENERATED, *_TEMPLATE)}
    )
    attributes = frozenset({"Id"})
    name_property = "Name"

    untold: ClassVar[Mapping[str, str]] = {
        "GenerateSecretString": "no drift is worth a secret in an answer",
        "KmsKeyId": "a key has several names, and drift detection compares none",
        "SecretString": "no drift is worth a secret in an answer",
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.secretsmanager.create_secret(
            Name=wanted.name("Name"),
            Tags=wanted.tag_list(),
            **only(wanted.properties, "Description", "KmsKeyId"),
            **_value(cloud, wanted.properties),
        )
        return str(made["ARN"])

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": cloud.secretsmanager.describe_secret(SecretId=physical_id)["ARN"]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What it holds is not told: no drift is worth a secret in an answer."""
        found = unless_absent(
            lambda: cloud.secretsmanager.describe_secret(SecretId=physical_id), *_ABSENT
        )
        if found is None or found.get("DeletedDate"):
            return None
        return {
            "Description": found.get("Description") or None,
            "Name": found["Name"],
            "Tags": found.get("Tags", []),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        if changed(old, new, "Description", "KmsKeyId"):
            cloud.secretsmanager.update_secret(
                SecretId=physical_id,
                **{"Description": "", **only(new, "Description", "KmsKeyId")},
            )
        if changed(old, new, "GenerateSecretString", "SecretString"):
            value = _value(cloud, new)
            if value:
                cloud.secretsmanager.put_secret_value(SecretId=physical_id, **value)
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.secretsmanager.untag_resource(SecretId=physical_id, TagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.secretsmanager.tag_resource(SecretId=physical_id, Tags=after.tag_list())

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.secretsmanager.delete_secret(
                SecretId=physical_id, ForceDeleteWithoutRecovery=True
            ),
            *_ABSENT,
        )


def _value(cloud: Cloud, properties: Mapping[str, Any]) -> dict[str, str]:
    """The SecretString of the properties, made up where they say so; nothing where they do not."""
    if "SecretString" in properties and "GenerateSecretString" in properties:
        raise ResourceFailed("You can't specify both SecretString and GenerateSecretString")
    if "SecretString" in properties:
        return {"SecretString": str(properties["SecretString"])}
    if "GenerateSecretString" not in properties:
        return {}
    wanted = properties["GenerateSecretString"]
    if ("GenerateStringKey" in wanted) != ("SecretStringTemplate" in wanted):
        raise ResourceFailed(f"{' and '.join(_TEMPLATE)} go together")
    made = cloud.secretsmanager.get_random_password(**only(wanted, *_GENERATED))["RandomPassword"]
    if "GenerateStringKey" not in wanted:
        return {"SecretString": made}
    try:
        template = json.loads(wanted["SecretStringTemplate"])
    except ValueError:
        template = None
    if not isinstance(template, dict):
        raise ResourceFailed("SecretStringTemplate is not a JSON object")
    return {"SecretString": json.dumps({**template, wanted["GenerateStringKey"]: made})}


HANDLER = Secret()
