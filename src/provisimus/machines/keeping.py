"""Keeping the machine of a bake that failed, with a way in, for whoever asked for it (`--debug`).

Packer's own key would be gone with Packer, so the bake gets one of ours. What is kept carries the
tags of its run and expires with it: `machine reap` removes it, from here at any time, from
elsewhere when it expired.
"""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisimus.aws import as_tags, speaking
from provisimus.environment import Environment
from provisimus.errors import Finding
from provisimus.events import Tell
from provisimus.machines import intents, runs, tags
from provisimus.machines.packer_template import STAGE, Build, declared_variables
from provisimus.machines.plan import MachinePlan
from provisimus.machines.removal import leaving, remove

VARIABLES = ("ssh_keypair_name", "ssh_private_key_file")
"""What a definition's own template has to declare so that the machine has our key."""


@dataclass(frozen=True)
class Kept:
    """A machine that was kept. `until` is when others may remove it, in UTC."""

    instance: str
    address: str
    user: str
    key: Path
    until: str

    def command(self) -> str:
        """How to enter it, for a shell. Its host key is as new as itself."""
        return shlex.join(
            [
                *("ssh", "-i", str(self.key), "-o", "IdentitiesOnly=yes"),
                *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
                f"{self.user}@{self.address}",
            ]
        )

    def __str__(self) -> str:
        return (
            f"{self.instance} is kept until {self.until}, its steps in {STAGE}. Enter it: "
            f"{self.command()} — and remove it: provisimus machine reap"
        )


def lacks_a_way_in(plan: MachinePlan) -> Finding | None:
    """What is wrong with a template of the definition's own when its machine is to be kept."""
    own = plan.files.packer_template
    if own is None:
        return None
    declared = declared_variables(own.name, own.read_text("utf-8"))
    missing = [name for name in VARIABLES if name not in declared]
    if not missing:
        return None
    return Finding(
        f"--debug could keep the machine and give no way in: the template declares no "
        f"{' and no '.join(missing)}",
        str(own),
        "declare both and use them, beside temporary_key_pair_name; they are empty without --debug",
    )


def make_key(environment: Environment, build: Build, work: Path) -> Path:
    """A key pair for this bake, its private half in a file that only its owner reads."""
    ec2: Any = environment.cloud.ec2
    with speaking(environment.cloud, "make the key pair of the bake"):
        made = ec2.create_key_pair(
            KeyName=build.key_pair,
            TagSpecifications=[
                {"ResourceType": "key-pair", "Tags": as_tags(build.temporary_tags)},
            ],
        )
    path = work / "key.pem"
    path.touch(mode=0o600)
    path.write_text(made["KeyMaterial"])
    return path


def keep(
    environment: Environment, build: Build, run: str, work: Path, undo: ExitStack
) -> Kept | None:
    """Keep what a failed bake runs on: `undo` forgets what it would have removed.

    None when there is no machine: then all goes as ever.
    """
    ec2: Any = environment.cloud.ec2
    assert build.key_file is not None
    instances = _instances(environment, run)
    if not instances:
        return None
    instance = instances[0]
    marks = as_tags({tags.KEPT: "machine bake --debug"})
    group = [build.security_group] if build.security_group else []
    with speaking(environment.cloud, f"tag {instance['InstanceId']} as kept"):
        ec2.create_tags(Resources=[instance["InstanceId"], *group], Tags=marks)
    undo.pop_all()
    intents.all_answered(work)
    runs.keep(work)
    return Kept(
        instance["InstanceId"],
        instance.get("PublicIpAddress") or instance.get("PrivateIpAddress", "unknown"),
        build.user,
        build.key_file,
        build.temporary_tags[tags.EXPIRES],
    )


def terminate(environment: Environment, run: str, work: Path, tell: Tell) -> None:
    """End the machine of a bake that was interrupted: Packer, told to leave it, leaves it then too.

    What cannot be ended is left to `machine reap`.
    """
    with leaving(work, tell):
        for each in _instances(environment, run):
            remove(environment.cloud, "instance", each["InstanceId"])
            with speaking(environment.cloud, f"wait until {each['InstanceId']} is gone"):
                environment.cloud.ec2.get_waiter("instance_terminated").wait(
                    InstanceIds=[each["InstanceId"]], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
                )


def _instances(environment: Environment, run: str) -> list[dict[str, Any]]:
    ec2: Any = environment.cloud.ec2
    wanted = [
        {"Name": f"tag:{tags.RUN}", "Values": [run]},
        {
            "Name": "instance-state-name",
            "Values": ["pending", "running", "stopping", "stopped"],
        },
    ]
    with speaking(environment.cloud, "look for the machine of the bake"):
        found = ec2.describe_instances(Filters=wanted)["Reservations"]
    return [each for reservation in found for each in reservation["Instances"]]
