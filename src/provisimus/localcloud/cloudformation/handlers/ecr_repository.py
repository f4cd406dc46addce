"""AWS::ECR::Repository: a record. Images of this cloud are in a registry beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("RepositoryNotFoundException",)
_NO_POLICY = ("LifecyclePolicyNotFoundException", "RepositoryPolicyNotFoundException", *_ABSENT)


class Repository(Handler):
    type = "AWS::ECR::Repository"
    honoured = frozenset(
        {
            "EmptyOnDelete", "EncryptionConfiguration/EncryptionType",
            "EncryptionConfiguration/KmsKey", "ImageScanningConfiguration/ScanOnPush",
            "ImageTagMutability", "LifecyclePolicy/LifecyclePolicyText", "RepositoryName",
            "RepositoryPolicyText/**", "Tags/*/Key", "Tags/*/Value",
        }
    )  # fmt: skip
    attributes = frozenset({"Arn", "RepositoryUri"})
    name_property = "RepositoryName"
    recorded: ClassVar[Mapping[str, str]] = {
        "*": "no image can be pushed there; the registry of this local cloud is one of its own, "
        "without repositories that must be made first"
    }

    untold: ClassVar[Mapping[str, str]] = {
        "EmptyOnDelete": "it is said to CloudFormation alone",
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name, given = wanted.name("RepositoryName").lower(), wanted.properties
        made = {
            f"{key[0].lower()}{key[1:]}": value
            for key, value in only(
                given, "EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability"
            ).items()
        }
        if "encryptionConfiguration" in made:
            made["encryptionConfiguration"] = _small(made["encryptionConfiguration"])
        if "imageScanningConfiguration" in made:
            made["imageScanningConfiguration"] = _small(made["imageScanningConfiguration"])
        cloud.ecr.create_repository(repositoryName=name, tags=wanted.tag_list(), **made)
        return name

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _put_policies(cloud, physical_id, {}, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        told = _told(cloud, physical_id) or {}
        return {"Arn": told["repositoryArn"], "RepositoryUri": told["repositoryUri"]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        told = _told(cloud, physical_id)
        if told is None:
            return None
        lifecycle, policy = _policies(cloud, physical_id)
        listed = cloud.ecr.list_tags_for_resource(resourceArn=told["repositoryArn"])["tags"]
        scanning = told["imageScanningConfiguration"]["scanOnPush"]
        return {
            "EncryptionConfiguration": {
                "EncryptionType": told["encryptionConfiguration"]["encryptionType"],
                "KmsKey": told["encryptionConfiguration"].get("kmsKey"),
            },
            "ImageScanningConfiguration": {"ScanOnPush": scanning},
            "ImageTagMutability": told["imageTagMutability"],
            "LifecyclePolicy": {"LifecyclePolicyText": lifecycle} if lifecycle else None,
            "RepositoryName": physical_id,
            "RepositoryPolicyText": json.loads(policy) if policy else None,
            "Tags": listed,
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        if changed(old, new, "ImageTagMutability"):
            cloud.ecr.put_image_tag_mutability(
                repositoryName=physical_id,
                imageTagMutability=new.get("ImageTagMutability", "MUTABLE"),
            )
        if changed(old, new, "ImageScanningConfiguration"):
            scanning = new.get("ImageScanningConfiguration", {"ScanOnPush": False})
            cloud.ecr.put_image_scanning_configuration(
                repositoryName=physical_id, imageScanningConfiguration=_small(scanning)
            )
        _put_policies(cloud, physical_id, old, new)
        arn = (_told(cloud, physical_id) or {})["repositoryArn"]
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.ecr.untag_resource(resourceArn=arn, tagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.ecr.tag_resource(resourceArn=arn, tags=after.tag_list())

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.ecr.delete_repository(
                repositoryName=physical_id, force=bool(properties.get("EmptyOnDelete"))
            ),
            *_ABSENT,
        )


def _put_policies(
    cloud: Cloud, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    if changed(before, after, "LifecyclePolicy"):
        text = after.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        if text:
            cloud.ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)
        else:
            cloud.ecr.delete_lifecycle_policy(repositoryName=name)
    if changed(before, after, "RepositoryPolicyText"):
        if after.get("RepositoryPolicyText"):
            cloud.ecr.set_repository_policy(
                repositoryName=name, policyText=json.dumps(after["RepositoryPolicyText"])
            )
        else:
            cloud.ecr.delete_repository_policy(repositoryName=name)


def _policies(cloud: Cloud, name: str) -> tuple[str | None, str | None]:
    lifecycle = unless_absent(
        lambda: cloud.ecr.get_lifecycle_policy(repositoryName=name), *_NO_POLICY
    )
    policy = unless_absent(
        lambda: cloud.ecr.get_repository_policy(repositoryName=name), *_NO_POLICY
    )
    return (
        lifecycle["lifecyclePolicyText"] if lifecycle else None,
        policy["policyText"] if policy else None,
    )


def _told(cloud: Cloud, name: str) -> dict[str, Any] | None:
    found = unless_absent(lambda: cloud.ecr.describe_repositories(repositoryNames=[name]), *_ABSENT)
    return dict(found["repositories"][0]) if found else None


def _small(given: Mapping[str, Any]) -> dict[str, Any]:
    """The API's names begin with a small letter."""
    return {f"{key[0].lower()}{key[1:]}": value for key, value in given.items()}


HANDLER = Repository()
