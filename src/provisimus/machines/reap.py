"""What killed bakes left in the cloud: found by tags, shown, removed in the right order.

Only what carries the mark of a run is touched: its tags, or for what cannot be tagged when it is
made (key pairs of Packer, an AMI in its first seconds) the run's id in its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisimus.aws import speaking, tags_of
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError
from provisimus.events import Tell, Warned, step
from provisimus.machines import runs, tags
from provisimus.machines.removal import remove

ORDER = ("instance", "image", "snapshot", "volume", "key pair", "security group")
"""What must go first: an instance holds its volumes and groups, an image its snapshots."""


@dataclass(frozen=True)
class Leftover:
    """One thing that a run made for a while. `removable` says whether it may go, `reason` why."""

    kind: str
    id: str
    run: str
    machine: str
    removable: bool
    reason: str


def find_temporary(
    environment: Environment,
    project: str,
    state: Path,
    *,
    all_runs: bool = False,
    now: datetime | None = None,
) -> tuple[Leftover, ...]:
    """Everything temporary of a project, in the order in which it would be removed. Read-only.

    What belongs to a run that may be alive is in it and not removable; `all_runs` takes that of
    other machines too.
    """
    now = now or datetime.now(UTC)
    here = runs.place_of(state)
    found = []
    for kind, name, tagged in _marked(environment, project):
        if not {tags.RUN, tags.EXPIRES} <= tagged.keys():
            # The filters say so too, but what is removed must not hang on how they are understood.
            continue
        run = tagged[tags.RUN]
        removable, reason = verdict(
            tagged,
            now=now,
            here=here,
            known=run in runs.known_runs(state),
            alive=runs.is_alive(state, run),
            all_runs=all_runs,
        )
        machine = tagged.get(tags.MACHINE, "unknown")
        found.append(Leftover(kind, name, run, machine, removable, reason))
    return tuple(sorted(found, key=lambda each: (ORDER.index(each.kind), each.run, each.id)))


def verdict(
    tagged: Mapping[str, str],
    *,
    now: datetime,
    here: str,
    known: bool,
    alive: bool,
    all_runs: bool,
) -> tuple[bool, str]:
    """Whether something temporary may be removed, and why. Pure.

    `known` and `alive` are this machine's knowledge of its run.
    """
    if alive:
        return False, "its bake is going on"
    if known or tagged.get(tags.PLACE) == here:
        kept = f"kept by {tagged[tags.KEPT]}" if tags.KEPT in tagged else None
        return True, kept or "its bake ended here without cleaning up"
    expires = _time(tagged.get(tags.EXPIRES, ""))
    if expires is not None and expires <= now:
        return True, f"expired {tagged[tags.EXPIRES]}"
    if all_runs:
        return True, "asked for with --all-runs"
    until = tagged.get(tags.EXPIRES, "unknown")
    return False, f"its bake may be going on elsewhere until {until}"


def reap(
    environment: Environment,
    leftovers: Iterable[Leftover],
    state: Path,
    tell: Tell,
) -> tuple[Leftover, ...]:
    """Remove what is removable, in order; gives what was removed.

    Goes on after a failure, so that one thing which resists keeps nothing else alive, and raises
    the first one at the end.
    """
    removed: list[Leftover] = []
    faults: list[ProvisimusError] = []
    todo = [each for each in leftovers if each.removable]
    if todo:
        environment.cloud.check_account()
    for kind in ORDER:
        group = [each for each in todo if each.kind == kind]
        for each in group:
            try:
                with step(tell, f"remove {each.kind} {each.id}", each.reason):
                    remove(environment.cloud, each.kind, each.id)
                removed.append(each)
            except ProvisimusError as error:
                faults.append(error)
        if kind == "instance" and group:
            _wait_until_terminated(environment, [each.id for each in group], tell)
    if faults:
        raise faults[0]
    for run in runs.known_runs(state):
        runs.forget(state, run)
    return tuple(removed)


def _marked(environment: Environment, project: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Kind, id and tags of everything temporary. Names that carry a run count as tags."""
    cloud = environment.cloud
    ec2: Any = cloud.ec2
    wanted = [
        {"Name": f"tag:{tags.PROJECT}", "Values": [project]},
        {"Name": "tag-key", "Values": [tags.EXPIRES]},
        {"Name": "tag-key", "Values": [tags.RUN]},
    ]
    with speaking(cloud, "look for what bakes left behind"):
        yield from _instances(ec2, wanted)
        for each in ec2.describe_volumes(Filters=wanted)["Volumes"]:
            # A volume that goes with its instance is not named apart from it.
            if not any(held.get("DeleteOnTermination") for held in each.get("Attachments", ())):
                yield "volume", each["VolumeId"], tags_of(each.get("Tags"))
        for each in ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]:
            yield "security group", each["GroupId"], tags_of(each.get("Tags"))
        for each in ec2.describe_snapshots(OwnerIds=["self"], Filters=wanted)["Snapshots"]:
            yield "snapshot", each["SnapshotId"], tags_of(each.get("Tags"))
        yield from _images(ec2, project)
        for each in ec2.describe_key_pairs()["KeyPairs"]:
            name = each["KeyName"]
            run = name.removeprefix("provisimus-")
            if run != name and tags.is_run(run):
                yield "key pair", name, marks_of_run(run)


def _instances(ec2: Any, wanted: list[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, str]]]:
    states = {
        "Name": "instance-state-name",
        "Values": ["pending", "running", "stopping", "stopped"],
    }
    for page in ec2.get_paginator("describe_instances").paginate(Filters=[*wanted, states]):
        for reservation in page["Reservations"]:
            for each in reservation["Instances"]:
                tagged = tags_of(each.get("Tags"))
                yield "instance", each["InstanceId"], tagged
                for group in each.get("SecurityGroups", ()):
                    # A template of the definition's own may let Packer make the group.
                    if group["GroupName"].startswith("packer_"):
                        yield "security group", group["GroupId"], tagged


def _images(ec2: Any, project: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """AMIs that a bake was killed over: named by it, and not tagged yet."""
    for each in ec2.describe_images(Owners=["self"])["Images"]:
        run = tags.run_of_name(project, each.get("Name", ""))
        if run is None or tags.FINGERPRINT in tags_of(each.get("Tags")):
            continue
        yield "image", each["ImageId"], marks_of_run(run)
        for device in each.get("BlockDeviceMappings", ()):
            snapshot = device.get("Ebs", {}).get("SnapshotId")
            if snapshot:
                yield "snapshot", snapshot, marks_of_run(run)


def marks_of_run(run: str) -> dict[str, str]:
    """The tags that something named after a run would have: the run's id tells when it began."""
    began = datetime.strptime(run.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    expires = (began + tags.LIFETIME).strftime(tags.TIME)
    return {tags.RUN: run, tags.EXPIRES: expires}


def _wait_until_terminated(environment: Environment, ids: list[str], tell: Tell) -> None:
    waiter = environment.cloud.ec2.get_waiter("instance_terminated")
    delay = 1 if environment.cloud.endpoint else 5
    try:
        with speaking(environment.cloud, "wait until the instances are gone"):
            waiter.wait(InstanceIds=ids, WaiterConfig={"Delay": delay, "MaxAttempts": 300 // delay})
    except ProvisimusError as error:
        tell(Warned(error.message))


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, tags.TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
