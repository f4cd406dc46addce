"""The tags of machine images and of what a bake makes for a while, and AMI names. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from provisimus.model import Commits, Digest, MachineImage

PREFIX = "provisimus:"
RUN = PREFIX + "run"
EXPIRES = PREFIX + "expires"
PLACE = PREFIX + "place"
FINGERPRINT = PREFIX + "fingerprint"
MACHINE = PREFIX + "machine"
PROJECT = PREFIX + "project"
VERSION = PREFIX + "version"
BASE = PREFIX + "base"
INPUT = PREFIX + "input/"
IMAGE = PREFIX + "image/"
USABLE = PREFIX + "usable"
"""When the boot test of an AMI was passed; without it, nobody uses the AMI."""
HEALTHY_AFTER = PREFIX + "healthy-after"
"""Seconds from power-on to the first healthy answer, in the boot test."""
KEPT = PREFIX + "kept"
"""On what a bake left on purpose, until it expires: who asked for that."""

COMMIT = PREFIX + "commit/"
PUBLISHED = PREFIX + "published"
"""Of an AMI whose copies, shares and deprecation are as machine.yaml says: a digest of that."""
REGIONS = PREFIX + "regions"
"""Where copies of an AMI are, separated by spaces."""
ACCOUNTS = PREFIX + "accounts"
"""The accounts that may launch an AMI, separated by spaces."""
COPY_OF = PREFIX + "copy-of"
"""Of a copy: region and id of what it was copied from."""
KEY = PREFIX + "key"
"""Of a copy that was encrypted: the key that was asked for."""

TIME = "%Y-%m-%dT%H:%M:%SZ"
"""Times in tags, in UTC."""
LIFETIME = timedelta(hours=4)
"""How long a bake may take before others may remove what it made."""
_RUN = r"\d{8}T\d{6}-[0-9a-f]{6}"
LIMIT = 50 - 7
"""Tags that AWS allows on one resource, without those of the boot test and of publishing."""


def temporary_tags(
    project: str, machine: str, run: str, place: str, now: datetime
) -> dict[str, str]:
    """Tags of what a bake removes again: instance, volumes, security group."""
    return {
        "Name": f"provisimus bake {machine}",
        PROJECT: project,
        MACHINE: machine,
        RUN: run,
        PLACE: place,
        EXPIRES: (now + LIFETIME).strftime(TIME),
    }


def image_tags(
    project: str,
    machine: str,
    version: str,
    fingerprint: Digest,
    *,
    inputs: Mapping[str, str],
    images: Mapping[str, str],
    commits: Commits,
    base: str,
    run: str,
) -> dict[str, str]:
    """Tags of the AMI and its snapshots: identity and lineage.

    `images` maps a service to its reference, shortened to what follows the registry's address: the
    address may change, the digest may not. `inputs` are left out when they would be too many.
    """
    tags = {
        "Name": f"{machine} {version}",
        PROJECT: project,
        MACHINE: machine,
        VERSION: version,
        FINGERPRINT: str(fingerprint),
        BASE: base,
        RUN: run,
        **{IMAGE + service: short_reference(each) for service, each in sorted(images.items())},
        **commits.as_tags(),
    }
    of_inputs = {INPUT + name: short_digest(value) for name, value in sorted(inputs.items())}
    return {**tags, **of_inputs} if len(tags) + len(of_inputs) <= LIMIT else tags


def short_reference(reference: str) -> str:
    """`host:port/team/name@sha256:…` without the registry's host."""
    host, separator, rest = reference.partition("/")
    is_host = separator and ("." in host or ":" in host or host == "localhost")
    return rest if is_host else reference


def short_digest(text: str) -> str:
    """The first 12 hex digits of a digest; other text as it is."""
    try:
        return Digest.parse(text).short
    except ValueError:
        return text


def ami_name(project: str, machine: str, version: str, fingerprint: Digest, run: str) -> str:
    """Unique in the account, and carrying the run: EC2 gives an AMI its name before its tags.

    At most 128 characters of those that RegisterImage allows.
    """
    tail = f"-{fingerprint.short}-{run}"
    head = re.sub(r"[^A-Za-z0-9()\[\]./'@_-]", "-", f"{project}-{machine}-{version}")
    return head[: 128 - len(tail)] + tail


def run_of_name(project: str, name: str) -> str | None:
    """The run that an AMI's name carries; None for a name that `ami_name` did not make."""
    found = re.fullmatch(rf"{re.escape(project)}-.*-[0-9a-f]{{12}}-({_RUN})", name)
    return found[1] if found else None


def is_run(text: str) -> bool:
    """Whether this is the id of a run: when it began in UTC, and six hex digits."""
    return re.fullmatch(_RUN, text) is not None


def machine_image(image: Mapping[str, object], tags: Mapping[str, str]) -> MachineImage:
    """An AMI as DescribeImages gives it."""
    try:
        fingerprint = Digest.parse(tags.get(FINGERPRINT, ""))
    except ValueError:
        fingerprint = None
    return MachineImage(
        machine=tags.get(MACHINE, "unknown"),
        version=tags.get(VERSION, "unknown"),
        image_id=str(image["ImageId"]),
        name=str(image.get("Name", "")),
        fingerprint=fingerprint,
        tags=dict(tags),
        created=str(image.get("CreationDate", "")),
    )
