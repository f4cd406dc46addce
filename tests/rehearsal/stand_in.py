"""Tiny machine images in the place of those that take an hour to bake, for stories of stacks."""

from __future__ import annotations

from provisimus.environment import Environment
from provisimus.machines import define_machine
from provisimus.machines.plan import ImageInput
from provisimus.machines.tags import FINGERPRINT, MACHINE, PROJECT, USABLE, VERSION
from provisimus.workspace import Workspace

NEVER_PULLED = f"127.0.0.1:5000/stand-in@sha256:{'a' * 64}"
"""The main image of such a machine, a vendor's: the machine images are there already."""

TINY = '  tiny:\n    aws: {owner: "136693071363", name: "tiny-*"}\n    local: {tiny: true}\n'
"""Among the bases of provisimus.yaml."""


def stand_in(workspace: Workspace, environment: Environment, machine: str, version: str) -> None:
    """The tiny base once more, as the machine image that is looked for."""
    [use] = workspace.machine(machine).images
    assert not isinstance(use, str)
    inputs = {use.service: ImageInput(use.service, None, use.image)}
    wanted = define_machine(workspace, environment, machine, version, inputs)
    ec2 = environment.cloud.ec2
    [base] = ec2.describe_images(Filters=[{"Name": "name", "Values": ["tiny-local"]}])["Images"]
    tags = {
        FINGERPRINT: str(wanted.fingerprint),
        PROJECT: workspace.name,
        MACHINE: machine,
        VERSION: version,
        USABLE: "true",
    }
    made = ec2.register_image(
        Name=f"stand-in-{machine}-{version}",
        RootDeviceName=base["RootDeviceName"],
        BlockDeviceMappings=base["BlockDeviceMappings"],
        Architecture="x86_64",
        VirtualizationType="hvm",
    )["ImageId"]
    ec2.create_tags(
        Resources=[made], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
