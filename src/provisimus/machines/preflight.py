"""What must hold before a machine is launched to bake on. Pure: what was found out comes in as a
value, everything that stands in the way goes out at once.

What could not be found out is None and forbids nothing. How it is asked stands in ``asking.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provisimus.errors import Finding
from provisimus.machines.access import ImageFacts
from provisimus.machines.catalogue import BaseImage

PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""EC2's word for an architecture, and that of container images."""

SYSTEM = 2 * 1024**3
"""Bytes that a base with Docker and what a bake needs for itself take: Debian 12 uses 1.5 GiB."""
UNPACKED = 2.5
"""How many times larger layers of programs are on the disk than in a registry."""

_STANDARD = ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z")
QUOTAS = {
    **dict.fromkeys(_STANDARD, "L-1216C47A"),
    "f": "L-74FC7D96",
    **dict.fromkeys(("g", "vt"), "L-DB2E81BA"),
    "inf": "L-1945791B",
    "p": "L-417A185B",
    "x": "L-7295265B",
}
"""The quota of running on-demand vCPUs that a family of instance types counts against (Service
Quotas, service `ec2`)."""


@dataclass(frozen=True)
class InstanceType:
    architectures: tuple[str, ...]
    vcpus: int


@dataclass(frozen=True)
class Quota:
    """Of on-demand vCPUs. `used` is a lower bound: reserved capacity counts too."""

    limit: float
    used: int


@dataclass(frozen=True)
class Way:
    """A subnet that the machine may land in. `out` is where its traffic to everywhere goes: an
    `internet gateway`, a `NAT gateway`, something else by its id; None for nowhere."""

    subnet: str
    out: str | None
    public: bool
    """Whether an instance gets a public address there without asking."""


@dataclass(frozen=True)
class Metadata:
    """The account's defaults for the metadata service of instances. `tokens` is `required`,
    `optional` or None; `enforced` means that nothing starts which does not require them."""

    tokens: str | None
    enforced: bool


@dataclass(frozen=True)
class Facts:
    """What was asked for, and what was found out about it."""

    definition: str
    """The path of machine.yaml."""
    environment: str
    instance_type: str
    disk: int
    base: BaseImage | None
    name: str
    packer: str
    """The version of Packer, for the reader."""
    asks_imdsv2: bool
    """Whether the template has the builder require IMDSv2."""
    over_public: bool
    """Whether Packer reaches the machine over its public address; False when nobody knows."""
    asks_address: bool = False
    """Whether the template asks for a public address."""
    type: InstanceType | None = None
    type_known: bool = True
    """False when the region has no such type."""
    quota: Quota | None = None
    ways: tuple[Way, ...] | None = None
    metadata: Metadata | None = None
    name_taken: bool = False
    may_launch: bool | None = None
    may_launch_imdsv2: bool | None = None
    images: Mapping[str, ImageFacts | None] = field(default_factory=dict)
    """By reference; None for one that is not in its registry."""


def family(instance_type: str) -> str:
    """`im4gn.large` is of the family `im`."""
    found = re.match(r"[a-z]+", instance_type)
    return found[0] if found else ""


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Everything that forbids the bake."""
    return (
        *_of_the_type(facts),
        *_of_the_network(facts),
        *_of_permissions(facts),
        *_of_the_images(facts),
        *_of_the_disk(facts),
    )


def warnings(facts: Facts) -> tuple[str, ...]:
    """What is worth knowing and forbids nothing."""
    return (*_of_metadata(facts), *_of_a_tight_disk(facts))


def _of_the_type(facts: Facts) -> Iterator[Finding]:
    key = f"{facts.definition}: instance_type"
    if not facts.type_known:
        yield Finding(
            f"there is no instance type {facts.instance_type} in this region",
            key,
            "aws ec2 describe-instance-type-offerings shows those that there are",
        )
    if facts.type and facts.base and facts.base.architecture not in facts.type.architectures:
        yield Finding(
            f"{facts.instance_type} runs {' and '.join(facts.type.architectures)}, and the base "
            f"{facts.base.name or facts.base.image_id} is {facts.base.architecture}",
            key,
            "choose a type or a base of the same architecture",
        )
    if facts.type and facts.quota and facts.quota.used + facts.type.vcpus > facts.quota.limit:
        yield Finding(
            f"the quota of running on-demand vCPUs is {facts.quota.limit:g}, {facts.quota.used} "
            f"are in use, and {facts.instance_type} needs {facts.type.vcpus}",
            f"environment {facts.environment}",
            "stop what nobody needs, bake on a smaller instance_type, or ask for more: "
            f"aws service-quotas request-service-quota-increase --service-code ec2 --quota-code "
            f"{QUOTAS.get(family(facts.instance_type), 'L-…')} --desired-value …",
        )


def _of_the_network(facts: Facts) -> Iterator[Finding]:
    if facts.ways is None:
        return
    where = f"environments/{facts.environment}/subnet in provisimus.yaml"
    if not facts.ways:
        yield Finding(
            "the default VPC has no subnet to bake in", where, "name a subnet with a way out"
        )
        return
    names = ", ".join(way.subnet for way in facts.ways)
    outs = {way.out for way in facts.ways}
    if outs == {None}:
        yield Finding(
            f"the subnet {names} has no way out: its route table leads nowhere for 0.0.0.0/0",
            where,
            "name a subnet with a route to an internet gateway",
        )
    elif facts.over_public and "internet gateway" not in outs:
        yield Finding(
            f"Packer comes in over a public address, and the way out of {names} is "
            f"{' or '.join(sorted(out for out in outs if out))}",
            where,
            "name a subnet with a route to an internet gateway, or write a template of your own "
            "with ssh_interface private_ip",
        )
    elif facts.over_public and not (facts.asks_address or any(way.public for way in facts.ways)):
        yield Finding(
            f"Packer comes in over a public address, and {names} gives none",
            where,
            "name the subnet here, and an address is asked for",
        )


def _of_permissions(facts: Facts) -> Iterator[Finding]:
    hint = (
        "use Packer 1.7 or newer, which can ask for IMDSv2 (in a template of your own: "
        'metadata_options { http_tokens = "required" })'
    )
    where = f"environment {facts.environment}"
    alone = f"Packer {facts.packer} starts instances without asking for IMDSv2"
    if facts.metadata and facts.metadata.enforced and not facts.asks_imdsv2:
        inherited = facts.base is not None and facts.base.imdsv2 and not facts.metadata.tokens
        if facts.metadata.tokens != "required" and not inherited:
            yield Finding(f"the account starts none without IMDSv2, and {alone}", where, hint)
    elif facts.may_launch is False and facts.may_launch_imdsv2:
        yield Finding(f"a policy forbids instances without IMDSv2, and {alone}", where, hint)
    elif facts.may_launch is False:
        yield Finding(
            "these credentials may not start an instance",
            where,
            "what they need: ec2:RunInstances, and ec2:CreateTags on what it makes",
        )
    if facts.name_taken:
        yield Finding(
            f"there is an AMI named {facts.name} already", where, "run the same command again"
        )


def _of_the_images(facts: Facts) -> Iterator[Finding]:
    platform = PLATFORMS.get(facts.base.architecture) if facts.base else None
    for reference, found in facts.images.items():
        if found is None:
            yield Finding(
                f"the image {reference} is not in its registry",
                facts.definition,
                "build or mirror it again; was it pruned?",
            )
        elif platform and found.stored and platform not in found.stored:
            yield Finding(
                f"the image {reference} is for {', '.join(sorted(found.stored))}, and the base is "
                f"{platform}",
                facts.definition,
                "choose an image or a base of the same architecture",
            )


def stored(facts: Facts) -> int:
    """Bytes of all images as they are stored, for the platform of the base."""
    platform = PLATFORMS.get(facts.base.architecture if facts.base else "", "")
    known = [image.stored for image in facts.images.values() if image]
    return sum(sizes.get(platform, 0) for sizes in known)


def _of_the_disk(facts: Facts) -> Iterator[Finding]:
    where = f"{facts.definition}: disk"
    if facts.base and facts.base.size > facts.disk:
        yield Finding(
            f"{facts.disk} GiB is less than the {facts.base.size} GiB of its base",
            where,
            f"write disk: {facts.base.size} GiB, or more",
        )
    elif stored(facts) + SYSTEM > facts.disk * 1024**3:
        yield Finding(
            f"{facts.disk} GiB cannot hold the base and {_gib(stored(facts))} of images, which "
            "take more unpacked",
            where,
            f"write disk: {wanted_disk(facts)} GiB, or more",
        )


def _of_a_tight_disk(facts: Facts) -> Iterator[str]:
    if any(_of_the_disk(facts)):
        return
    if wanted_disk(facts) > facts.disk:
        yield (
            f"{facts.disk} GiB may be too little for {_gib(stored(facts))} of images, which take "
            f"about {UNPACKED:g} times as much unpacked: write disk: {wanted_disk(facts)} GiB in "
            f"{facts.definition}"
        )


def wanted_disk(facts: Facts) -> int:
    """GiB that hold the base, and the images unpacked, by what they usually take."""
    return -int(-(SYSTEM + UNPACKED * stored(facts)) // 1024**3)


def _of_metadata(facts: Facts) -> Iterator[str]:
    required = facts.metadata is not None and facts.metadata.tokens == "required"
    if required and not facts.asks_imdsv2 and not (facts.base and facts.base.imdsv2):
        yield (
            f"the account makes instances IMDSv2-only, and Packer {facts.packer} can neither ask "
            "for that nor mark the AMI with it: cloud-init of the base must know IMDSv2; "
            "Packer 1.7 or newer does both"
        )


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"
