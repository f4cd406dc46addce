"""Buckets outlive a crash, and what is in them lies on the disk once.

Follows the API reference of S3: PutObject, GetObject, multipart uploads, versions.
"""

from __future__ import annotations

import os

from .databases import eventually

PART = 5 * 1024 * 1024


def test_objects_outlive_a_crash(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(
        Bucket="store", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )  # fmt: skip
    s3.put_bucket_versioning(Bucket="store", VersioningConfiguration={"Status": "Enabled"})
    large = os.urandom(PART) + b"end"
    s3.put_object(Bucket="store", Key="a/b", Body=b"first", Metadata={"who": "me"})
    second = s3.put_object(Bucket="store", Key="a/b", Body=b"second")["VersionId"]
    s3.put_object(Bucket="store", Key="empty", Body=b"")
    s3.put_object(Bucket="store", Key="gone", Body=b"gone")
    s3.delete_object(Bucket="store", Key="gone")
    upload = s3.create_multipart_upload(Bucket="store", Key="large")["UploadId"]
    given = {"Bucket": "store", "Key": "large", "UploadId": upload}
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**given, PartNumber=number, Body=each)["ETag"],
        }
        for number, each in ((1, large[:PART]), (2, large[PART:]))
    ]
    s3.complete_multipart_upload(**given, MultipartUpload={"Parts": parts})
    assert len(s3.list_object_versions(Bucket="store")["Versions"]) == 5
    eventually(lambda: cloud.status()["saved"], True)
    assert (cloud.directory / "state.pickle").stat().st_size < PART

    cloud.kill()
    cloud.start()
    s3 = cloud.client("s3")
    told = s3.get_object(Bucket="store", Key="a/b")
    assert (told["Body"].read(), told["VersionId"]) == (b"second", second)
    versions = s3.list_object_versions(Bucket="store", Prefix="a/")["Versions"]
    first = next(each["VersionId"] for each in versions if each["VersionId"] != second)
    told = s3.get_object(Bucket="store", Key="a/b", VersionId=first)
    assert (told["Body"].read(), told["Metadata"]) == (b"first", {"who": "me"})
    assert s3.get_object(Bucket="store", Key="empty")["Body"].read() == b""
    part = s3.get_object(Bucket="store", Key="large", Range=f"bytes={PART}-{PART + 2}")
    assert part["Body"].read() == b"end"

    # Nothing is left of what nobody has any more.
    for each in s3.list_object_versions(Bucket="store")["Versions"]:
        s3.delete_object(Bucket="store", Key=each["Key"], VersionId=each["VersionId"])
    for each in s3.list_object_versions(Bucket="store")["DeleteMarkers"]:
        s3.delete_object(Bucket="store", Key=each["Key"], VersionId=each["VersionId"])
    s3.delete_bucket(Bucket="store")
    eventually(lambda: list((cloud.directory / "objects").iterdir()), [])
