"""Tells AWS how the service is: a metric, and once in its life a signal to its own stack.

/etc/provisimus/publish    {"service", "stack", "signal", "metric"} from the stack's user data
/run/provisimus/health     the last answer, from `scripts/machine/health`

Called after a change and every few minutes. What cannot be told now is told the next time.
"""

from __future__ import annotations

import os

from .aws import Client, Fault
from .places import METRIC, NAMESPACE, Places, read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PATIENCE = 15.0
"""Seconds for which one call is tried. The next check comes soon, and shall not wait for it."""
REFUSED = "ValidationError"
"""What SignalResource says when nobody waits for the signal any more, or not yet."""


def main(arguments: list[str], places: Places | None = None, client: Client | None = None) -> int:
    """Status 0 when all was told that there is to tell."""
    places = places or Places()
    client = client or Client()
    if arguments:
        print("usage: publish")
        return 2
    asked = read_json(places.publish)
    health = read_json(places.health) or {}
    if not asked or health.get("status") not in ("healthy", "unhealthy"):
        return 0
    faults = [_fault_of(tell, asked, health, places, client) for tell in (_signal, _metric)]
    faults = [each for each in faults if each]
    for each in faults:
        print(f"could not be told: {each}")
    if not faults:
        # Its age says when it was told last.
        with open(places.published, "w", encoding="utf-8") as file:
            file.write(health["status"] + "\n")
    return 1 if faults else 0


def _fault_of(tell: Callable[..., None], *about: Any) -> str:
    try:
        tell(*about)
    except Fault as fault:
        return str(fault)
    return ""


def _metric(asked: Any, health: Any, places: Places, client: Client) -> None:  # noqa: ARG001
    if not asked.get("metric"):
        return
    instance = client.metadata.need("meta-data/instance-id").strip()
    about = metric(asked, health, instance)
    client.query("monitoring", "2010-08-01", "PutMetricData", about, PATIENCE)


def metric(asked: dict[str, Any], health: dict[str, Any], instance: str) -> dict[str, str]:
    """Parameters of PutMetricData: 1 for healthy, 0 for not. Pure."""
    datum = "MetricData.member.1"
    return {
        "Namespace": NAMESPACE,
        f"{datum}.MetricName": METRIC,
        f"{datum}.Value": "1" if health["status"] == "healthy" else "0",
        f"{datum}.Timestamp": health["checked"],
        f"{datum}.Dimensions.member.1.Name": "InstanceId",
        f"{datum}.Dimensions.member.1.Value": instance,
        f"{datum}.Dimensions.member.2.Name": "Service",
        f"{datum}.Dimensions.member.2.Value": asked["service"],
    }


def _signal(asked: Any, health: Any, places: Places, client: Client) -> None:
    """The first answer decides; a machine that is started again has nothing more to say."""
    resource = asked.get("signal")
    if not resource:
        return
    mark = os.path.join(places.kept, "signalled")
    instance = client.metadata.need("meta-data/instance-id").strip()
    told = f"{instance} {resource}\n"
    if os.path.exists(mark):
        with open(mark, encoding="utf-8") as file:
            if file.read() == told:
                return
    status = "SUCCESS" if health["status"] == "healthy" else "FAILURE"
    about = {
        "StackName": asked["stack"],
        "LogicalResourceId": resource,
        "UniqueId": instance,
        "Status": status,
    }
    try:
        client.query("cloudformation", "2010-05-15", "SignalResource", about, PATIENCE)
        print(f"told the stack {asked['stack']}: {status}", flush=True)
    except Fault as fault:
        # A machine may be quicker than its stack, which makes what waits for it at last.
        if fault.code != REFUSED or "does not exist" in str(fault):
            raise
        print(f"nobody waits for a signal: {fault}", flush=True)
    os.makedirs(places.kept, exist_ok=True)
    with open(mark, "w", encoding="utf-8") as file:
        file.write(told)
