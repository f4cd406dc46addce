"""The security group through which Packer gets in while it bakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from provisimus.aws import as_tags, speaking
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError
from provisimus.events import Tell, Warned
from provisimus.machines import ssh_source
from provisimus.machines.catalogue import vpc_of
from provisimus.machines.packer_template import Build
from provisimus.machines.removal import remove


@contextmanager
def open_to(
    environment: Environment, build: Build, ssh_from: tuple[str, ...], tell: Tell
) -> Iterator[str]:
    """A group that lets Packer in over SSH: ours, since Packer 1.6 cannot tag one of its own.

    Removed when the bake ends; one that cannot be removed is left to `machine reap`.
    """
    cloud = environment.cloud
    vpc = vpc_of(environment)
    with speaking(cloud, "make the security group of the bake"):
        group = cloud.ec2.create_security_group(
            GroupName=build.key_pair,
            Description="SSH while a machine image is baked",
            VpcId=vpc,
            TagSpecifications=[
                {"ResourceType": "security-group", "Tags": as_tags(build.temporary_tags)},
            ],
        )["GroupId"]
    try:
        with speaking(cloud, "open SSH for the bake"):
            cloud.ec2.authorize_security_group_ingress(
                GroupId=group, IpPermissions=[ssh_source.permission(ssh_from)]
            )
        yield group
    finally:
        _remove_group(environment, group, tell)


def _remove_group(environment: Environment, group: str, tell: Tell) -> None:
    try:
        remove(environment.cloud, "security group", group, within=20)
    except ProvisimusError as error:
        tell(Warned(f"{error.message}; provisimus machine reap removes it"))
