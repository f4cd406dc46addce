"""The security group through which Packer gets in while it bakes."""

from __future__ import annotations

from collections.abc import Sequence

from provisimus.aws import as_tags, speaking
from provisimus.environment import Environment
from provisimus.machines import ssh_source
from provisimus.machines.catalogue import vpc_of
from provisimus.machines.packer_template import Build


def make_group(environment: Environment, build: Build) -> str:
    """A group that lets nobody in yet: ours, since Packer 1.6 cannot tag one of its own."""
    cloud = environment.cloud
    vpc = vpc_of(environment)
    with speaking(cloud, "make the security group of the bake"):
        return cloud.ec2.create_security_group(
            GroupName=build.key_pair,
            Description="SSH while a machine image is baked",
            VpcId=vpc,
            TagSpecifications=[
                {"ResourceType": "security-group", "Tags": as_tags(build.temporary_tags)},
            ],
        )["GroupId"]


def let_in(environment: Environment, group: str, ssh_from: Sequence[str]) -> None:
    """Open SSH to the networks that Packer comes from."""
    with speaking(environment.cloud, "open SSH for the bake"):
        environment.cloud.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[ssh_source.permission(ssh_from)]
        )
