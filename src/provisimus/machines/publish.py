"""What follows a boot test that was passed: an encrypted copy, copies in other regions, shares,
deprecation. Each step looks whether it is done already, so whatever broke off goes on.

The tag `provisimus:published`, set last, says that it is as machine.yaml says; until then the next
bake comes back to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from provisimus.aws import Cloud, as_tags, speaking
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError, Refused
from provisimus.events import Skipped, Tell, step
from provisimus.machines import tags
from provisimus.machines.details import Details, details_of
from provisimus.machines.prune import born_at
from provisimus.machines.removal import remove_image
from provisimus.model import MachineImage, fingerprint
from provisimus.workspace.definitions.common import as_data, said
from provisimus.workspace.definitions.publish import Publish

COPIED_WITHIN = 4 * 3600
"""Seconds that a copy may take; an encrypted one to another continent takes minutes per GiB."""


@dataclass(frozen=True)
class Copied:
    """An AMI and the cloud, in its region, that has it."""

    cloud: Cloud
    image_id: str


def settings_of(publish: Publish) -> str:
    """The value of the tag that says that all of this was done. Pure."""
    return fingerprint(as_data(publish)).short


def is_published(image: MachineImage, publish: Publish) -> bool:
    """Whether nothing is left to do, by the AMI's own tags. Pure.

    Of an AMI known by a stack alone there are no tags, and it was published before that ran it.
    """
    if not image.tags:
        return True
    if not publish.wanted and tags.PUBLISHED not in image.tags:
        return True
    return image.tags.get(tags.PUBLISHED) == settings_of(publish)


def publish_image(
    image: MachineImage, publish: Publish, environment: Environment, tell: Tell
) -> MachineImage:
    """Do what `publish:` says, and give the AMI that stands for it in the environment's region.

    Raises Refused for an image that may not be used yet and for what cannot be shared, CloudFault,
    Unreachable.
    """
    if is_published(image, publish):
        return image
    if environment.local is not None:
        tell(Skipped(f"publish {image.image_id}", not_in_the_local_cloud(publish)))
        return image
    if tags.USABLE not in image.tags:
        raise Refused(f"{image.image_id} did not pass its boot test, so it is not published")
    with step(tell, f"publish {image.image_id}", "as machine.yaml says") as outcome:
        home = environment.cloud
        at_home, image = _encrypted(image, publish, home, tell)
        copies = [at_home]
        copies += [
            _copy_to(home.in_region(region), image, home, publish, tell)
            for region in publish.regions
            if region != home.region
        ]
        for each in copies:
            _await(each, tell)
        _check(copies, publish)
        for each in copies:
            _share(each, publish.accounts)
            _deprecate(each, image, publish)
            _tag(each, {tags.ACCOUNTS: " ".join(publish.accounts)})
        regions = " ".join(sorted(each.cloud.region for each in copies[1:]))
        done = {tags.REGIONS: regions, tags.PUBLISHED: settings_of(publish)}
        _tag(at_home, done)
        outcome.result = at_home.image_id
    given = {**done, tags.ACCOUNTS: " ".join(publish.accounts)}
    return replace(image, tags={**image.tags, **given})


def not_in_the_local_cloud(publish: Publish) -> str:
    """What of it the local cloud cannot do, by name. Pure."""
    names = ", ".join(f"publish/{name}" for name in said(publish))
    return f"the local cloud has one region, one account and no keys: {names} waits for AWS"


# ---- copies --------------------------------------------------------------------------------------


def copy_arguments(
    image: MachineImage, source: Cloud, publish: Publish, name: str
) -> dict[str, Any]:
    """CopyImage's parameters. Pure. The same copy has the same token: asked twice, made once."""
    kept = {
        key: value
        for key, value in image.tags.items()
        if not key.startswith("aws:")
        and key not in (tags.PUBLISHED, tags.REGIONS, tags.ACCOUNTS, tags.COPY_OF, tags.KEY)
    }
    with_key = {tags.KEY: publish.kms_key} if publish.kms_key else {}
    marks = as_tags({**kept, tags.COPY_OF: f"{source.region}/{image.image_id}", **with_key})
    token = fingerprint({"image": image.image_id, "name": name, "key": publish.kms_key})
    key = {"Encrypted": True, "KmsKeyId": publish.kms_key} if publish.kms_key else {}
    return {
        "Name": name,
        "Description": f"{image.machine} {image.version}, copied by Provisimus",
        "SourceImageId": image.image_id,
        "SourceRegion": source.region,
        "ClientToken": token.hex[:32],
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": marks} for kind in ("image", "snapshot")
        ],
        **key,
    }


def _encrypted(
    image: MachineImage, publish: Publish, home: Cloud, tell: Tell
) -> tuple[Copied, MachineImage]:
    """The AMI at home: itself, or where a key is named, a copy that is encrypted with it.

    The copy takes its place, and the first one goes once the copy is there.
    """
    here = Copied(home, image.image_id)
    if publish.kms_key is None:
        return here, image
    if image.tags.get(tags.KEY) == publish.kms_key:
        # A run that was killed here may have left the first one.
        region, _, first = image.tags.get(tags.COPY_OF, "").partition("/")
        if region == home.region and _described_by(home, "image-id", first):
            remove_image(home, first)
        return here, image
    suffix = fingerprint({"key": publish.kms_key}).short
    copy = _copy_to(home, image, home, publish, tell, name=f"{image.name[:115]}-{suffix}")
    _await(copy, tell)
    _check([copy], publish)
    remove_image(home, image.image_id)
    [made] = _described(home, [copy.image_id])
    return copy, made.image


def _copy_to(
    cloud: Cloud,
    image: MachineImage,
    source: Cloud,
    publish: Publish,
    tell: Tell,
    name: str | None = None,
) -> Copied:
    asked = copy_arguments(image, source, publish, name or image.name)
    found = _found_copy(cloud, f"{source.region}/{image.image_id}", asked["Name"])
    if found is None:
        with (
            step(tell, f"copy {image.image_id} to {cloud.region}", "machine.yaml names it"),
            speaking(cloud, f"copy {image.image_id} to {cloud.region}"),
        ):
            made = str(cloud.ec2.copy_image(**asked)["ImageId"])
        [found] = _described(cloud, [made])
    copied = Copied(cloud, found.image.image_id)
    if tags.COPY_OF not in found.image.tags:
        # Not every cloud takes the tags together with the copy.
        _tag(copied, {each["Key"]: each["Value"] for each in asked["TagSpecifications"][0]["Tags"]})
    return copied


def _found_copy(cloud: Cloud, original: str, name: str) -> Details | None:
    """A copy that is there or on its way: by its tag, else by its name, which carries the run."""
    for key, value in ((f"tag:{tags.COPY_OF}", original), ("name", name)):
        for each in _described_by(cloud, key, value):
            if each.state in ("available", "pending"):
                return each
    return None


def _await(copied: Copied, tell: Tell) -> None:
    cloud = copied.cloud
    [about] = _described(cloud, [copied.image_id])
    if about.state == "available":
        return
    delay = 1 if cloud.endpoint else 15
    with (
        step(tell, f"wait for {copied.image_id} in {cloud.region}", "EC2 copies it"),
        speaking(cloud, f"wait for {copied.image_id} in {cloud.region}"),
    ):
        cloud.ec2.get_waiter("image_available").wait(
            ImageIds=[copied.image_id],
            WaiterConfig={"Delay": delay, "MaxAttempts": COPIED_WITHIN // delay},
        )


def _check(copies: Sequence[Copied], publish: Publish) -> None:
    """What was asked for is what there is: encryption is seen, not believed."""
    for each in copies:
        [about] = _described(each.cloud, [each.image_id])
        where = f"{each.image_id} in {each.cloud.region}"
        if publish.kms_key and not about.encrypted:
            raise ProvisimusError(
                f"the copy is not encrypted, though publish/kms_key asks for it: {where}",
                hint="it is shared with nobody; may the key be used by this account?",
            )
        if publish.accounts and about.encrypted and not publish.kms_key:
            raise Refused(
                "an image that is encrypted with the account's default key cannot be shared",
                where=where,
                hint="name a key of your own: publish: {kms_key: alias/…}; its policy must let "
                "the other accounts use it",
            )


# ---- shares, deprecation, tags -------------------------------------------------------------------


def share_changes(now: Sequence[str], wanted: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """ModifyImageAttribute's LaunchPermission, empty when nothing changes. Pure."""
    add = [{"UserId": each} for each in sorted(set(wanted) - set(now))]
    remove = [{"UserId": each} for each in sorted(set(now) - set(wanted))]
    return {key: value for key, value in (("Add", add), ("Remove", remove)) if value}


def _share(copied: Copied, accounts: Sequence[str]) -> None:
    ec2: Any = copied.cloud.ec2
    with speaking(copied.cloud, f"share {copied.image_id}"):
        told = ec2.describe_image_attribute(ImageId=copied.image_id, Attribute="launchPermission")[
            "LaunchPermissions"
        ]
        changes = share_changes([each["UserId"] for each in told if "UserId" in each], accounts)
        if changes:
            ec2.modify_image_attribute(ImageId=copied.image_id, LaunchPermission=changes)


def deprecated_at(created: str, after: int, now: datetime) -> datetime:
    """When an image is deprecated; one whose time is over soon, for EC2 takes no past. Pure."""
    born = born_at(created) or now
    return max(born + timedelta(seconds=after), now + timedelta(minutes=5)).replace(
        second=0, microsecond=0
    )


def _deprecate(copied: Copied, image: MachineImage, publish: Publish) -> None:
    [about] = _described(copied.cloud, [copied.image_id])
    ec2: Any = copied.cloud.ec2
    if publish.deprecate_after is None:
        if about.deprecated:
            with speaking(copied.cloud, f"take the deprecation from {copied.image_id}"):
                ec2.disable_image_deprecation(ImageId=copied.image_id)
        return
    when = deprecated_at(image.created, publish.deprecate_after, datetime.now(UTC))
    if about.deprecated[:16] == when.strftime("%Y-%m-%dT%H:%M"):
        return
    with speaking(copied.cloud, f"say when {copied.image_id} is deprecated"):
        ec2.enable_image_deprecation(ImageId=copied.image_id, DeprecateAt=when)


def _tag(copied: Copied, given: Mapping[str, str]) -> None:
    with speaking(copied.cloud, f"tag {copied.image_id}"):
        copied.cloud.ec2.create_tags(Resources=[copied.image_id], Tags=as_tags(given))


def _described(cloud: Cloud, ids: Sequence[str]) -> list[Details]:
    with speaking(cloud, f"look at {', '.join(ids)}"):
        found = cloud.ec2.describe_images(ImageIds=list(ids))["Images"]
    return [details_of(dict(each), cloud.region) for each in found]


def _described_by(cloud: Cloud, key: str, value: str) -> list[Details]:
    with speaking(cloud, f"look for copies in {cloud.region}"):
        found = cloud.ec2.describe_images(
            Owners=["self"], Filters=[{"Name": key, "Values": [value]}]
        )["Images"]
    return [details_of(dict(each), cloud.region) for each in found]
