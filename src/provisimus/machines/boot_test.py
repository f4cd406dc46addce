"""Starting what was baked before anyone may use it: does it become healthy, on its own?

The instance gets fresh volumes, no key, and a security group through which nothing comes in or goes
out, so what a registry or anybody else would have to give shows as missing. All that is heard of it
is its serial console, where `scripts/machine/health` and `bootstrap` say how it goes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from provisimus.aws import as_tags, speaking
from provisimus.console import console_of
from provisimus.environment import Environment
from provisimus.errors import Unhealthy
from provisimus.events import Said, Tell, step
from provisimus.evidence import evidence, telling
from provisimus.machines import intents
from provisimus.machines.catalogue import vpc_of, zone_of
from provisimus.machines.removal import leaving, remove, remove_or_leave
from provisimus.model import MachineImage
from provisimus.user_data import user_data_of
from provisimus.workspace.definitions.machine import Machine

STARTS_WITHIN = 300
"""Seconds for which a machine without a health check may start its containers."""
MARGIN = 120
"""Seconds more than the machine itself takes before it gives up, for the way to its first line."""
DEVICES = "fghijklmnop"
"""The last letters of the names that EC2 recommends for volumes ("Device names for volumes")."""


def boot_test(
    image: MachineImage,
    definition: Machine,
    environment: Environment,
    tags: Mapping[str, str],
    name: str,
    tell: Tell,
    work: Path,
) -> int:
    """Seconds from power-on until the machine was healthy. `tags` mark what is made for a while.
    `work` is the run's folder, where each thing is written down before it is made.

    Raises Unhealthy with what the console says. Everything made is removed.
    """
    subject = f"{image.machine}: boot test"
    with step(tell, subject, f"{image.image_id} must become healthy on its own") as outcome:
        with started(image, definition, environment, tags, name, tell, work) as instance:
            seconds = _await(instance, definition, environment, subject, tell)
        outcome.result = f"healthy {seconds} s after power-on"
    return seconds


def awaited(definition: Machine) -> tuple[str, ...]:
    """Patterns of what a console must say before the machine counts as healthy. Pure.

    Each has the verdict and the seconds since power-on as its groups.
    """
    unit = r"provisimus-{}\[\d+\]: "
    patterns = []
    if definition.health:
        patterns.append(unit.format("health") + r"(healthy|unhealthy): .*?after (\d+) s")
    if any(each.health for each in definition.containers.values()):
        patterns.append(
            unit.format("containers")
            + r"(?:every container is|container \S+ is) (healthy|unhealthy) after (\d+) s"
        )
    return tuple(patterns) or (unit.format("bootstrap") + r"every container (runs) after (\d+) s",)


def verdict(lines: Sequence[str], patterns: Sequence[str]) -> tuple[str, int] | None:
    """What a console says of the machine by now: `healthy` or `unhealthy`, and after how many
    seconds; None as long as not all that is `awaited` was said. Pure.
    """
    text = "\n".join(lines)
    said = [re.search(pattern, text) for pattern in patterns]
    if sick := next((each for each in said if each and each[1] == "unhealthy"), None):
        return "unhealthy", int(sick[2])
    if not all(said):
        return None
    return "healthy", max(int(each[2]) for each in said if each)


def patience(definition: Machine) -> int:
    """Seconds for which the console is listened to."""
    own = definition.health.within if definition.health else STARTS_WITHIN
    checks = [
        each.health.within + (each.health.every + each.health.patience) * (each.health.retries + 1)
        for each in definition.containers.values()
        if each.health
    ]
    return max(own, *checks, 0) + MARGIN


def _await(
    instance: str, definition: Machine, environment: Environment, subject: str, tell: Tell
) -> int:
    limit = patience(definition)
    patterns = awaited(definition)
    deadline = time.monotonic() + limit
    told: set[str] = set()
    while True:
        lines = console_of(environment, instance)
        for line in telling(lines):
            if line not in told:
                told.add(line)
                tell(Said(subject, line))
        answer = verdict(lines, patterns)
        if answer and answer[0] == "healthy":
            return answer[1]
        if answer or time.monotonic() >= deadline:
            what = f"unhealthy after {answer[1]} s" if answer else f"silent for {limit} s"
            raise Unhealthy(
                f"the machine image does not become healthy: it is {what}",
                tail=evidence(lines),
                where=f"instance {instance}, which is gone by now",
                hint="repair what the console says; nothing of this image is kept. What a stack "
                "gives, as its database and environment, is not there in a boot test",
            )
        time.sleep(1 if environment.cloud.endpoint else 5)


@contextmanager
def started(
    image: MachineImage,
    definition: Machine,
    environment: Environment,
    tags: Mapping[str, str],
    name: str,
    tell: Tell,
    work: Path,
) -> Iterator[str]:
    """An instance of the image with new volumes, apart from everything; removed at the end."""
    ec2: Any = environment.cloud.ec2
    marks = as_tags(tags)
    zone = zone_of(environment, environment.subnet)

    def marked(*kinds: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": marks} for kind in kinds]

    with ExitStack() as undo:

        def made(kind: str, identifier: str) -> str:
            undo.callback(remove_or_leave, environment.cloud, kind, identifier, work, tell)
            return identifier

        intents.about_to(work, "security group", name)
        with speaking(environment.cloud, "make the security group of the boot test"):
            group = made(
                "security group",
                ec2.create_security_group(
                    GroupName=name,
                    Description="Nothing comes in or goes out",
                    VpcId=vpc_of(environment),
                    TagSpecifications=marked("security-group"),
                )["GroupId"],
            )
            rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
            if rules["IpPermissionsEgress"]:
                ec2.revoke_security_group_egress(
                    GroupId=group, IpPermissions=rules["IpPermissionsEgress"]
                )
        volumes = []
        for each in definition.volumes:
            intents.about_to(work, "volume", each.mount)
            with speaking(environment.cloud, f"make a volume for {each.mount}"):
                identifier = ec2.create_volume(
                    AvailabilityZone=zone,
                    Size=1,
                    VolumeType="gp3",
                    TagSpecifications=marked("volume"),
                )["VolumeId"]
            volumes.append((made("volume", identifier), each.mount))
        where: dict[str, Any] = {"Placement": {"AvailabilityZone": zone}}
        if environment.subnet:
            where = {"SubnetId": environment.subnet}
        intents.about_to(work, "instance", name)
        with speaking(environment.cloud, f"start {image.image_id}"):
            instance = ec2.run_instances(
                ImageId=image.image_id,
                InstanceType=definition.instance_type,
                MinCount=1,
                MaxCount=1,
                SecurityGroupIds=[group],
                UserData=user_data_of(volumes),
                MetadataOptions={"HttpTokens": "required"},
                TagSpecifications=marked("instance", "volume"),
                **where,
            )["Instances"][0]["InstanceId"]
        undo.callback(_terminate, environment, instance, work, tell)
        with speaking(environment.cloud, f"wait until {instance} runs"):
            ec2.get_waiter("instance_running").wait(
                InstanceIds=[instance], WaiterConfig=_every(environment)
            )
        for (identifier, _), letter in zip(volumes, DEVICES, strict=False):
            with speaking(environment.cloud, f"attach {identifier}"):
                ec2.attach_volume(
                    VolumeId=identifier, InstanceId=instance, Device=f"/dev/sd{letter}"
                )
        yield instance


def _every(environment: Environment) -> Any:
    delay = 1 if environment.cloud.endpoint else 5
    return {"Delay": delay, "MaxAttempts": 600 // delay}


def _terminate(environment: Environment, instance: str, work: Path, tell: Tell) -> None:
    """Ended for good: it holds the group and the volumes until then."""
    with leaving(work, tell):
        remove(environment.cloud, "instance", instance)
        with speaking(environment.cloud, f"wait until {instance} is gone"):
            environment.cloud.ec2.get_waiter("instance_terminated").wait(
                InstanceIds=[instance], WaiterConfig=_every(environment)
            )
