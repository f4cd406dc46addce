"""No capacity, where a fault asks for it. Source: EC2 user guide, "Error codes for the EC2 API"."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError

from provisimus.localcloud.hooks.cloud import Cloud


def check_capacity(cloud: Cloud, backend: Any, kw: dict[str, Any]) -> None:
    """Raises EC2ClientError where there is none for what is to be launched."""
    kind, subnet = str(kw.get("instance_type") or ""), kw.get("subnet_id")
    zone = str(kw.get("placement") or "")
    if subnet:
        zone = str(backend.get_subnet(subnet).availability_zone)
    if cloud.mishaps.lacks(kind, zone):
        raise EC2ClientError(
            "InsufficientInstanceCapacity",
            f"We currently do not have sufficient {kind} capacity in the Availability Zone you "
            f"requested ({zone}). Our system will be working on provisioning additional capacity. "
            f"You can currently get {kind} capacity by not specifying an Availability Zone in your "
            "request or choosing another.",
        )
