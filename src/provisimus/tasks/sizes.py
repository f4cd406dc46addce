"""Whether an instance may become of another type: known, and of the processor it was baked for."""

from __future__ import annotations

from collections.abc import Collection

from provisimus.aws import CloudFault, speaking
from provisimus.environment import Environment
from provisimus.errors import Refused, UsageFault


def check_type(environment: Environment, instance_type: str, instance: str) -> None:
    """Raises UsageFault for a type that EC2 does not know, Refused for another architecture."""
    cloud = environment.cloud
    try:
        with speaking(cloud, f"look for the instance type {instance_type}"):
            found = cloud.ec2.describe_instance_types(InstanceTypes=[instance_type])  # type: ignore[list-item]
    except CloudFault as fault:
        if fault.code != "InvalidInstanceType":
            raise
        raise UsageFault(
            f"{cloud.region} has no instance type {instance_type!r}",
            hint="see: aws ec2 describe-instance-type-offerings",
        ) from None
    with speaking(cloud, f"look at {instance}"):
        groups = cloud.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    baked = str(groups[0]["Instances"][0].get("Architecture", "x86_64"))
    check_architecture(
        instance_type,
        found["InstanceTypes"][0]["ProcessorInfo"]["SupportedArchitectures"],
        baked,
    )


def check_architecture(instance_type: str, supported: Collection[str], baked: str) -> None:
    """Raises Refused where a type does not run what the machine image was baked for. Pure."""
    if baked not in supported:
        raise Refused(
            f"{instance_type} runs {', '.join(supported)}; the machine image is of {baked}",
            hint="choose a type of that architecture, or bake the machine for the other",
        )
