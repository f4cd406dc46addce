"""How containers log: by the engine's own driver, into the log group of the stack.

/etc/provisimus/logging    {"group"} from the stack's user data

How a container logs is settled when it is made, and while baking nobody knows the group. So
`scripts/machine/bootstrap` has Compose make the containers anew, with the file that is made here
beside its own.
"""

from __future__ import annotations

import json
import sys

from .aws import Client, Fault
from .places import Places, read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

BAKED = "json-file"
"""The driver of containers as they are baked; another one, of one's own Compose file, stays."""
NEVER = "0001-01-01T00:00:00Z"
"""When the engine says that a container was started that was not: what one wrote outside of its
volumes goes when it is made anew."""
BUFFER = "4m"
"""Of each container, for lines that CloudWatch does not take yet. What is more is dropped: a
service does not wait for its log."""


def main(
    arguments: list[str],
    places: Places | None = None,
    client: Client | None = None,
    given: Iterable[str] = sys.stdin,
) -> int:
    """`logs FILE`: where it is put what Compose shall be told. `given` has a line for each
    container: its service of Compose, its driver, and when it was started.

    Status 1 when nothing is to be told."""
    places = places or Places()
    client = client or Client()
    if len(arguments) != 1:
        print("usage: logs FILE")
        return 2
    services = chosen(given)
    if not services:
        print("no container can be made anew for the log group: they ran, or log in another way")
        return 1
    try:
        options = common(read_json(places.logging)["group"], client)
        instance = client.metadata.need("meta-data/instance-id").strip()
    except Fault as fault:
        print(f"the log group is not written to: {fault}")
        return 1
    with open(arguments[0], "w", encoding="utf-8") as file:
        json.dump(override(services, instance, options), file, indent=2)
    return 0


def chosen(lines: Iterable[str]) -> list[str]:
    """The services that log as they were baked, and of which nothing would be lost. Pure."""
    words = [line.split() for line in lines]
    return sorted({each[0] for each in words if each[1:] == [BAKED, NEVER]})


def common(group: str, client: Client) -> dict[str, str]:
    """The options of the driver that all containers share ("Amazon CloudWatch Logs logging driver"
    in Docker's documentation). Raises Fault."""
    found = {
        "awslogs-region": client.region,
        "awslogs-group": group,
        "mode": "non-blocking",
        "max-buffer-size": BUFFER,
    }
    # A cloud that is not AWS tells where its API is.
    place = client.metadata.get("meta-data/services/endpoint-url")
    return {**found, "awslogs-endpoint": place.strip().rstrip("/")} if place else found


def override(services: list[str], instance: str, options: dict[str, str]) -> dict[str, Any]:
    """A Compose file; one stream for each instance and container. Pure."""
    return {
        "services": {
            each: {
                "logging": {
                    "driver": "awslogs",
                    "options": {**options, "awslogs-stream": f"{instance}/{each}"},
                }
            }
            for each in services
        }
    }
