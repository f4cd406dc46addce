"""AWS::S3::BucketPolicy. Kept and told; nobody is kept away here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted

_ABSENT = ("NoSuchBucket", "NoSuchBucketPolicy")


class BucketPolicy(Handler):
    type = "AWS::S3::BucketPolicy"
    honoured = frozenset({"Bucket", "PolicyDocument/**"})
    attributes = frozenset()
    recorded: ClassVar[Mapping[str, str]] = {"*": "no policy is enforced"}

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        bucket = str(wanted.properties["Bucket"])
        if _told(cloud, bucket) is not None:
            raise ResourceFailed(f"The bucket policy already exists on bucket {bucket}.")
        _put(cloud, bucket, wanted.properties)
        return bucket

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        policy = _told(cloud, physical_id)
        return None if policy is None else {"Bucket": physical_id, "PolicyDocument": policy}

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _put(cloud, physical_id, after.properties)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.s3.delete_bucket_policy(Bucket=physical_id), *_ABSENT)


def _put(cloud: Cloud, bucket: str, properties: Mapping[str, Any]) -> None:
    cloud.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(properties["PolicyDocument"]))


def _told(cloud: Cloud, bucket: str) -> Any | None:
    found = unless_absent(lambda: cloud.s3.get_bucket_policy(Bucket=bucket), *_ABSENT)
    return json.loads(found["Policy"]) if found else None


HANDLER = BucketPolicy()
