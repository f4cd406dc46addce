"""Does what policies say, through EC2's API, at the moment that it is told."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from provisimus.localcloud.lifecycle.policies import Policies
from provisimus.localcloud.lifecycle.times import Taken, is_due, outdated

log = logging.getLogger(__name__)

POLICY, SCHEDULE = "aws:dlm:lifecycle-policy-id", "aws:dlm:lifecycle-schedule-name"


class Runner:
    """Follows all policies; ``ec2`` makes a client."""

    def __init__(self, policies: Policies, ec2: Callable[[], Any]) -> None:
        self._policies = policies
        self._ec2 = ec2
        self._turn = threading.Lock()

    def tick(self, now: datetime) -> int:
        """Do what is due at this moment, in UTC; returns how many snapshots were begun.

        What was missed while nobody looked is made up for once.
        """
        made = 0
        with self._turn:
            for policy in self._policies.all():
                if policy["State"] != "ENABLED":
                    self._policies.look(policy["PolicyId"], now)
                    continue
                after = self._policies.looked(policy["PolicyId"])
                for schedule in policy["PolicyDetails"]["Schedules"]:
                    if is_due(schedule["CreateRule"], after, now):
                        made += self._create(policy, schedule)
                    self._retain(policy, schedule, now)
                self._policies.look(policy["PolicyId"], now)
        return made

    def _create(self, policy: Mapping[str, Any], schedule: Mapping[str, Any]) -> int:
        details, identifier = policy["PolicyDetails"], policy["PolicyId"]
        own = {
            **{each["Key"]: each["Value"] for each in schedule.get("TagsToAdd", [])},
            POLICY: identifier,
            SCHEDULE: schedule["Name"],
            "dlm:managed": "true",
        }
        said = f"Created for policy: {identifier} schedule: {schedule['Name']}"
        copied = bool(schedule.get("CopyTags"))
        if details["ResourceTypes"] == ["INSTANCE"]:
            return self._of_instances(details, own, said, copied)
        volumes = self._tagged("describe_volumes", "Volumes", details["TargetTags"])
        for volume in volumes:
            theirs = _tags(volume) if copied else {}
            self._ec2().create_snapshot(
                VolumeId=volume["VolumeId"],
                Description=said,
                TagSpecifications=_specification({**theirs, **own}),
            )
        return len(volumes)

    def _of_instances(
        self, details: Mapping[str, Any], own: Mapping[str, str], said: str, copied: bool
    ) -> int:
        without_root = bool(details.get("Parameters", {}).get("ExcludeBootVolume"))
        made = 0
        found = self._tagged("describe_instances", "Reservations", details["TargetTags"])
        for instance in (each for reservation in found for each in reservation["Instances"]):
            if instance["State"]["Name"] not in ("running", "stopped"):
                continue
            done = self._ec2().create_snapshots(
                InstanceSpecification={
                    "InstanceId": instance["InstanceId"],
                    "ExcludeBootVolume": without_root,
                },
                Description=said,
                TagSpecifications=_specification(own),
                **({"CopyTagsFromSource": "volume"} if copied else {}),
            )
            made += len(done["Snapshots"])
        return made

    def _retain(
        self, policy: Mapping[str, Any], schedule: Mapping[str, Any], now: datetime
    ) -> None:
        told = self._ec2().describe_snapshots(
            OwnerIds=["self"],
            Filters=[
                {"Name": f"tag:{POLICY}", "Values": [policy["PolicyId"]]},
                {"Name": f"tag:{SCHEDULE}", "Values": [schedule["Name"]]},
            ],
        )["Snapshots"]
        of_volume: dict[str, list[Taken]] = defaultdict(list)
        for each in told:
            taken = Taken(each["SnapshotId"], each["StartTime"])
            of_volume[each["VolumeId"]].append(taken)
        for taken_of_one in of_volume.values():
            for identifier in outdated(schedule["RetainRule"], taken_of_one, now):
                log.info("%s removes %s", policy["PolicyId"], identifier)
                self._ec2().delete_snapshot(SnapshotId=identifier)

    def _tagged(self, call: str, key: str, wanted: list[dict[str, str]]) -> list[Any]:
        """What has one of the tags."""
        found: dict[str, Any] = {}
        for tag in wanted:
            pages = (
                self._ec2()
                .get_paginator(call)
                .paginate(Filters=[{"Name": f"tag:{tag['Key']}", "Values": [tag["Value"]]}])
            )
            for each in (item for page in pages for item in page[key]):
                found[str(each.get("VolumeId") or each.get("ReservationId"))] = each
        return list(found.values())


def _tags(resource: Mapping[str, Any]) -> dict[str, str]:
    """Its tags, without those that AWS keeps for itself."""
    told = resource.get("Tags", [])
    return {e["Key"]: e["Value"] for e in told if not e["Key"].startswith("aws:")}


def _specification(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"ResourceType": "snapshot", "Tags": listed}]
