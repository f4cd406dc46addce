"""Tiny machine images in the place of those that take an hour to bake, for stories of stacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
from tests.rehearsal.bases import own_cloud

from provisimus.environment import Environment, open_environment
from provisimus.machines import define_machine
from provisimus.machines.plan import ImageInput
from provisimus.machines.tags import FINGERPRINT, MACHINE, PROJECT, USABLE, VERSION
from provisimus.workspace import Workspace, open_workspace

NEVER_PULLED = f"127.0.0.1:5000/stand-in@sha256:{'a' * 64}"
"""The main image of such a machine, a vendor's: the machine images are there already."""

TINY = '  tiny:\n    aws: {owner: "136693071363", name: "tiny-*"}\n    local: {tiny: true}\n'
"""Among the bases of provisimus.yaml."""


def stand_in(
    workspace: Workspace,
    environment: Environment,
    machine: str,
    version: str,
    snapshot: str | None = None,
) -> None:
    """The tiny base once more, as the machine image that is looked for; of another disk's
    `snapshot`, where one is given."""
    [use] = workspace.machine(machine).images
    assert not isinstance(use, str)
    inputs = {use.service: ImageInput(use.service, None, use.image)}
    wanted = define_machine(workspace, environment, machine, version, inputs)
    ec2 = environment.cloud.ec2
    [base] = ec2.describe_images(Filters=[{"Name": "name", "Values": ["tiny-local"]}])["Images"]
    disks = base["BlockDeviceMappings"]
    if snapshot is not None:
        disks = [{"DeviceName": base["RootDeviceName"], "Ebs": {"SnapshotId": snapshot}}]
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
        BlockDeviceMappings=disks,
        Architecture="x86_64",
        VirtualizationType="hvm",
    )["ImageId"]
    ec2.create_tags(
        Resources=[made], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )


@contextmanager
def baked(
    root: Path, project: str, machines: Mapping[str, str], factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A workspace in a folder, with a local cloud of its own, and two versions of each machine that
    are baked already: 1.0.0 and 1.0.1. `machines` is what more their definitions say, by name."""
    for folder in ("stacks", "docker"):
        (root / folder).mkdir()
    (root / "provisimus.yaml").write_text(f"project: {project}\nbases:\n{TINY}")
    for machine, more in machines.items():
        (root / f"packer/{machine}").mkdir(parents=True)
        (root / f"packer/{machine}/machine.yaml").write_text(
            f"base: tiny\nmain: {{image: '{NEVER_PULLED}'}}\n"
            f"health: {{http: {{port: 8080, path: /health}}, within: 300s}}\n{more}"
        )
    with own_cloud(root.parent / f"cloud-of-{project}", factory):
        workspace = open_workspace(root)
        environment = open_environment(workspace, "local", start=True)
        assert environment.local is not None
        try:
            environment.ensure_base("tiny", workspace.base("tiny"))
            for machine, version in product(machines, ("1.0.0", "1.0.1")):
                stand_in(workspace, environment, machine, version)
            yield root
        finally:
            environment.local.down()
