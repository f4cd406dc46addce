"""Buckets of a stack, and templates that lie in buckets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import operation

PLAIN = "Resources: {Store: {Type: AWS::S3::Bucket}}\nOutputs: {Store: {Value: !Ref Store}}\n"


@operation("S3", "DeleteBucket")
def test_a_bucket_with_objects_is_not_deleted(story: Any) -> None:
    s3 = story.world.client("s3")
    assert story.create(PLAIN) == "CREATE_COMPLETE", story.news()
    name = story.outputs["Store"]
    assert name == name.lower()
    s3.put_object(Bucket=name, Key="a/b", Body=b"content")
    assert story.delete() == "DELETE_FAILED"
    assert "BucketNotEmpty" in " ".join(story.news())
    s3.delete_object(Bucket=name, Key="a/b")
    assert story.delete() == "DELETE_COMPLETE"


@operation("CloudFormation", "CreateStack")
def test_a_large_template_lies_in_a_bucket(story: Any) -> None:
    s3, api = story.world.client("s3"), story.world.cloudformation
    region, bucket = story.world.region, story.name
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    story.world.kept(s3.delete_bucket, Bucket=bucket)
    group = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "x"}}
    body = json.dumps({"Metadata": {"m": "x" * 60_000}, "Resources": {"A": group}})
    s3.put_object(Bucket=bucket, Key="deep/down.json", Body=body.encode())
    story.world.kept(s3.delete_object, Bucket=bucket, Key="deep/down.json")
    urls = (
        f"https://{bucket}.s3.{region}.amazonaws.com/deep/down.json",
        f"https://s3.{region}.amazonaws.com/{bucket}/deep/down.json",
        f"https://{bucket}.s3.amazonaws.com/deep/down.json",
    )
    for url in urls:
        api.validate_template(TemplateURL=url)
    story.stack_id = api.create_stack(StackName=story.name, TemplateURL=urls[1])["StackId"]
    assert story.settle() == "CREATE_COMPLETE"
    made = api.create_change_set(
        StackName=story.name, ChangeSetName="c", TemplateURL=urls[2],
        Tags=[{"Key": "team", "Value": "green"}],
    )  # fmt: skip
    told = lambda: api.describe_change_set(ChangeSetName=made["Id"])["Status"]  # noqa: E731
    status = story.wait_while(told, "CREATE_PENDING", "CREATE_IN_PROGRESS")
    assert status == "CREATE_COMPLETE"
    for url, said in (
        (f"https://{bucket}.s3.{region}.amazonaws.com/other", "S3 error: The specified key"),
        ("https://none.s3.amazonaws.com/other", "S3 error: The specified bucket"),
        ("https://example.com/other", "TemplateURL must be a supported URL"),
    ):
        with pytest.raises(ClientError, match=said):
            api.validate_template(TemplateURL=url)
