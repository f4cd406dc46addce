"""Lifecycle rules of buckets, in the words of a template and in those of the API. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.handlers.interface import only

HONOURED = frozenset(
    f"LifecycleConfiguration/Rules/*/{path}"
    for path in (
        "AbortIncompleteMultipartUpload/DaysAfterInitiation", "ExpirationInDays",
        "ExpiredObjectDeleteMarker", "Id",
        "NoncurrentVersionExpiration/NoncurrentDays", "Prefix", "Status",
        "Transitions/*/StorageClass", "Transitions/*/TransitionInDays",
    )
)  # fmt: skip


def to_api(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a template for PutBucketLifecycleConfiguration."""
    result: dict[str, Any] = {
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
        **only(rule, "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"),
    }
    if "Id" in rule:
        result["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        result["Expiration"] = {"Days": rule["ExpirationInDays"]}
    elif "ExpiredObjectDeleteMarker" in rule:
        result["Expiration"] = only(rule, "ExpiredObjectDeleteMarker")
    if "Transitions" in rule:
        result["Transitions"] = [
            {"StorageClass": each["StorageClass"], "Days": each["TransitionInDays"]}
            for each in rule["Transitions"]
        ]
    return result


def from_api(rule: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of GetBucketLifecycleConfiguration as a template says it.

    An id that the service made up, and a prefix of nothing, are told only where `wanted` has them.
    """
    result: dict[str, Any] = {
        "Status": rule["Status"],
        **only(rule, "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"),
    }
    if "Id" in wanted:
        result["Id"] = rule.get("ID")
    prefix = rule.get("Filter", {}).get("Prefix", rule.get("Prefix", ""))
    if prefix or "Prefix" in wanted:
        result["Prefix"] = prefix
    expiration = rule.get("Expiration", {})
    if expiration.get("Days"):
        result["ExpirationInDays"] = expiration["Days"]
    if "ExpiredObjectDeleteMarker" in expiration:
        result["ExpiredObjectDeleteMarker"] = expiration["ExpiredObjectDeleteMarker"]
    if rule.get("Transitions"):
        result["Transitions"] = [
            {"StorageClass": each["StorageClass"], "TransitionInDays": each["Days"]}
            for each in rule["Transitions"]
        ]
    return result
