"""Which disks an instance starts with: what its image says, overlaid by the request. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Mapping = dict[str, Any]


def launch_mappings(image: Sequence[Mapping], request: Sequence[Mapping]) -> list[Mapping]:
    """Merge block device mappings as RunInstances does, in the form that moto takes.

    A device that the request names keeps what the image says where the request is silent;
    ``NoDevice`` leaves one out. Source: API reference of RunInstances, BlockDeviceMapping.
    """
    asked = {mapping["DeviceName"]: mapping for mapping in request}
    names = [m["DeviceName"] for m in image] + [
        name for name in asked if name not in {m["DeviceName"] for m in image}
    ]
    of_image = {mapping["DeviceName"]: mapping.get("Ebs", {}) for mapping in image}
    merged: list[Mapping] = []
    for name in names:
        own = asked.get(name)
        if own is not None and (own.get("NoDevice") is not None or not own.get("Ebs")):
            continue
        said = {k: v for k, v in (own or {}).get("Ebs", {}).items() if v is not None}
        ebs = {"DeleteOnTermination": False, "Encrypted": False, **of_image.get(name, {}), **said}
        merged.append({"DeviceName": name, "Ebs": {k: v for k, v in ebs.items() if v is not None}})
    return merged


def without_size(mappings: Sequence[Mapping]) -> list[str]:
    """Devices whose size nobody knows: neither the request nor the image says it."""
    return [
        str(each["DeviceName"])
        for each in mappings
        if not each["Ebs"].get("VolumeSize") and not each["Ebs"].get("SnapshotId")
    ]
