"""A machine image in full, as DescribeImages tells of it. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.aws import Cloud, speaking, tags_of
from provisimus.machines import tags
from provisimus.machines.tags import machine_image
from provisimus.machines.temporary import snapshots_of
from provisimus.model import UNKNOWN, MachineImage


@dataclass(frozen=True)
class Details:
    """`size` of its disks in GiB; `deprecated` is when it is or will be, as EC2 writes it."""

    image: MachineImage
    region: str
    state: str = UNKNOWN
    size: int = 0
    architecture: str = UNKNOWN
    encrypted: bool = False
    snapshots: tuple[str, ...] = ()
    deprecated: str = ""
    public: bool = False

    def tag(self, key: str) -> str:
        return self.image.tags.get(key, "")

    @property
    def usable(self) -> bool:
        return tags.USABLE in self.image.tags

    @property
    def regions(self) -> tuple[str, ...]:
        """Where copies of it are, by its tag."""
        return tuple(filter(None, self.tag(tags.REGIONS).split(" ")))

    @property
    def accounts(self) -> tuple[str, ...]:
        """Who may launch it, by its tag."""
        return tuple(filter(None, self.tag(tags.ACCOUNTS).split(" ")))

    def as_json(self) -> dict[str, Any]:
        image = self.image
        return {
            "machine": image.machine,
            "version": image.version,
            "image_id": image.image_id,
            "name": image.name,
            "fingerprint": str(image.fingerprint) if image.fingerprint else None,
            "created": image.created,
            "region": self.region,
            "state": self.state,
            "usable": self.usable,
            "healthy_after_seconds": _number(self.tag(tags.HEALTHY_AFTER)),
            "size_gib": self.size,
            "architecture": self.architecture,
            "encrypted": self.encrypted,
            "snapshots": list(self.snapshots),
            "base": self.tag(tags.BASE) or UNKNOWN,
            "run": self.tag(tags.RUN) or UNKNOWN,
            "images": below(image.tags, tags.IMAGE),
            "commits": below(image.tags, tags.COMMIT),
            "copies_in": list(self.regions),
            "shared_with": list(self.accounts),
            "public": self.public,
            "deprecated": self.deprecated or None,
            "copy_of": self.tag(tags.COPY_OF) or None,
            "tags": dict(image.tags),
        }


def list_details(cloud: Cloud, project: str, machine: str | None = None) -> list[Details]:
    """The AMIs of a project (of one machine) in a cloud's region, newest first. One call."""
    wanted = {"tag:" + tags.PROJECT: project}
    if machine:
        wanted["tag:" + tags.MACHINE] = machine
    with speaking(cloud, "list the machine images"):
        answer = cloud.ec2.describe_images(
            Owners=["self"],
            IncludeDeprecated=True,
            Filters=[{"Name": name, "Values": [value]} for name, value in wanted.items()],
        )
    found = [details_of(dict(each), cloud.region) for each in answer["Images"]]
    return sorted(found, key=lambda each: (each.image.created, each.image.image_id), reverse=True)


def details_of(image: Mapping[str, Any], region: str) -> Details:
    """One of DescribeImages' images as our value. Pure."""
    disks = [each["Ebs"] for each in image.get("BlockDeviceMappings", ()) if "Ebs" in each]
    return Details(
        machine_image(image, tags_of(image.get("Tags"))),
        region,
        str(image.get("State", UNKNOWN)),
        sum(int(disk.get("VolumeSize", 0)) for disk in disks),
        str(image.get("Architecture", UNKNOWN)),
        bool(disks) and all(disk.get("Encrypted") for disk in disks),
        tuple(snapshots_of(image)),
        str(image.get("DeprecationTime") or ""),
        bool(image.get("Public")),
    )


def below(tagged: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The tags whose keys begin so, without the beginning."""
    return {
        key.removeprefix(prefix): value
        for key, value in sorted(tagged.items())
        if key.startswith(prefix)
    }


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
