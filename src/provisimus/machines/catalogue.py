"""The AMIs of an account: bases to start from, machine images found by their tags. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisimus.aws import CloudFault, speaking, tags_of
from provisimus.environment import Environment, local_base
from provisimus.errors import NotFound, Refused
from provisimus.machines import tags
from provisimus.machines.lock import FILE, LockedBase
from provisimus.machines.tags import machine_image
from provisimus.model import Digest, MachineImage
from provisimus.workspace.definitions.project import Base

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef


@dataclass(frozen=True)
class BaseImage:
    """A base AMI as it stands. `size` of its root disk in GiB; `created` as EC2 gives it;
    `imdsv2` when it has its instances require IMDSv2."""

    image_id: str
    name: str
    root_device: str
    size: int
    architecture: str = "x86_64"
    owner: str = ""
    created: str = ""
    imdsv2: bool = False


def find_machine_image(
    environment: Environment,
    project: str,
    machine: str,
    fingerprint: Digest,
    *,
    usable: bool = True,
) -> MachineImage | None:
    """The newest available AMI with this fingerprint that passed its boot test; None without one.

    With `usable` False, one that did not (yet) pass it.
    """
    found = _own(
        environment,
        {
            "tag:" + tags.FINGERPRINT: str(fingerprint),
            "tag:" + tags.PROJECT: project,
            "tag:" + tags.MACHINE: machine,
            "state": "available",
        },
        f"look for a machine image of {machine}",
    )
    return next((each for each in found if (tags.USABLE in each.tags) == usable), None)


def list_machine_images(
    environment: Environment,
    project: str,
    machine: str | None = None,
) -> list[MachineImage]:
    """The AMIs of a project (of one machine), newest first."""
    wanted = {"tag:" + tags.PROJECT: project, "state": "available"}
    if machine:
        wanted["tag:" + tags.MACHINE] = machine
    return _own(environment, wanted, "list the machine images")


def _own(environment: Environment, wanted: dict[str, str], doing: str) -> list[MachineImage]:
    filters: Sequence[FilterTypeDef] = [
        {"Name": name, "Values": [value]} for name, value in wanted.items()
    ]
    with speaking(environment.cloud, doing):
        answer = environment.cloud.ec2.describe_images(Owners=["self"], Filters=filters)
    found = [machine_image(dict(each), tags_of(each.get("Tags"))) for each in answer["Images"]]
    return sorted(found, key=lambda each: (each.created, each.image_id), reverse=True)


def find_base(
    environment: Environment, name: str, base: Base, pin: LockedBase | None = None
) -> BaseImage:
    """The AMI that a base means: the pinned one, else the newest with its owner and name right now,
    or SSM's answer.

    Raises NotFound. In the local cloud every base is found by owner and name.
    """
    ec2 = environment.cloud.ec2
    where = f"base {name} in provisimus.yaml"
    if pin is not None:
        image = _by_id(environment, pin.image, name)
        if image is None:
            raise NotFound(
                f"the base {name} is pinned to {pin.image} ({pin.name}, made {pin.created[:10]}), "
                "which its owner took away",
                where=f"{name}/{environment.name} in {FILE}",
                hint="take the newest, and look at what changed: "
                f"provisimus machine lock --update {name} --env {environment.name}",
            )
        return _base_image(image)
    if base.aws.ssm and environment.local is None:
        wanted = _ssm_parameter(environment, base.aws.ssm, where)
        image = _by_id(environment, wanted, name)
        images = [image] if image else []
    else:
        owner, pattern = base.aws.owner or "amazon", base.aws.name or ""
        if environment.local is not None:
            owner, pattern = (str(local_base(base)[key]) for key in ("owner", "name"))
        with speaking(environment.cloud, f"look for the base {name}"):
            answer = ec2.describe_images(
                Owners=[owner],
                Filters=[
                    {"Name": "name", "Values": [pattern]},
                    {"Name": "state", "Values": ["available"]},
                ],
            )
        images = [{**each} for each in answer["Images"]]
        wanted = f"{pattern} of {owner}"
    if not images:
        hint = "are owner, name and region right?"
        raise NotFound(f"there is no AMI {wanted} to start from", where=where, hint=hint)
    return _base_image(max(images, key=lambda each: str(each.get("CreationDate", ""))))


def _by_id(environment: Environment, image_id: str, base: str) -> dict[str, Any] | None:
    """One AMI; None when it is not there, or no longer."""
    try:
        with speaking(environment.cloud, f"look at {image_id}, the base {base}"):
            found = environment.cloud.ec2.describe_images(ImageIds=[image_id])["Images"]
    except CloudFault as error:
        if error.code.startswith("InvalidAMIID."):
            return None
        raise
    available = [each for each in found if each.get("State", "available") == "available"]
    return {**available[0]} if available else None


def _base_image(image: dict[str, Any]) -> BaseImage:
    root = str(image.get("RootDeviceName") or "/dev/sda1")
    sizes = [
        int(each.get("Ebs", {}).get("VolumeSize", 0))
        for each in image.get("BlockDeviceMappings", ())
        if each.get("DeviceName") == root
    ]
    return BaseImage(
        str(image["ImageId"]),
        str(image.get("Name", "")),
        root,
        sizes[0] if sizes else 0,
        str(image.get("Architecture", "x86_64")),
        str(image.get("OwnerId", "")),
        str(image.get("CreationDate", "")),
        image.get("ImdsSupport") == "v2.0",
    )


def _ssm_parameter(environment: Environment, name: str, where: str) -> str:
    ssm = environment.cloud.ssm
    with speaking(environment.cloud, f"read the SSM parameter {name}"):
        try:
            answer = ssm.get_parameter(Name=name)
        except ssm.exceptions.ParameterNotFound:
            raise NotFound(f"there is no SSM parameter {name}", where=where) from None
    return str(answer["Parameter"]["Value"])


def zone_of(environment: Environment, subnet: str | None) -> str:
    """The availability zone of a subnet; None means the account's first zone."""
    ec2 = environment.cloud.ec2
    if subnet:
        with speaking(environment.cloud, f"look at the subnet {subnet}"):
            return str(ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailabilityZone"])
    with speaking(environment.cloud, "list the availability zones"):
        zones = ec2.describe_availability_zones(
            Filters=[{"Name": "state", "Values": ["available"]}]
        )
    return min(str(each["ZoneName"]) for each in zones["AvailabilityZones"])


def vpc_of(environment: Environment) -> str:
    """The VPC to bake in: the subnet's of the environment, else the default one. Raises Refused."""
    ec2 = environment.cloud.ec2
    if environment.subnet:
        with speaking(environment.cloud, f"look at the subnet {environment.subnet}"):
            answer = ec2.describe_subnets(SubnetIds=[environment.subnet])
        return str(answer["Subnets"][0]["VpcId"])
    with speaking(environment.cloud, "look for the default VPC"):
        vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        raise Refused(
            "the account has no default VPC to bake in",
            where=f"environment {environment.name}",
            hint="name a subnet with a way out: environments/<name>/subnet in provisimus.yaml",
        )
    return str(vpcs[0]["VpcId"])
