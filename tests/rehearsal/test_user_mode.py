"""A computer without namespaces: machines are there, each with a network of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.rehearsal.tiny import eventually, launching, open_cloud, permissions


def test_without_namespaces_a_machine_is_reached_from_here_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("programs")
    for place in os.environ["PATH"].split(":"):
        for program in Path(place).glob("*"):
            if program.name != "nft" and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    with open_cloud(tmp_path_factory, str(folder)) as cloud, launching(cloud) as launch:
        instance = launch()
        assert cloud.status()["networks"] == "not installed: nft"
        eventually(lambda: instance.get("/health"), "it did not answer")
        cloud.ec2.revoke_security_group_ingress(
            GroupId=instance.group, IpPermissions=permissions(8080)
        )
        eventually(lambda: instance.get("/health") is None, "the port did not close", 20)
