"""Asking EC2 for everything that carries the mark of a run. Read-only; judged in ``reap.py``.

The mark is a run's tags, or its id in a name where nothing can be tagged when it is made (key pairs
of Packer, an AMI in its first seconds), or what a journal on this machine tells (``intents.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provisimus.aws import speaking, tags_of
from provisimus.environment import Environment
from provisimus.machines import tags
from provisimus.machines.intents import Intent

AT_ONCE = 200
"""Values that EC2 takes in one filter ("Filtering resources using the API")."""


@dataclass(frozen=True)
class Marked:
    """One thing with the tags that it has, or would have. `note` completes the reason."""

    kind: str
    id: str
    tags: Mapping[str, str]
    note: str = ""
    image: str = ""
    """The AMI that an instance runs, or that a snapshot is part of."""


def find_marked(
    environment: Environment, project: str, intents: Mapping[str, Collection[Intent]]
) -> Iterator[Marked]:
    """Everything with a mark, once each. `intents` by run, of those that are known here."""
    named = {
        (each.kind, each.name): marks_of_run(run, project)
        for run, several in intents.items()
        if tags.is_run(run)
        for each in several
    }
    seen = set()
    with speaking(environment.cloud, "look for what bakes left behind"):
        for each in _all(environment.cloud.ec2, project, named):
            if (each.kind, each.id) not in seen:
                seen.add((each.kind, each.id))
                yield each


Named = Mapping[tuple[str, str], dict[str, str]]


def _all(ec2: Any, project: str, named: Named) -> Iterator[Marked]:
    wanted = [
        {"Name": f"tag:{tags.PROJECT}", "Values": [project]},
        {"Name": "tag-key", "Values": [tags.EXPIRES]},
        {"Name": "tag-key", "Values": [tags.RUN]},
    ]
    instances = list(_instances(ec2, wanted, named))
    yield from instances
    for each in ec2.describe_volumes(Filters=wanted)["Volumes"]:
        # A volume that goes with its instance is not named apart from it.
        if not any(held.get("DeleteOnTermination") for held in each.get("Attachments", ())):
            yield Marked("volume", each["VolumeId"], tags_of(each.get("Tags")))
    yield from _groups(ec2, wanted, named)
    yield from _images_and_snapshots(ec2, project, wanted, named)
    for each in ec2.describe_key_pairs()["KeyPairs"]:
        name = each["KeyName"]
        run = name.removeprefix("provisimus-")
        if ("key pair", name) in named:
            yield Marked("key pair", name, named["key pair", name])
        elif run != name and tags.is_run(run):
            yield Marked("key pair", name, marks_of_run(run))


def _instances(ec2: Any, wanted: list[dict[str, Any]], named: Named) -> Iterator[Marked]:
    states = {
        "Name": "instance-state-name",
        "Values": ["pending", "running", "stopping", "stopped"],
    }
    asked = [(wanted, False)]
    ids = [name for kind, name in named if kind == "instance" and name.startswith("i-")]
    if ids:
        asked.append(([{"Name": "instance-id", "Values": ids[:AT_ONCE]}], True))
    for filters, by_name in asked:
        for page in ec2.get_paginator("describe_instances").paginate(Filters=[*filters, states]):
            for each in (found for group in page["Reservations"] for found in group["Instances"]):
                tagged = tags_of(each.get("Tags"))
                marks = named["instance", each["InstanceId"]] if by_name else tagged
                yield Marked("instance", each["InstanceId"], marks, image=each["ImageId"])
                # A template of the definition's own may let Packer make the group and the key.
                for group in each.get("SecurityGroups", ()):
                    if group["GroupName"].startswith("packer_"):
                        yield Marked("security group", group["GroupId"], marks)
                if each.get("KeyName", "").startswith("packer_"):
                    yield Marked("key pair", each["KeyName"], marks)


def _groups(ec2: Any, wanted: list[dict[str, Any]], named: Named) -> Iterator[Marked]:
    for each in ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]:
        yield Marked("security group", each["GroupId"], tags_of(each.get("Tags")))
    names = [name for kind, name in named if kind == "security group"]
    if names:
        by_name = [{"Name": "group-name", "Values": names[:AT_ONCE]}]
        for each in ec2.describe_security_groups(Filters=by_name)["SecurityGroups"]:
            yield Marked(
                "security group", each["GroupId"], named["security group", each["GroupName"]]
            )


def _images_and_snapshots(
    ec2: Any, project: str, wanted: list[dict[str, Any]], named: Named
) -> Iterator[Marked]:
    images = ec2.describe_images(Owners=["self"])["Images"]
    marked = [each for image in images if (each := _image(image, project, named)) is not None]
    yield from marked
    left = {each.id: each for each in marked}
    held = {
        snapshot
        for image in images
        if image["ImageId"] not in left
        for snapshot in snapshots_of(image)
    }
    for image in images:
        if image["ImageId"] in left:
            for snapshot in snapshots_of(image):
                marks = left[image["ImageId"]].tags
                yield Marked("snapshot", snapshot, marks, image=image["ImageId"])
    for each in ec2.describe_snapshots(OwnerIds=["self"], Filters=wanted)["Snapshots"]:
        # Somebody was killed while removing an image that is still there: it needs its snapshots.
        if each["SnapshotId"] not in held:
            yield Marked("snapshot", each["SnapshotId"], tags_of(each.get("Tags")))
    yield from _snapshots_in_the_making(ec2, left)


def _image(image: Any, project: str, named: Named) -> Marked | None:
    """An AMI that a bake was killed over: not tagged yet, or never tested."""
    tagged = tags_of(image.get("Tags"))
    if tags.FINGERPRINT in tagged:
        run = tagged.get(tags.RUN, "")
        if tags.USABLE in tagged or tagged.get(tags.PROJECT) != project or not tags.is_run(run):
            return None
        note = "baked and never tested; a bake would test it instead of baking anew"
        return Marked("image", image["ImageId"], {**tagged, **marks_of_run(run)}, note)
    for key in (("image", image["ImageId"]), ("image", image.get("Name", ""))):
        if key in named:
            return Marked("image", image["ImageId"], named[key])
    run = tags.run_of_name(project, image.get("Name", "")) or ""
    return Marked("image", image["ImageId"], marks_of_run(run, project)) if run else None


def _snapshots_in_the_making(ec2: Any, left: Mapping[str, Marked]) -> Iterator[Marked]:
    """Those of an AMI that does not name them yet: EC2's own description of them names the AMI."""
    if not left:
        return
    told = [f"Created by CreateImage(*) for {image}*" for image in left]
    for start in range(0, len(told), AT_ONCE):
        filters = [{"Name": "description", "Values": told[start : start + AT_ONCE]}]
        for each in ec2.describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]:
            words = each.get("Description", "").partition(") for ")[2].split()
            if words and words[0] in left:
                marks = left[words[0]].tags
                yield Marked("snapshot", each["SnapshotId"], marks, image=words[0])


def snapshots_of(image: Any) -> list[str]:
    """The snapshots that an AMI, as DescribeImages gives it, is made of."""
    named = [each.get("Ebs", {}).get("SnapshotId") for each in image.get("BlockDeviceMappings", ())]
    return [each for each in named if each]


def marks_of_run(run: str, project: str | None = None) -> dict[str, str]:
    """The tags that something named after a run would have: the run's id tells when it began."""
    began = datetime.strptime(run.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    expires = (began + tags.LIFETIME).strftime(tags.TIME)
    marks = {tags.RUN: run, tags.EXPIRES: expires}
    return {**marks, tags.PROJECT: project} if project else marks
