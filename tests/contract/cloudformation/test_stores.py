"""Buckets and repositories of a stack.

Follows the template reference of AWS::S3::Bucket, AWS::S3::BucketPolicy, AWS::ECR::Repository.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.cloudformation.conftest import ACCOUNT, REGION
from tests.contract.cloudformation.read_back import expect_as_asked, expect_everything

TYPES = ("AWS::ECR::Repository", "AWS::S3::Bucket", "AWS::S3::BucketPolicy")
STORES = """
Resources:
  Store:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: NAME-store
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - BucketKeyEnabled: true
            ServerSideEncryptionByDefault:
              {SSEAlgorithm: "aws:kms", KMSMasterKeyID: alias/aws/s3}
      LifecycleConfiguration:
        Rules:
          - Id: old
            Status: Enabled
            Prefix: logs/
            ExpirationInDays: 90
            Transitions: [{StorageClass: GLACIER, TransitionInDays: 30}]
          - Id: versions
            Status: Disabled
            ExpiredObjectDeleteMarker: true
            NoncurrentVersionExpiration: {NoncurrentDays: 7}
            AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}
      OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
      PublicAccessBlockConfiguration:
        BlockPublicAcls: true
        BlockPublicPolicy: true
        IgnorePublicAcls: true
        RestrictPublicBuckets: true
      VersioningConfiguration: {Status: Enabled}
      Tags: [{Key: team, Value: green}]
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Store
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Deny, Principal: "*", Action: "s3:*", Resource: !GetAtt Store.Arn}
  Images:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: NAME-images
      EmptyOnDelete: true
      EncryptionConfiguration: {EncryptionType: KMS, KmsKey: alias/aws/ecr}
      ImageScanningConfiguration: {ScanOnPush: true}
      ImageTagMutability: IMMUTABLE
      LifecyclePolicy: {LifecyclePolicyText: '{"rules": [{"rulePriority": 1, "selection":
        {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
        "action": {"type": "expire"}}]}'}
      RepositoryPolicyText:
        Version: "2012-10-17"
        Statement: [{Sid: Pull, Effect: Allow, Principal: "*", Action: "ecr:BatchGetImage"}]
      Tags: [{Key: team, Value: green}]
Outputs:
  Store: {Value: !Ref Store}
  Domain: {Value: !GetAtt Store.RegionalDomainName}
  Uri: {Value: !GetAtt Images.RepositoryUri}
"""


def test_every_property_is_as_asked_and_nothing_is_left(story: Any) -> None:
    body = STORES.replace("NAME", story.name)
    assert story.create(body) == "CREATE_COMPLETE", story.news()
    expect_everything(expect_as_asked(story), TYPES)
    assert story.outputs == {
        "Store": f"{story.name}-store",
        "Domain": f"{story.name}-store.s3.{REGION}.amazonaws.com",
        "Uri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{story.name}-images",
    }
    changed = (
        body.replace("green", "blue").replace("Enabled}", "Suspended}")
        .replace("ExpirationInDays: 90", "ExpirationInDays: 60")
        .replace("Effect: Deny", "Effect: Allow").replace("IMMUTABLE", "MUTABLE")
        .replace("ScanOnPush: true", "ScanOnPush: false").replace("Key, Value: x", "")
        .replace("BlockPublicAcls: true", "BlockPublicAcls: false")
    )  # fmt: skip
    assert story.update(changed) == "UPDATE_COMPLETE", story.news()
    assert story.outputs["Store"] == f"{story.name}-store"
    expect_as_asked(story)
    assert story.delete() == "DELETE_COMPLETE", story.news()
    buckets = [each["Name"] for each in story.world.client("s3").list_buckets()["Buckets"]]
    assert f"{story.name}-store" not in buckets
    images = story.world.client("ecr").describe_repositories()["repositories"]
    assert f"{story.name}-images" not in [each["repositoryName"] for each in images]


def test_what_is_taken_away_is_gone(story: Any) -> None:
    s3 = story.world.client("s3")
    made = story.create(STORES.replace("NAME", story.name))
    assert made == "CREATE_COMPLETE", "\n".join(story.news())
    name = story.outputs["Store"]
    assert story.update(
        f"Resources: {{Store: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {name}}}}}}}"
    ) == "UPDATE_COMPLETE", story.news()  # fmt: skip
    for call in (
        s3.get_bucket_lifecycle_configuration, s3.get_bucket_tagging, s3.get_bucket_policy,
        s3.get_public_access_block, s3.get_bucket_ownership_controls,
    ):  # fmt: skip
        with pytest.raises(ClientError):
            call(Bucket=name)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
