"""Readers, as in `readers.py`, of what keeps things: buckets and repositories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from tests.contract.cloudformation.readers import reads, tags


@reads("AWS::S3::Bucket")
def bucket(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    api, name = world.client("s3"), {"Bucket": physical_id}
    encryption = api.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    rules = []
    for rule in api.get_bucket_lifecycle_configuration(**name)["Rules"]:
        told = {
            "Id": rule["ID"],
            "Status": rule["Status"],
            "Prefix": rule["Filter"].get("Prefix"),
            "ExpirationInDays": rule.get("Expiration", {}).get("Days"),
            "ExpiredObjectDeleteMarker": rule.get("Expiration", {}).get(
                "ExpiredObjectDeleteMarker"
            ),
            "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
            "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
            "Transitions": [
                {"StorageClass": each["StorageClass"], "TransitionInDays": each["Days"]}
                for each in rule.get("Transitions", [])
            ],
        }
        rules.append({key: value for key, value in told.items() if value})
    return {
        "BucketName": physical_id,
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "BucketKeyEnabled": encryption["BucketKeyEnabled"],
                    "ServerSideEncryptionByDefault": encryption[
                        "ApplyServerSideEncryptionByDefault"
                    ],
                }
            ]
        },
        "LifecycleConfiguration": {"Rules": rules},
        "OwnershipControls": api.get_bucket_ownership_controls(**name)["OwnershipControls"],
        "PublicAccessBlockConfiguration": api.get_public_access_block(**name)[
            "PublicAccessBlockConfiguration"
        ],
        "VersioningConfiguration": {"Status": api.get_bucket_versioning(**name)["Status"]},
        "Tags": tags(api.get_bucket_tagging(**name), "TagSet"),
    }


@reads("AWS::S3::BucketPolicy")
def bucket_policy(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.client("s3").get_bucket_policy(Bucket=physical_id)
    return {"Bucket": physical_id, "PolicyDocument": json.loads(told["Policy"])}


@reads("AWS::ECR::Repository")
def repository(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    api, name = world.client("ecr"), {"repositoryName": physical_id}
    (told,) = api.describe_repositories(repositoryNames=[physical_id])["repositories"]
    encryption = told["encryptionConfiguration"]
    try:
        lifecycle = api.get_lifecycle_policy(**name)["lifecyclePolicyText"]
    except ClientError:
        lifecycle = None
    return {
        "EmptyOnDelete": wanted["EmptyOnDelete"],  # of the template alone
        "EncryptionConfiguration": {
            "EncryptionType": encryption["encryptionType"],
            "KmsKey": encryption.get("kmsKey"),
        },
        "ImageScanningConfiguration": {
            "ScanOnPush": told["imageScanningConfiguration"]["scanOnPush"]
        },
        "ImageTagMutability": told["imageTagMutability"],
        "LifecyclePolicy": {"LifecyclePolicyText": lifecycle},
        "RepositoryName": physical_id,
        "RepositoryPolicyText": json.loads(api.get_repository_policy(**name)["policyText"]),
        "Tags": tags(api.list_tags_for_resource(resourceArn=told["repositoryArn"]), "tags"),
    }
