"""S3: objects, versions and uploads of several parts."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import follows, operation

PART = 5 * 1024 * 1024
ERRORS = follows("S3 API reference, Error responses", "AmazonS3/latest/API/ErrorResponses.html")


@pytest.fixture
def s3(world: Any) -> Any:
    return world.client("s3")


@pytest.fixture
def bucket(world: Any, s3: Any) -> str:
    """A bucket that goes with all that is in it."""
    name = world.name("bucket")
    s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": world.region}
    )  # fmt: skip

    def remove(Bucket: str) -> None:  # noqa: N803 named as the API names it
        told = s3.list_object_versions(Bucket=Bucket)
        for each in [*told.get("Versions", []), *told.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=Bucket, Key=each["Key"], VersionId=each["VersionId"])
        s3.delete_bucket(Bucket=Bucket)

    world.kept(remove, Bucket=name)
    return name


@operation("S3", "PutBucketVersioning")
@operation("S3", "DeleteObject")
def test_versions_are_kept_and_a_deletion_is_one(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    at = {"Bucket": bucket, "Key": "a/b"}
    first = s3.put_object(**at, Body=b"first", Metadata={"who": "me"})["VersionId"]
    second = s3.put_object(**at, Body=b"second")["VersionId"]
    assert s3.get_object(**at)["VersionId"] == second
    told = s3.get_object(**at, VersionId=first)
    assert (told["Body"].read(), told["Metadata"]) == (b"first", {"who": "me"})
    marker = s3.delete_object(**at)
    assert marker["DeleteMarker"] is True
    assert refused(s3.get_object, **at)[0] == "NoSuchKey"
    s3.delete_object(**at, VersionId=marker["VersionId"])
    assert s3.get_object(**at)["Body"].read() == b"second"


@operation("S3", "CompleteMultipartUpload")
def test_a_large_object_comes_in_parts(s3: Any, bucket: str) -> None:
    whole = bytes(range(256)) * (PART // 256) + b"end"
    given = {"Bucket": bucket, "Key": "large"}
    upload = s3.create_multipart_upload(**given)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**given, UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, whole[:PART]), (2, whole[PART:]))
    ]
    assert refused(s3.get_object, **given)[0] == "NoSuchKey"
    s3.complete_multipart_upload(**given, UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(**given)["Body"].read() == whole
    assert s3.head_object(**given)["ETag"].strip('"').endswith("-2")
    part = s3.get_object(**given, Range=f"bytes={PART}-{PART + 2}")
    assert (part["Body"].read(), part["ContentRange"]) == (
        b"end", f"bytes {PART}-{PART + 2}/{PART + 3}",
    )  # fmt: skip


@operation("S3", "ListObjectsV2")
def test_a_listing_comes_in_folders_and_pages(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b/1", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    told = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [each["Prefix"] for each in told["CommonPrefixes"]] == ["a/", "b/"]
    assert [each["Key"] for each in told["Contents"]] == ["c"]
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 3}
    )
    assert [len(page["Contents"]) for page in pages] == [3, 1]


@ERRORS
def test_what_cannot_be(world: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    assert refused(s3.delete_bucket, Bucket=bucket)[0] == "BucketNotEmpty"
    assert refused(s3.get_object, Bucket=bucket, Key="b")[0] == "NoSuchKey"
    assert refused(s3.get_object, Bucket=world.name("none"), Key="b")[0] == "NoSuchBucket"
    here = {"LocationConstraint": world.region}
    again = refused(s3.create_bucket, Bucket=bucket, CreateBucketConfiguration=here)
    assert again[0] == "BucketAlreadyOwnedByYou"
    assert refused(s3.upload_part, Bucket=bucket, Key="a", UploadId="no", PartNumber=1, Body=b"")[
        0
    ] == ("NoSuchUpload")
    beyond = refused(s3.get_object, Bucket=bucket, Key="a", Range="bytes=7-9")
    assert beyond[0] == "InvalidRange"
    for call in (s3.get_bucket_policy, s3.get_bucket_lifecycle_configuration):
        assert refused(call, Bucket=bucket)[0].startswith("NoSuch")


@operation("S3", "PutObject")
def test_conditional_writes(s3: Any, bucket: str) -> None:
    at = {"Bucket": bucket, "Key": "once"}
    s3.put_object(**at, Body=b"one", IfNoneMatch="*")
    assert refused(s3.put_object, **at, Body=b"two", IfNoneMatch="*")[0] == "PreconditionFailed"
    assert s3.get_object(**at)["Body"].read() == b"one"
