"""The stack type `bucket`: private, encrypted, over TLS alone; it stays when its stack goes."""

from __future__ import annotations

from typing import Any

from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.workspace.definitions.stacks.bucket import BucketDefinition

Wanted = WantedStack[BucketDefinition]


class Bucket(StackType[BucketDefinition]):
    name = "bucket"
    definition = BucketDefinition
    summary = "objects in Amazon S3: private, encrypted, with versions; stays when its stack goes"
    example = """\
type: bucket
# name: acme-invoices           # without one, CloudFormation makes one
versions: true                  # what is overwritten or deleted can be had back
old_versions: 90d               # for so long
expire:
  - {prefix: tmp/, after: 7d}   # objects that go by themselves
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        return {
            **parts.head(f"{wanted.service}: a bucket"),
            "Resources": {
                "Bucket": _bucket(wanted.definition),
                "BucketPolicy": {
                    "Type": "AWS::S3::BucketPolicy",
                    "Properties": {
                        "Bucket": {"Ref": "Bucket"},
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [_only_tls()],
                        },
                    },
                },
            },
            "Outputs": {
                "BucketName": {"Value": {"Ref": "Bucket"}},
                "BucketArn": {"Value": {"Fn::GetAtt": ["Bucket", "Arn"]}},
            },
        }


def _bucket(asked: BucketDefinition) -> dict[str, Any]:
    encryption = (
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": asked.key}
        if asked.key
        else {"SSEAlgorithm": "AES256"}
    )
    properties: dict[str, Any] = {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": encryption,
                    **({"BucketKeyEnabled": True} if asked.key else {}),
                }
            ]
        },
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "VersioningConfiguration": {"Status": "Enabled" if asked.versions else "Suspended"},
        "LifecycleConfiguration": {"Rules": _rules(asked)},
    }
    if asked.name:
        properties["BucketName"] = asked.name
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _rules(asked: BucketDefinition) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        {
            "Id": "unfinished-uploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
    if asked.versions:
        old = asked.old_versions // 86400
        rules.append(
            {
                "Id": "old-versions",
                "Status": "Enabled",
                "NoncurrentVersionExpiration": {"NoncurrentDays": old},
            }
        )
    for index, each in enumerate(asked.expire):
        rules.append(
            {
                "Id": f"expire-{index}",
                "Status": "Enabled",
                "Prefix": each.prefix,
                "ExpirationInDays": each.after // 86400,
            }
        )
    return rules


def _only_tls() -> dict[str, Any]:
    return {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [
            {"Fn::GetAtt": ["Bucket", "Arn"]},
            {"Fn::Sub": "${Bucket.Arn}/*"},
        ],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


TYPE = Bucket()
