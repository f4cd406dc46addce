"""What happened on the machines of a stack: read at once, for a rollback takes them away.

Each question is asked for itself: what cannot be answered leaves a gap and fails nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from provisimus.aws import speaking, tags_of
from provisimus.console import console_of
from provisimus.container_words import (
    SaidContainer,
    cloud_init_faults,
    containers_in,
    service_in,
    without_containers,
)
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError
from provisimus.evidence import evidence
from provisimus.stacks.instances import address_of, find_instance

IMAGE = "provisimus:image/"
"""Tag of a machine image: the reference of one of its container images."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class MachineEvidence:
    """One instance. `target` is what the load balancer says of it, empty where none asks it;
    `service` what the machine said last of its service, `console` what it said beside."""

    instance: str
    state: str
    address: str | None
    image: str
    target: str
    service: str
    containers: tuple[SaidContainer, ...]
    cloud_init: tuple[str, ...]
    console: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """For people: the failing container first, with its image and what it said last."""
        head = f"instance {self.instance} is {self.state}, of {self.image}"
        told = [head + (f", {self.target} at the load balancer" if self.target else "")]
        told += [f"  service: {self.service}"] if self.service else []
        for each in self.containers:
            told.append(f"  container {each.name}: {each.state}")
            if each.image and (each.lines or not each.is_well):
                told.append(f"    image {each.image}")
            told += [f"    | {line}" for line in each.lines]
        told += [f"  cloud-init: {line}" for line in self.cloud_init]
        told += [f"  console: {line}" for line in self.console]
        return tuple(told)


def evidence_of(
    environment: Environment, instance: str, targets: Mapping[str, str] | None = None
) -> MachineEvidence:
    """All that is known of an instance now. `targets` is the health of load balancers' targets."""
    found = asked(lambda: find_instance(environment, instance), None)
    image = str((found or {}).get("ImageId", "unknown"))
    console = asked(lambda: console_of(environment, instance), list[str]())
    return MachineEvidence(
        instance,
        str(found["State"]["Name"]) if found else "gone",
        address_of(found),
        image,
        (targets or {}).get(instance, ""),
        service_in(console),
        containers_in(console, asked(lambda: _images_of(environment, image), dict[str, str]())),
        cloud_init_faults(console),
        evidence(without_containers(console)),
    )


def _images_of(environment: Environment, image: str) -> dict[str, str]:
    if not image.startswith("ami-"):
        return {}
    with speaking(environment.cloud, f"look at machine image {image}"):
        found = environment.cloud.ec2.describe_images(ImageIds=[image])["Images"]
    tags = tags_of(found[0].get("Tags")) if found else {}
    return {key.removeprefix(IMAGE): value for key, value in tags.items() if key.startswith(IMAGE)}


def targets_of(environment: Environment, groups: Iterable[str]) -> dict[str, str]:
    """What load balancers say of their targets, by instance; `groups` are ARNs."""
    return {
        each["Target"]["Id"]: _health(each["TargetHealth"])
        for group in groups
        for each in asked(lambda group=group: _targets(environment, group), list[Any]())  # type: ignore[misc]
    }


def _targets(environment: Environment, group: str) -> list[Any]:
    with speaking(environment.cloud, "ask for the health of targets"):
        found = environment.cloud.elbv2.describe_target_health(TargetGroupArn=group)
    return list(found["TargetHealthDescriptions"])


def _health(health: Mapping[str, str]) -> str:
    why = health.get("Description") or health.get("Reason")
    return health["State"] + (f" ({why})" if why else "")


def asked(question: Callable[[], Found], otherwise: Found) -> Found:
    """The answer, or what stands for none: evidence is never a reason to fail on its own."""
    try:
        return question()
    except ProvisimusError:
        return otherwise
