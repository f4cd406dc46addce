"""UpdatePolicy AutoScalingRollingUpdate: obsolete instances go in batches, others take their place.

Source: CloudFormation user guide, "UpdatePolicy attribute", "AutoScalingRollingUpdate policy".
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.localcloud.cloudformation import signals
from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers import _groups
from provisimus.localcloud.cloudformation.handlers.interface import Progress

NAMES = (
    "MaxBatchSize", "MinInstancesInService", "MinSuccessfulInstancesPercent", "PauseTime",
    "SuspendProcesses/*", "WaitOnResourceSignals",
)  # fmt: skip
_LONGEST_PAUSE = 3600


@dataclass(frozen=True)
class Policy:
    """Counts are of instances, the pause is in seconds."""

    batch: int = 1
    in_service: int = 0
    percent: int = 100
    pause: int = 0
    signals: bool = False
    suspend: tuple[str, ...] = ()

    @property
    def said_pause(self) -> str:
        hours, rest = divmod(self.pause, 3600)
        parts = ((hours, "H"), (rest // 60, "M"), (rest % 60, "S"))
        return "PT" + ("".join(f"{n}{unit}" for n, unit in parts if n) or "0S")


@dataclass(frozen=True)
class Batch:
    """Instances that go at once, and how many come for them."""

    going: tuple[str, ...]
    coming: int


def read(given: Mapping[str, Any]) -> Policy:
    """Raises ResourceFailed, ValidationError for what cannot be."""
    waits = str(given.get("WaitOnResourceSignals", False)).lower() == "true"
    pause = signals.seconds(str(given.get("PauseTime", "PT5M" if waits else "PT0S")))
    if pause > _LONGEST_PAUSE:
        raise ResourceFailed("PauseTime of an AutoScalingRollingUpdate is PT1H at most")
    return Policy(
        int(given.get("MaxBatchSize", 1)),
        int(given.get("MinInstancesInService", 0)),
        int(given.get("MinSuccessfulInstancesPercent", 100)),
        pause,
        waits,
        tuple(given.get("SuspendProcesses", ())),
    )


def raised(policy: Policy, desired: int, most: int) -> int:
    """How many instances there are while it rolls: enough that a batch may go."""
    if not policy.in_service:
        return desired
    batch = min(policy.batch, desired)
    return min(most, max(desired, policy.in_service + batch))


def next_batch(policy: Policy, old: Iterable[str], fresh: int, desired: int, now: int) -> Batch:
    """Which go next, of the obsolete ones; ``fresh`` are there, ``now`` is how many there are."""
    left = tuple(old)
    size = max(1, min(policy.batch, now - policy.in_service, len(left)))
    going = left[:size]
    stay = now - len(going)
    return Batch(going, max(0, min(len(going), desired - stay, desired - fresh)))


def verdict(policy: Policy, came: Iterable[signals.Signal], awaited: int, waited: float) -> bool:
    """Whether a batch's signals are all there. Raises ResourceFailed when too many failed."""
    known = tuple(came)
    well = sum(1 for each in known if each.status == "SUCCESS")
    over = waited >= policy.pause
    failed = max(0, awaited - well) if over else len(known) - well
    if failed and 100 * (awaited - failed) < policy.percent * awaited:
        raise ResourceFailed(signals.unsatisfied(failed, awaited, policy.percent))
    return len(known) >= awaited or over


class RollingUpdate:
    """One update of one group, which goes on where another left off."""

    def __init__(self, cloud: Cloud, name: str, policy: Policy, progress: Progress) -> None:
        self._cloud = cloud
        self._name = name
        self._policy = policy
        self._progress = progress
        self._heard = {each.unique_id for each in progress.signals()}

    def run(self) -> None:
        """Replace what is obsolete. Raises ResourceFailed."""
        group = self._group()
        old = _groups.obsolete(self._cloud, group)
        if not old:
            return
        policy, desired, least = self._policy, int(group["DesiredCapacity"]), int(group["MinSize"])
        self._progress.say(self._opening(len(old)))
        suspended = {each["ProcessName"] for each in group["SuspendedProcesses"]}
        extra = [each for each in policy.suspend if each not in suspended]
        if extra:
            self._cloud.autoscaling.suspend_processes(
                AutoScalingGroupName=self._name, ScalingProcesses=extra
            )
        try:
            self._roll(old, desired, raised(policy, desired, int(group["MaxSize"])))
        finally:
            if extra:
                self._cloud.autoscaling.resume_processes(
                    AutoScalingGroupName=self._name, ScalingProcesses=extra
                )
            self._resize(min(least, desired), desired)

    def _roll(self, old: list[str], desired: int, many: int) -> None:
        total = len(old)
        if many > desired:
            self._progress.say(
                f"Temporarily setting autoscaling group MinSize and DesiredCapacity to {many}."
            )
            self._resize(many, many)
            self._progress.say(
                f"New instance(s) added to autoscaling group - {self._waiting(many - desired)}"
            )
            self._settle(many - desired)
            self._resize(min(desired, many), many)
        while old:
            group = self._group()
            there = [
                e["InstanceId"] for e in group["Instances"] if e["LifecycleState"] == "InService"
            ]
            fresh = len([each for each in there if each not in old])
            batch = next_batch(self._policy, old, fresh, desired, len(there))
            self._replace(batch)
            old = [each for each in old if each not in batch.going]
            done = 100 * (total - len(old)) // total
            self._progress.say(
                f"Successfully terminated instance(s) [{','.join(batch.going)}] (Progress {done}%)."
            )
            if batch.coming:
                self._progress.say(
                    f"New instance(s) added to autoscaling group - {self._waiting(batch.coming)}"
                )
            self._settle(batch.coming)

    def _replace(self, batch: Batch) -> None:
        self._progress.say(
            f"Terminating instance(s) [{','.join(batch.going)}]; replacing with {batch.coming} new "
            "instance(s)."
        )
        for number, each in enumerate(batch.going):
            self._cloud.autoscaling.terminate_instance_in_auto_scaling_group(
                InstanceId=each, ShouldDecrementDesiredCapacity=number >= batch.coming
            )

        def gone() -> bool:
            there = {each["InstanceId"] for each in self._group()["Instances"]}
            return not there & {*batch.going}

        self._cloud.until(gone, f"{self._name} to lose instances", _groups.SECONDS)

    def _settle(self, coming: int) -> None:
        """Until those that come are in service, and have said so where they have to."""
        if not self._policy.signals:
            self._cloud.until(
                lambda: _groups.whole(self._group()), f"{self._name} to be whole", _groups.SECONDS
            )
            if coming and self._policy.pause:
                began = time.time()
                self._cloud.until(
                    lambda: time.time() - began >= self._policy.pause,
                    "its pause",
                    _LONGEST_PAUSE * 2,
                )
            return
        began = time.time()

        def heard() -> bool:
            came = [e for e in self._progress.signals() if e.unique_id not in self._heard]
            return verdict(self._policy, came, coming, time.time() - began)

        self._cloud.until(heard, f"signals of {self._name}", _LONGEST_PAUSE * 2)
        self._heard |= {each.unique_id for each in self._progress.signals()}
        self._cloud.until(
            lambda: _groups.whole(self._group()), f"{self._name} to be whole", _groups.SECONDS
        )

    def _resize(self, least: int, desired: int) -> None:
        self._cloud.autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=self._name, MinSize=least, DesiredCapacity=desired
        )

    def _group(self) -> dict[str, Any]:
        found = _groups.find(self._cloud, self._name)
        if found is None:
            raise ResourceFailed(f"AutoScalingGroup {self._name} is gone")
        return found

    def _opening(self, many: int) -> str:
        policy = self._policy
        waits = ""
        if policy.signals:
            waits = (
                f" Waiting on resource signals with a timeout of {policy.said_pause} when new "
                "instances are added to the autoscaling group."
            )
        elif policy.pause:
            waits = f" Pausing {policy.said_pause} when new instances are added."
        return (
            f"Rolling update initiated. Terminating {many} obsolete instance(s) in batches of "
            f"{policy.batch}, while keeping at least {policy.in_service} instance(s) in "
            f"service.{waits}"
        )

    def _waiting(self, coming: int) -> str:
        if not self._policy.signals:
            return f"waiting for {coming} instance(s) to come into service."
        return (
            f"Waiting on {coming} resource signal(s) with a timeout of {self._policy.said_pause}."
        )


def check(policy: Policy, most: int) -> None:
    """Raises ResourceFailed for a policy that cannot be kept."""
    if policy.in_service >= most:
        raise ResourceFailed(
            "MinInstancesInService must be less than the autoscaling group's MaxSize"
        )
    if policy.batch < 1 or not 0 <= policy.percent <= 100:
        raise ResourceFailed("MaxBatchSize is 1 or more, MinSuccessfulInstancesPercent 0 to 100")
