"""Tells AWS how the service is: a metric, and once in its life a signal to its own stack.

/etc/provisimus/publish    {"service", "stack", "signal", "metric"} from the stack's user data
/etc/provisimus/volumes    the data volumes, for how full they are
/run/provisimus/health     the last answer, from `scripts/machine/health`

Called after a change and every few minutes. What cannot be told now is told the next time.
"""

from __future__ import annotations

import os

from .aws import Client, Fault
from .places import DISK, METRIC, NAMESPACE, Places, read_json

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


def _metric(asked: Any, health: Any, places: Places, client: Client) -> None:
    if not asked.get("metric"):
        return
    instance = client.metadata.need("meta-data/instance-id").strip()
    about = metric(asked, health, instance, fullest(disks(places)))
    client.query("monitoring", "2010-08-01", "PutMetricData", about, PATIENCE)


def metric(
    asked: dict[str, Any], health: dict[str, Any], instance: str, disk: float | None = None
) -> dict[str, str]:
    """Parameters of PutMetricData: 1 for healthy, 0 for not; how full the fullest disk is, in
    percent. Pure."""
    found = {"Namespace": NAMESPACE}
    values = [(METRIC, "1" if health["status"] == "healthy" else "0")]
    if disk is not None:
        values.append((DISK, f"{disk:.1f}"))
    for number, (name, value) in enumerate(values, 1):
        datum = f"MetricData.member.{number}"
        found[f"{datum}.MetricName"] = name
        found[f"{datum}.Value"] = value
        found[f"{datum}.Timestamp"] = health["checked"]
        found[f"{datum}.Dimensions.member.1.Name"] = "InstanceId"
        found[f"{datum}.Dimensions.member.1.Value"] = instance
        found[f"{datum}.Dimensions.member.2.Name"] = "Service"
        found[f"{datum}.Dimensions.member.2.Value"] = asked["service"]
    return found


def disks(places: Places) -> list[str]:
    """The mounts that may fill up: the root, and the data volumes."""
    try:
        with open(places.volumes, encoding="utf-8") as file:
            lines = [line.split(None, 1) for line in file]
    except FileNotFoundError:
        lines = []
    mounts = [each[1].strip() for each in lines if len(each) > 1]
    return [places.root, *(places.root + each.lstrip("/") for each in mounts)]


def fullest(mounts: list[str]) -> float | None:
    """Percent used of the fullest, as df counts it; None where no mount can be asked."""
    found = []
    for each in mounts:
        try:
            said = os.statvfs(each)
        except OSError:
            continue  # it is not mounted yet
        used = said.f_blocks - said.f_bfree
        if used + said.f_bavail:
            found.append(100.0 * used / (used + said.f_bavail))
    return max(found) if found else None


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
