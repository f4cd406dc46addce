"""The data volumes of a project in an environment, and their snapshots."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisimus.aws import CloudFault, speaking, tags_of
from provisimus.environment import Environment
from provisimus.errors import NotFound, UsageFault
from provisimus.model import UNKNOWN
from provisimus.ondisk.places import POLICY
from provisimus.stacks.instances import begin_snapshot, remove_snapshot
from provisimus.stacks.template import MOUNT

if TYPE_CHECKING:
    from provisimus.workspace.workspace import Workspace

SERVICE = "provisimus:service"
PROJECT = "provisimus:project"
ENVIRONMENT = "provisimus:environment"
_OURS = (PROJECT, ENVIRONMENT, SERVICE, MOUNT)


@dataclass(frozen=True)
class ListedVolume:
    """`size` in GiB; `used_by` an instance, or None."""

    volume_id: str
    service: str
    mount: str
    state: str
    size: int
    kind: str
    encrypted: bool
    used_by: str | None


@dataclass(frozen=True)
class ListedSnapshot:
    """`policy` is what took it: the machine's own rhythm, a hand, or a deletion. `taken` in UTC."""

    snapshot_id: str
    service: str
    mount: str
    state: str
    size: int
    taken: str
    policy: str


def list_volumes(
    environment: Environment, project: str, service: str | None = None
) -> list[ListedVolume]:
    """Sorted by service and mount. Root volumes come and go with their instances: left out."""
    filters = [*_of(environment, project, service), {"Name": "tag-key", "Values": [MOUNT]}]
    with speaking(environment.cloud, "list the volumes"):
        pages = environment.cloud.ec2.get_paginator("describe_volumes").paginate(Filters=filters)
        found = [_volume(each) for page in pages for each in page["Volumes"]]
    return sorted(found, key=lambda each: (each.service, each.mount, each.volume_id))


def _of(environment: Environment, project: str, service: str | None) -> list[Any]:
    tags = {PROJECT: project, ENVIRONMENT: environment.name}
    if service:
        tags[SERVICE] = service
    return [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]


def _volume(found: Any) -> ListedVolume:
    tags = tags_of(found.get("Tags"))
    users = [each["InstanceId"] for each in found.get("Attachments", ())]
    return ListedVolume(
        found["VolumeId"],
        tags.get(SERVICE, UNKNOWN),
        tags.get(MOUNT, UNKNOWN),
        found["State"],
        found["Size"],
        found.get("VolumeType", UNKNOWN),
        bool(found.get("Encrypted")),
        users[0] if users else None,
    )


def list_snapshots(
    environment: Environment, project: str, service: str | None = None
) -> list[ListedSnapshot]:
    """Newest first, per service and mount."""
    filters = _of(environment, project, service)
    with speaking(environment.cloud, "list the snapshots"):
        pages = environment.cloud.ec2.get_paginator("describe_snapshots").paginate(
            Filters=filters, OwnerIds=["self"]
        )
        found = [_snapshot(each) for page in pages for each in page["Snapshots"]]
    found.sort(key=lambda each: each.taken, reverse=True)
    return sorted(found, key=lambda each: (each.service, each.mount))


def find_snapshot(environment: Environment, snapshot_id: str) -> ListedSnapshot:
    """One snapshot, whoever's it is. Raises NotFound."""
    try:
        with speaking(environment.cloud, f"look for {snapshot_id}"):
            found = environment.cloud.ec2.describe_snapshots(SnapshotIds=[snapshot_id])
    except CloudFault as fault:
        if not fault.code.startswith("InvalidSnapshot"):
            raise
        raise NotFound(
            f"there is no snapshot {snapshot_id} in {environment.name}",
            hint="see: provisimus snapshot list",
        ) from None
    return _snapshot(found["Snapshots"][0])


def _snapshot(found: Any) -> ListedSnapshot:
    tags = tags_of(found.get("Tags"))
    started = found.get("StartTime")
    return ListedSnapshot(
        found["SnapshotId"],
        tags.get(SERVICE, UNKNOWN),
        tags.get(MOUNT) or tags.get(POLICY, "").partition(":")[2] or UNKNOWN,
        found["State"],
        found["VolumeSize"],
        started.strftime("%Y-%m-%dT%H:%M:%SZ") if started else UNKNOWN,
        tags.get(POLICY, "by hand"),
    )


def chosen_volume(volumes: Iterable[ListedVolume], service: str, mount: str | None) -> ListedVolume:
    """The one data volume of a service, or that of a mount. Raises NotFound, UsageFault."""
    own = {each.mount: each for each in volumes if each.service == service}
    return own[chosen_mount(own, service, mount)]


def chosen_mount(mounts: Iterable[str], service: str, mount: str | None) -> str:
    """The only one, or that which is named. Raises NotFound, UsageFault."""
    own = sorted(set(mounts))
    named = [each for each in own if mount in (None, each)]
    if not named:
        known = ", ".join(own)
        raise NotFound(
            f"{service} has no data volume" + (f" at {mount}" if mount else ""),
            hint=f"it has: {known}" if known else "those that there are: provisimus volume list",
        )
    if len(named) > 1:
        raise UsageFault(
            f"{service} has {len(named)} data volumes",
            hint=f"name one with --mount: {', '.join(named)}",
        )
    return named[0]


def take_snapshot(environment: Environment, project: str, volume: ListedVolume, note: str) -> str:
    """Begin a snapshot of a volume as it is at this moment; its id."""
    environment.cloud.check_account()
    values = (project, environment.name, volume.service, volume.mount)
    tags = {**dict(zip(_OURS, values, strict=True)), "Name": f"{volume.service} {volume.mount}"}
    return begin_snapshot(environment, volume.volume_id, note, tags)


def surplus(
    snapshots: Iterable[ListedSnapshot], keep: int, named: Container[str] = ()
) -> list[ListedSnapshot]:
    """What goes when of each volume the newest `keep` stay; `snapshots` newest first.

    What a policy took is the policy's to remove. What definitions name (`named`) stays: without it
    a stack could not be made again.
    """
    seen: dict[tuple[str, str], int] = {}
    going = []
    for each in snapshots:
        if each.policy != "by hand" or each.state != "completed" or each.snapshot_id in named:
            continue
        place = (each.service, each.mount)
        seen[place] = seen.get(place, 0) + 1
        if seen[place] > keep:
            going.append(each)
    return going


def named_snapshots(workspace: Workspace, environment: str) -> set[str]:
    """The snapshots that the volumes of declared stacks are made of."""
    return {
        volume.made_of
        for name in workspace.declared(environment)
        for volume in getattr(workspace.stack(name, environment), "data_volumes", ())
        if volume.made_of
    }


def remove_snapshots(environment: Environment, snapshots: Iterable[ListedSnapshot]) -> None:
    environment.cloud.check_account()
    for each in snapshots:
        remove_snapshot(environment, each.snapshot_id)
