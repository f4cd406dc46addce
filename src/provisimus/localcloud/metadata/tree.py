"""An instance's description as the paths under a version, and how a folder is listed. Pure.

Source of names and contents: EC2 User Guide, "Instance metadata categories". One path is ours and
not AWS's, which answers 404 there: ``meta-data/services/endpoint-url``, where this cloud's API is.
What has a signature by AWS (``dynamic/instance-identity/pkcs7`` and its kin) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from provisimus.localcloud.metadata.description import (
    Credentials,
    Description,
    Disk,
    Key,
    Network,
    Profile,
)


@dataclass(frozen=True)
class Folder:
    """Entries by name. ``label`` is how the folder that holds this one lists it, if not NAME/."""

    entries: Mapping[str, Folder | bytes]
    label: str | None = None

    def listing(self) -> bytes:
        """One name a line; folders end in a slash."""
        lines = []
        for name, entry in sorted(self.entries.items()):
            is_folder = isinstance(entry, Folder)
            label = entry.label if isinstance(entry, Folder) else None
            lines.append(label or (f"{name}/" if is_folder else name))
        return "\n".join(lines).encode()


def find(folder: Folder, path: str) -> bytes | None:
    """What stands at a path: a value, or a folder's listing; None where there is nothing."""
    steps = [step for step in path.split("/") if step]
    node: Folder | bytes | None = folder
    for step in steps:
        node = node.entries.get(step) if isinstance(node, Folder) else None
    if isinstance(node, Folder):
        return node.listing()
    return None if path.endswith("/") else node


def tree(described: Description) -> Folder:
    """Everything below one version."""
    entries: dict[str, Folder | bytes] = {
        "meta-data": Folder(_meta_data(described)),
        "dynamic": Folder(
            {"instance-identity": Folder({"document": _identity(described).encode()})}
        ),
    }
    if described.user_data:
        entries["user-data"] = described.user_data
    return Folder(entries)


def _meta_data(described: Description) -> dict[str, Folder | bytes]:
    network = described.network
    entries: dict[str, Folder | bytes] = {
        "ami-id": described.image.encode(),
        "ami-launch-index": str(described.launch_index).encode(),
        "ami-manifest-path": b"(unknown)",
        "block-device-mapping": _disks(described.disks),
        "hostname": described.hostname.encode(),
        "instance-action": b"none",
        "instance-id": described.instance.encode(),
        "instance-life-cycle": b"on-demand",
        "instance-type": described.type.encode(),
        "local-hostname": described.hostname.encode(),
        "local-ipv4": network.private_address.encode(),
        "mac": network.mac.encode(),
        "network": Folder(
            {"interfaces": Folder({"macs": Folder({network.mac: _interface(network, described)})})}
        ),
        "placement": _texts(
            {
                "availability-zone": described.zone,
                "availability-zone-id": described.zone_id,
                "region": described.region,
            }
        ),
        "profile": b"default-hvm",
        "reservation-id": described.reservation.encode(),
        "security-groups": "\n".join(group.name for group in network.groups).encode(),
        "services": _texts(
            {
                "domain": "amazonaws.com",
                "endpoint-url": described.endpoint,
                "partition": "aws",
            }
        ),
        "system": b"nitro",
    }
    if network.public_address:
        entries["public-ipv4"] = network.public_address.encode()
        entries["public-hostname"] = (network.public_hostname or "").encode()
    if described.keys:
        entries["public-keys"] = _keys(described.keys)
    if described.profile:
        entries["iam"] = _iam(described.profile, described.since)
    if described.options.tags:
        entries["tags"] = Folder({"instance": _texts(dict(described.tags))})
    return entries


def _disks(disks: tuple[Disk, ...]) -> Folder:
    names: dict[str, str] = {}
    others = 0
    for disk in disks:
        if disk.root:
            names["ami"] = names["root"] = disk.device
        else:
            others += 1
            names[f"ebs{others}"] = disk.device.removeprefix("/dev/")
    return _texts(names)


def _interface(network: Network, described: Description) -> Folder:
    values = {
        "device-number": "0",
        "interface-id": network.interface,
        "local-hostname": described.hostname,
        "local-ipv4s": network.private_address,
        "mac": network.mac,
        "owner-id": described.account,
        "security-group-ids": "\n".join(group.identifier for group in network.groups),
        "security-groups": "\n".join(group.name for group in network.groups),
        "subnet-id": network.subnet,
        "subnet-ipv4-cidr-block": network.subnet_block,
        "vpc-id": network.vpc,
        "vpc-ipv4-cidr-block": network.vpc_block,
        "vpc-ipv4-cidr-blocks": network.vpc_block,
    }
    entries = dict(_texts(values).entries)
    if network.public_address:
        entries["public-ipv4s"] = network.public_address.encode()
        entries["public-hostname"] = (network.public_hostname or "").encode()
        entries["ipv4-associations"] = _texts({network.public_address: network.private_address})
    return Folder(entries)


def _keys(keys: tuple[Key, ...]) -> Folder:
    return Folder(
        {
            str(index): Folder({"openssh-key": key.material.encode()}, f"{index}={key.name}")
            for index, key in enumerate(keys)
        }
    )


def _iam(profile: Profile, since: datetime) -> Folder:
    keys = profile.credentials
    info = {
        "Code": "Success",
        "LastUpdated": moment(keys.since if keys else since),
        "InstanceProfileArn": profile.arn,
        "InstanceProfileId": profile.identifier,
    }
    entries: dict[str, Folder | bytes] = {"info": _json(info).encode()}
    if profile.role and keys:
        entries["security-credentials"] = _texts({profile.role: _session(keys)})
    return Folder(entries)


def _session(keys: Credentials) -> str:
    return _json(
        {
            "Code": "Success",
            "LastUpdated": moment(keys.since),
            "Type": "AWS-HMAC",
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret_key,
            "Token": keys.token,
            "Expiration": moment(keys.until),
        }
    )


def _identity(described: Description) -> str:
    return _json(
        {
            "accountId": described.account,
            "architecture": described.architecture,
            "availabilityZone": described.zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "marketplaceProductCodes": None,
            "imageId": described.image,
            "instanceId": described.instance,
            "instanceType": described.type,
            "kernelId": None,
            "pendingTime": moment(described.since),
            "privateIp": described.network.private_address,
            "ramdiskId": None,
            "region": described.region,
            "version": "2017-09-30",
        }
    )


def moment(when: datetime) -> str:
    """A time as the service writes it: UTC, to the second."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=2)


def _texts(values: Mapping[str, str]) -> Folder:
    return Folder({name: value.encode() for name, value in values.items()})
