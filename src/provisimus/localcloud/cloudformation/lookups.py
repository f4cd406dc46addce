"""Values that templates take from the services: SSM parameters, secrets, zones, existing ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from provisimus.localcloud.cloudformation import rules
from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.dynamic import Lookups
from provisimus.localcloud.cloudformation.errors import ResourceFailed, ValidationError, unsupported
from provisimus.localcloud.cloudformation.template import Template

_DESCRIBED: Mapping[str, tuple[str, str]] = {
    "AWS::EC2::AvailabilityZone::Name": ("describe_availability_zones", "ZoneNames"),
    "AWS::EC2::Image::Id": ("describe_images", "ImageIds"),
    "AWS::EC2::Instance::Id": ("describe_instances", "InstanceIds"),
    "AWS::EC2::KeyPair::KeyName": ("describe_key_pairs", "KeyNames"),
    "AWS::EC2::SecurityGroup::GroupName": ("describe_security_groups", "GroupNames"),
    "AWS::EC2::SecurityGroup::Id": ("describe_security_groups", "GroupIds"),
    "AWS::EC2::Subnet::Id": ("describe_subnets", "SubnetIds"),
    "AWS::EC2::Volume::Id": ("describe_volumes", "VolumeIds"),
    "AWS::EC2::VPC::Id": ("describe_vpcs", "VpcIds"),
}


_NOT_HERE = (
    " AWS's public parameters name machine images that this local cloud does not have: put a "
    "parameter of your own that names one it has, and name that for this environment."
)


def lookups_of(cloud: Cloud) -> Lookups:
    """Dynamic references' lookups; a missing value raises ResourceFailed."""

    def ssm(name: str) -> str:
        try:
            answer = cloud.ssm.get_parameter(Name=name, WithDecryption=True)
        except ClientError as error:
            raise ResourceFailed(
                f"Parameters: [{name}] cannot be found in SSM ({error})"
            ) from error
        return str(answer["Parameter"]["Value"])

    def secret(identifier: str, stage: str | None, version: str | None) -> str:
        chosen = {"VersionStage": stage, "VersionId": version}
        given = {key: value for key, value in chosen.items() if value}
        try:
            answer = cloud.secretsmanager.get_secret_value(SecretId=identifier, **given)
        except ClientError as error:
            raise ResourceFailed(f"Secret {identifier} cannot be read ({error})") from error
        return str(answer["SecretString"])

    return Lookups(ssm, secret)


def parameter_lookup(cloud: Cloud) -> Callable[[str], str]:
    """The value of an SSM parameter that a template parameter names; ValidationError if none."""

    def value(name: str) -> str:
        try:
            return str(cloud.ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError:
            raise ValidationError(
                f"Unable to fetch parameters [{name}] from parameter store for this account."
                + (_NOT_HERE if name.startswith("/aws/service/") else "")
            ) from None

    return value


def existence(cloud: Cloud) -> Callable[[str, str], bool]:
    """Whether there is a resource of an AWS-specific parameter type with this id."""

    def exists(kind: str, identifier: str) -> bool:
        if kind not in _DESCRIBED:
            return True
        operation, argument = _DESCRIBED[kind]
        try:
            answer = getattr(cloud.ec2, operation)(**{argument: [identifier]})
        except ClientError:
            return False
        found = [value for key, value in answer.items() if key != "ResponseMetadata"]
        return any(isinstance(value, list) and value for value in found)

    return exists


def zones_for(template: Template, cloud: Cloud) -> dict[str, list[str]]:
    """Availability zones of this cloud's region, asked only when the template uses them."""
    if "GetAZs" not in template.text:
        return {}
    answer = cloud.ec2.describe_availability_zones()["AvailabilityZones"]
    return {cloud.region: sorted(zone["ZoneName"] for zone in answer)}


def rule_lookups(cloud: Cloud) -> rules.Lookups:
    """What a template's rules ask about the account."""

    def all_of(kind: str) -> list[str]:
        if kind not in _DESCRIBED:
            raise unsupported(f"Fn::RefAll of {kind}")
        operation, argument = _DESCRIBED[kind]
        key = argument.removesuffix("s")
        if kind == "AWS::EC2::Instance::Id":
            reservations = cloud.ec2.describe_instances()["Reservations"]
            return [each[key] for told in reservations for each in told["Instances"]]
        answer = getattr(cloud.ec2, operation)()
        (found,) = [value for name, value in answer.items() if isinstance(value, list)]
        return [each[key] for each in found]

    def attribute(kind: str, identifier: str, name: str) -> str | None:
        operation, argument = _DESCRIBED[kind]
        answer = getattr(cloud.ec2, operation)(**{argument: [identifier]})
        (found,) = [value for name, value in answer.items() if isinstance(value, list)]
        if name.startswith("Tags."):
            tags = {each["Key"]: each["Value"] for each in found[0].get("Tags", [])}
            return tags.get(name.removeprefix("Tags."))
        if name == "DefaultSecurityGroup":
            return _of_network(cloud.ec2.describe_security_groups, identifier, "GroupId")
        if name == "DefaultNetworkAcl":
            return _of_network(cloud.ec2.describe_network_acls, identifier, "NetworkAclId")
        return str(found[0][name])

    return rules.Lookups(all_of, attribute)


def _of_network(describe: Callable[..., Any], vpc: str, key: str) -> str | None:
    """The id of a network's default group or access list."""
    default = (
        {"Name": "group-name", "Values": ["default"]}
        if key == "GroupId"
        else {"Name": "default", "Values": ["true"]}
    )
    answer = describe(Filters=[{"Name": "vpc-id", "Values": [vpc]}, default])
    (found,) = [value for value in answer.values() if isinstance(value, list)]
    return str(found[0][key]) if found else None
