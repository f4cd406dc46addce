"""What a RunInstances request may say, and that the same request is done once.

Sources: EC2 API reference, RunInstances, InstanceMetadataOptionsRequest, "Error codes for the
Amazon EC2 API"; EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests". moto checks
none of this, launches as few as there must be, and launches again for a token that it knows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, MalformedAMIIdError
from moto.ec2.responses.instances import InstanceResponse
from moto.iam.exceptions import NotFoundException

from provisimus.localcloud.hooks.cloud import Cloud, replace

MOST_HOPS = 64

_most: ContextVar[int | None] = ContextVar("most", default=None)


def wanted_count(least: int) -> int:
    """How many the request that is being answered wants, which needs so many at least."""
    return max(least, _most.get() or 0)


def install(cloud: Cloud) -> None:
    """Stand before whatever answers by now: launch templates are filled in there."""
    answering = InstanceResponse.run_instances

    def run_instances(response: Any) -> Any:
        asked = _asked(response)
        _check(response.ec2_backend, asked)
        token = asked.get("ClientToken")
        if not token:
            return _run(answering, response, asked)
        with cloud.changes:
            known = _launched_with(response.ec2_backend, token)
            if known is None:
                return _run(answering, response, asked)
            if getattr(known, "asked", asked) != asked:
                raise EC2ClientError(
                    "IdempotentParameterMismatch",
                    "Arguments on this idempotent request are inconsistent with arguments used in "
                    "previous request(s).",
                )
            return ActionResult(known)

    replace(InstanceResponse, "run_instances", run_instances)


def _run(answering: Callable[[Any], Any], response: Any, asked: Mapping[str, Any]) -> Any:
    token = _most.set(int(asked.get("MaxCount", 1)))
    try:
        answer = answering(response)
    except NotFoundException as error:
        given = asked.get("IamInstanceProfile", {})
        key = "name" if "Name" in given else "arn"
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Value ({given.get(key.capitalize())}) for parameter iamInstanceProfile.{key} is "
            "invalid. Invalid IAM Instance Profile " + ("name" if key == "name" else "ARN"),
        ) from error
    finally:
        _most.reset(token)
    answer.result.asked = dict(asked)
    return answer


_KEYS = (
    "ImageId", "InstanceType", "MinCount", "MaxCount", "SubnetId", "KeyName", "SecurityGroupIds",
    "UserData", "PrivateIpAddress", "IamInstanceProfile", "MetadataOptions", "LaunchTemplate",
    "BlockDeviceMappings", "ClientToken",
)  # fmt: skip


def _asked(response: Any) -> dict[str, Any]:
    found = {key: response._get_param(key) for key in _KEYS}
    return {key: value for key, value in found.items() if value is not None}


def _check(backend: Any, asked: Mapping[str, Any]) -> None:
    least, most = int(asked.get("MinCount", 1)), int(asked.get("MaxCount", 1))
    if least < 1:
        raise _invalid(least, "minCount", "Minimum is 1.")
    if most < least:
        raise _invalid(least, "minCount", f"It must not be greater than maxCount ({most}).")
    image = asked.get("ImageId", "")
    if image and not image.startswith("ami-"):
        raise MalformedAMIIdError([image])
    check_hops(asked.get("MetadataOptions", {}).get("HttpPutResponseHopLimit"))
    subnet, address = asked.get("SubnetId"), asked.get("PrivateIpAddress")
    if subnet and address:
        block = ipaddress.ip_network(backend.get_subnet(subnet).cidr_block)
        if ipaddress.ip_address(address) not in block:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"Address {address} does not fall within the subnet's address range",
            )


def check_hops(limit: object) -> None:
    """How many hops a packet with a token lives. Raises EC2ClientError."""
    if limit is not None and not 1 <= int(str(limit)) <= MOST_HOPS:
        raise _invalid(limit, "HttpPutResponseHopLimit", f"It must be between 1 and {MOST_HOPS}.")


def _invalid(value: object, name: str, why: str) -> EC2ClientError:
    return EC2ClientError(
        "InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid. {why}"
    )


def _launched_with(backend: Any, token: str) -> Any:
    """The reservation of the instances that were launched with this token."""
    for reservation in backend.reservations.values():
        if any(each.client_token == token for each in reservation.instances):
            return reservation
    return None
