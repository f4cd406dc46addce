"""From where a machine that bakes lets SSH in: the environment's networks, else our own address."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING

from provisimus.environment import Environment
from provisimus.errors import ProvisimusError, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import IpPermissionTypeDef

WHO_ASKS = "https://checkip.amazonaws.com"
"""Amazon's own mirror: answers with the address that asked, and a line end."""


def networks(environment: Environment) -> tuple[str, ...]:
    """The networks that SSH may come from. Asks for our address where none are declared.

    Raises Unreachable and ProvisimusError naming the key that makes the question needless.
    """
    if environment.ssh_from is not None:
        return environment.ssh_from
    return (own_network(environment.name),)


def own_network(environment: str, url: str = WHO_ASKS) -> str:
    """Our public address as a network of one. Raises as `networks` does."""
    from provisimus.http import new_client, send

    where = f"environments/{environment}/ssh_from in provisimus.yaml"
    hint = f"name the network that SSH comes from while baking: {where}"
    try:
        # Never through a proxy: SSH takes none, and the proxy's address is not ours.
        with new_client(url, trust_env=False) as client:
            said = send(client, "GET", "/").text
    except Unreachable as fault:
        raise Unreachable(
            f"this machine's public address is not known: {fault.message}", where=where, hint=hint
        ) from fault
    try:
        return f"{IPv4Address(said.strip())}/32"
    except AddressValueError:
        raise ProvisimusError(
            f"{url} tells no IPv4 address: {said.strip()[:80]!r}", where=where, hint=hint
        ) from None


def permission(sources: Sequence[str]) -> IpPermissionTypeDef:
    """The one rule of the bake's security group."""
    return {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": source} for source in sources],
    }
