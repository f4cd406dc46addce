"""AWS::S3::Bucket. Deleted only when it is empty, as on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers import _lifecycle
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
)

_ABSENT = ("NoSuchBucket", "404")
_UNSET = (
    "NoSuchLifecycleConfiguration", "NoSuchPublicAccessBlockConfiguration", "NoSuchTagSet",
    "OwnershipControlsNotFoundError", "ServerSideEncryptionConfigurationNotFoundError",
)  # fmt: skip
_ENCRYPTION = "ServerSideEncryptionConfiguration"
_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_FACETS = (
    "BucketEncryption", "LifecycleConfiguration", "OwnershipControls",
    "PublicAccessBlockConfiguration", "VersioningConfiguration",
)  # fmt: skip
LONGEST = 63


class Bucket(Handler):
    type = "AWS::S3::Bucket"
    honoured = frozenset(
        {
            "BucketName", "OwnershipControls/Rules/*/ObjectOwnership", "Tags/*/Key", "Tags/*/Value",
            "VersioningConfiguration/Status",
            f"BucketEncryption/{_ENCRYPTION}/*/BucketKeyEnabled",
            f"BucketEncryption/{_ENCRYPTION}/*/ServerSideEncryptionByDefault/KMSMasterKeyID",
            f"BucketEncryption/{_ENCRYPTION}/*/ServerSideEncryptionByDefault/SSEAlgorithm",
            *(f"PublicAccessBlockConfiguration/{each}" for each in _BLOCKS),
            *_lifecycle.HONOURED,
        }
    )  # fmt: skip
    attributes = frozenset({"Arn", "DomainName", "DualStackDomainName", "RegionalDomainName"})
    name_property = "BucketName"
    recorded: ClassVar[Mapping[str, str]] = {
        "BucketEncryption": "objects are not encrypted on this computer's disk",
        "LifecycleConfiguration": "no object expires or moves",
        "OwnershipControls": "all objects are of one account",
        "PublicAccessBlockConfiguration": "whoever reaches this cloud reaches its buckets",
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = wanted.name("BucketName")
        if "BucketName" not in wanted.properties:
            name = _shortened(name.lower())
        place = (
            {}
            if cloud.region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
        )
        if not self.gone(cloud, name, wanted.properties):
            # In one region AWS answers as if it had been made.
            raise ResourceFailed(f"{name} already exists")
        cloud.s3.create_bucket(Bucket=name, **place)
        return name

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        for name in _FACETS:
            if name in properties:
                _PUT[name](cloud, physical_id, properties[name])
        if properties.get("Tags"):
            _tag(cloud, physical_id, {e["Key"]: e["Value"] for e in properties["Tags"]})
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "Arn": f"arn:aws:s3:::{physical_id}",
            "DomainName": f"{physical_id}.s3.amazonaws.com",
            "DualStackDomainName": f"{physical_id}.s3.dualstack.{cloud.region}.amazonaws.com",
            "RegionalDomainName": f"{physical_id}.s3.{cloud.region}.amazonaws.com",
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        if self.gone(cloud, physical_id, properties):
            return None
        told = {name: _GET[name](cloud, physical_id, properties) for name in _FACETS}
        listed = _told(lambda: cloud.s3.get_bucket_tagging(Bucket=physical_id))
        return {**told, "BucketName": physical_id, "Tags": listed.get("TagSet", [])}

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        for name in _FACETS:
            if not changed(old, new, name):
                continue
            if name in new:
                _PUT[name](cloud, physical_id, new[name])
            else:
                _REMOVE[name](cloud, physical_id)
        if changed(old, new, "Tags"):
            _tag(cloud, physical_id, {e["Key"]: e["Value"] for e in new.get("Tags", [])})

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.s3.delete_bucket(Bucket=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return unless_absent(lambda: cloud.s3.head_bucket(Bucket=physical_id), *_ABSENT) is None


def _put_encryption(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> None:
    rules = [
        {
            ("Apply" if key == "ServerSideEncryptionByDefault" else "") + key: value
            for key, value in rule.items()
        }
        for rule in wanted[_ENCRYPTION]
    ]
    cloud.s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})


def _get_encryption(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> Any:
    found = _told(lambda: cloud.s3.get_bucket_encryption(Bucket=name))
    asked = wanted.get("BucketEncryption", {}).get(_ENCRYPTION, [])
    rules = [
        {key.removeprefix("Apply"): value for key, value in rule.items()}
        for rule in found.get(_ENCRYPTION, {}).get("Rules", [])
    ]
    for rule, given in zip(rules, asked, strict=False):
        if "BucketKeyEnabled" not in given and not rule.get("BucketKeyEnabled"):
            rule.pop("BucketKeyEnabled", None)
    return {_ENCRYPTION: rules} if rules else None


def _put_lifecycle(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> None:
    cloud.s3.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={"Rules": [_lifecycle.to_api(rule) for rule in wanted["Rules"]]},
    )


def _get_lifecycle(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> Any:
    found = _told(lambda: cloud.s3.get_bucket_lifecycle_configuration(Bucket=name)).get("Rules")
    asked = [*wanted.get("LifecycleConfiguration", {}).get("Rules", []), *([{}] * len(found or []))]
    rules = [_lifecycle.from_api(*each) for each in zip(found or [], asked, strict=False)]
    return {"Rules": rules} if rules else None


def _put_ownership(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> None:
    cloud.s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=wanted)


def _get_ownership(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> Any:
    found = _told(lambda: cloud.s3.get_bucket_ownership_controls(Bucket=name))
    return found.get("OwnershipControls")


def _put_block(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> None:
    cloud.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=wanted)


def _get_block(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> Any:
    found = _told(lambda: cloud.s3.get_public_access_block(Bucket=name))
    asked = wanted.get("PublicAccessBlockConfiguration", {})
    told = found.get("PublicAccessBlockConfiguration", {})
    return {key: value for key, value in told.items() if value or key in asked} or None


def _put_versioning(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> None:
    cloud.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=wanted)


def _get_versioning(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> Any:
    status = cloud.s3.get_bucket_versioning(Bucket=name).get("Status")
    return {"Status": status} if status else None


def _tag(cloud: Cloud, name: str, tags: Mapping[str, str]) -> None:
    """Moto takes none of CloudFormation's own, which AWS sets as well."""
    if not tags:
        cloud.s3.delete_bucket_tagging(Bucket=name)
        return
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    cloud.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": listed})


def _told(call: Callable[[], Any]) -> dict[str, Any]:
    return unless_absent(call, *_UNSET) or {}


def _shortened(name: str) -> str:
    """Within S3's limit; the random end stays."""
    if len(name) <= LONGEST:
        return name
    front, _, end = name.rpartition("-")
    return f"{front[: LONGEST - len(end) - 1].rstrip('-')}-{end}"


_Put = Callable[[Cloud, str, Mapping[str, Any]], None]
_PUT: Mapping[str, _Put] = dict(
    zip(
        _FACETS,
        (_put_encryption, _put_lifecycle, _put_ownership, _put_block, _put_versioning),
        strict=True,
    )
)
_GET: Mapping[str, Callable[[Cloud, str, Mapping[str, Any]], Any]] = dict(
    zip(
        _FACETS,
        (_get_encryption, _get_lifecycle, _get_ownership, _get_block, _get_versioning),
        strict=True,
    )
)
_REMOVE: Mapping[str, Callable[[Cloud, str], Any]] = {
    "BucketEncryption": lambda cloud, name: cloud.s3.delete_bucket_encryption(Bucket=name),
    "LifecycleConfiguration": lambda cloud, name: cloud.s3.delete_bucket_lifecycle(Bucket=name),
    "OwnershipControls": lambda cloud, name: cloud.s3.delete_bucket_ownership_controls(Bucket=name),
    "PublicAccessBlockConfiguration": lambda cloud, name: cloud.s3.delete_public_access_block(
        Bucket=name
    ),
    "VersioningConfiguration": lambda cloud, name: _put_versioning(
        cloud, name, {"Status": "Suspended"}
    ),
}
HANDLER = Bucket()
