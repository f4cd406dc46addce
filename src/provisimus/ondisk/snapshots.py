"""Snapshots of the data volumes: when each is due, held still while it is taken, and how many stay.

/etc/provisimus/snapshots    the volumes and their policies, as JSON, from the stack's user data
/etc/provisimus/quiesce      a mount and its hook, a line each; made with the image
/run/provisimus/quiet        which mounts are held still right now

Whether one is due is asked of EC2, not of this disk: an instance that takes a volume over goes on
where the last one stopped, and what was missed is made up for. What cannot be held still is not
taken: a snapshot that there is, is one that was quiet.
"""

from __future__ import annotations

import os
import re
import time

from . import hold
from .aws import Client, Fault
from .places import POLICY, RHYTHM, Places, read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = "2016-11-15"
HELD = 10.0
"""Seconds for which a volume is held still at most while EC2 is asked. The snapshot is of the
moment of the call, so it need not be complete ("CreateSnapshot")."""


class Policy:
    """What the stack wants of one volume. `every` in seconds; from the volume's tag."""

    def __init__(self, given: dict[str, Any], rhythm: str) -> None:
        self.mount: str = given["mount"]
        self.volume: str = given["volume"]
        self.tags: dict[str, str] = given["tags"]
        said = re.fullmatch(r"every=(\d+) keep=(\d+)", rhythm)
        if not said or "0" in said.groups():
            raise Fault(f"{self.volume} says nothing of snapshots in its tag {RHYTHM}: {rhythm!r}")
        self.every, self.keep = int(said[1]), int(said[2])

    @property
    def name(self) -> str:
        return self.tags[POLICY]


class Taken:
    """A snapshot that there is. `began` in seconds since the epoch."""

    def __init__(self, identifier: str, began: float, state: str) -> None:
        self.identifier = identifier
        self.began = began
        self.state = state


def main(arguments: list[str], places: Places | None = None, client: Client | None = None) -> int:
    """`snapshots due` from the timer, `snapshots now` by hand, `snapshots thaw` when it ended in
    whatever way."""
    places = places or Places()
    if arguments not in (["due"], ["now"], ["thaw"]):
        print("usage: snapshots due|now|thaw")
        return 2
    with hold.alone(places) as alone:
        if not alone:
            # Whoever is at it ends what it began.
            print("another run is at it")
            return 0
        failed = hold.release_all(places)
        if arguments == ["thaw"]:
            return failed
        return take_all(places, client or Client(), always=arguments == ["now"]) or failed


def take_all(places: Places, client: Client, *, always: bool) -> int:
    """What is wrong with one volume keeps no other from its snapshot. Status 1 for any fault."""
    volumes = read_json(places.snapshots) or []
    try:
        rhythms = _rhythms([each["volume"] for each in volumes], client)
    except Fault as fault:
        print(fault, flush=True)
        return 1
    failed = 0
    for given in volumes:
        fault_of_it = _fault_of(given, rhythms, places, client, always=always)
        if fault_of_it:
            print(f"{given['mount']}: {fault_of_it}", flush=True)
            failed = 1
    return failed


def _fault_of(
    given: dict[str, Any], rhythms: dict[str, str], places: Places, client: Client, *, always: bool
) -> str:
    try:
        policy = Policy(given, rhythms.get(given["volume"], ""))
        _serve(policy, places, client, always=always)
    except (Fault, hold.NotQuiet) as fault:
        return str(fault)
    return ""


def _serve(policy: Policy, places: Places, client: Client, *, always: bool) -> None:
    there = _described(policy, client)
    if always or is_due(policy, there, time.time()):
        # Nothing is asked for while the volume is held that could be asked for before.
        client.ready()
        with hold.quiet(policy.mount, hold.hook_of(policy.mount, places), places):
            began = time.monotonic()
            made = _create(policy, client)
            held = time.monotonic() - began
        print(f"{policy.mount}: {made} of {policy.volume}, held for {held:.1f} s", flush=True)
        there = _described(policy, client)
    for each in too_many(there, policy.keep):
        _remove(each, policy, client)


def _remove(taken: Taken, policy: Policy, client: Client) -> None:
    try:
        client.query("ec2", VERSION, "DeleteSnapshot", {"SnapshotId": taken.identifier})
    except Fault as fault:
        # A machine image that somebody made of it needs it; it goes when that is gone.
        if fault.code != "InvalidSnapshot.InUse":
            raise
        return
    print(f"{policy.mount}: {taken.identifier} is gone, {policy.keep} stay", flush=True)


# ---- decisions: pure -----------------------------------------------------------------------------


def is_due(policy: Policy, there: list[Taken], now: float) -> bool:
    """Time is divided into spans of `every`, which begin at a moment of the volume's own; one
    snapshot belongs into each span. So the times of day stay, and volumes do not come in step."""
    last = max((each.began for each in there if each.state != "error"), default=None)
    shift = int(policy.volume.rpartition("-")[2] or "0", 16) % policy.every
    return last is None or (now - shift) // policy.every > (last - shift) // policy.every


def too_many(there: list[Taken], keep: int) -> list[Taken]:
    """What goes: all but the newest `keep`, of those that are complete. One that failed goes too.
    One that is under way is nothing to rely on yet, so nothing gives way to it."""
    complete = [each for each in there if each.state == "completed"]
    newest_first = sorted(complete, key=lambda each: each.began, reverse=True)
    failed = [each for each in there if each.state == "error"]
    return newest_first[keep:] + failed


def tags_of(policy: Policy, run: str) -> dict[str, str]:
    return {
        **policy.tags,
        "Name": policy.name,
        "provisimus:mount": policy.mount,
        "provisimus:volume-id": policy.volume,
        "provisimus:run": run,
    }


def request_of(policy: Policy, run: str) -> dict[str, str]:
    """Parameters of CreateSnapshot. `run` names the unit's run, as in the journal."""
    parameters = {
        "VolumeId": policy.volume,
        "Description": f"{policy.name}, taken by the machine that uses it",
        "TagSpecification.1.ResourceType": "snapshot",
    }
    for number, (key, value) in enumerate(sorted(tags_of(policy, run).items()), 1):
        parameters[f"TagSpecification.1.Tag.{number}.Key"] = key
        parameters[f"TagSpecification.1.Tag.{number}.Value"] = value
    return parameters


def snapshots_in(answer: str) -> list[Taken]:
    """The snapshots of an answer to DescribeSnapshots. Only leaves of the XML are read."""
    body = answer.partition("<snapshotSet>")[2]
    found = []
    for part in body.split("<snapshotId>")[1:]:
        state = re.search(r"<status>(\w+)</status>", part)
        began = re.search(r"<startTime>(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)", part)
        if state and began:
            # timegm without the module `calendar`, which is slow to load.
            year, month, day, *clock = map(int, began.groups())
            found.append(Taken(part.partition("<")[0], _epoch(year, month, day, *clock), state[1]))
    return found


def _epoch(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float:
    """Seconds since the epoch; days are counted as in the proleptic Gregorian calendar."""
    year, month = (year - 1, month + 9) if month <= 2 else (year, month - 3)
    days = year * 365 + year // 4 - year // 100 + year // 400 + (month * 306 + 5) // 10 + day - 1
    return float((days - 719468) * 86400 + hour * 3600 + minute * 60 + second)


# ---- EC2 -----------------------------------------------------------------------------------------


def _create(policy: Policy, client: Client) -> str:
    run = os.environ.get("INVOCATION_ID", "by hand")
    answer = client.query("ec2", VERSION, "CreateSnapshot", request_of(policy, run), HELD)
    found = re.search(r"<snapshotId>([\w-]+)</snapshotId>", answer.decode())
    return found[1] if found else "a snapshot"


def _rhythms(volumes: list[str], client: Client) -> dict[str, str]:
    """What the volumes' tags say, by volume."""
    asked = {
        "Filter.1.Name": "resource-id",
        **{f"Filter.1.Value.{number}": each for number, each in enumerate(volumes, 1)},
        "Filter.2.Name": "key",
        "Filter.2.Value.1": RHYTHM,
    }
    answer = client.query("ec2", VERSION, "DescribeTags", asked).decode()
    found = {}
    for part in answer.split("<item>")[1:]:
        volume = re.search(r"<resourceId>([^<]*)</resourceId>", part)
        value = re.search(r"<value>([^<]*)</value>", part)
        if volume and value:
            found[volume[1]] = value[1]
    return found


def _described(policy: Policy, client: Client) -> list[Taken]:
    found: list[Taken] = []
    token = ""
    while True:
        asked = {
            "Owner.1": "self",
            "Filter.1.Name": f"tag:{POLICY}",
            "Filter.1.Value.1": policy.name,
            "MaxResults": "200",
        }
        if token:
            asked["NextToken"] = token
        answer = client.query("ec2", VERSION, "DescribeSnapshots", asked).decode()
        found += snapshots_in(answer)
        token = answer.partition("<nextToken>")[2].partition("</nextToken>")[0]
        if not token:
            return found
