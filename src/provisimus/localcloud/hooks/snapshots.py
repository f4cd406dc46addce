"""Snapshots: each is a real disk, and those of one instance are of one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidSnapshotInUse
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks.cloud import Cloud, refused, replace
from provisimus.localcloud.hooks.volumes import are_records_only, sweep

_moto_create = EBSBackend.create_snapshot
_moto_copy = EBSBackend.copy_snapshot
_moto_delete = EBSBackend.delete_snapshot


def install(cloud: Cloud) -> None:
    """Replace moto's methods and responses."""

    def create_snapshot(backend: Any, volume_id: str, *args: Any, **kw: Any) -> Any:
        with cloud.changes:
            snapshot: Any = _moto_create(backend, volume_id, *args, **kw)
            if not are_records_only():
                snapshot.local_size = int(snapshot.volume.size)
                _take(cloud, backend, [snapshot])
            return snapshot

    def copy_snapshot(backend: Any, source_snapshot_id: str, *args: Any, **kw: Any) -> Any:
        with cloud.changes:
            snapshot: Any = _moto_copy(backend, source_snapshot_id, *args, **kw)
            snapshot.local_size = _any_snapshot(cloud, source_snapshot_id).volume_size
            cloud.disks.copy_snapshot(source_snapshot_id, snapshot.id)
            return snapshot

    def delete_snapshot(backend: Any, snapshot_id: str) -> Any:
        with cloud.changes:
            for image in backend.amis.values():
                devices = getattr(image, "local_mappings", ())
                if any(each["Ebs"]["SnapshotId"] == snapshot_id for each in devices):
                    raise InvalidSnapshotInUse(snapshot_id, image.id)
            snapshot = _moto_delete(backend, snapshot_id)
            sweep(cloud)
            return snapshot

    def respond_create_several(response: Any) -> ActionResult:
        backend = response.ec2_backend
        wanted = dict(response._get_param("InstanceSpecification", {}))
        tags = response._parse_tag_specification().get("snapshot", {})
        copied = response._get_param("CopyTagsFromSource")
        response.error_on_dryrun()
        with cloud.changes:
            instance = backend.get_instance(wanted.get("InstanceId"))
            volumes = chosen(
                [(name, block.volume_id) for name, block in instance.get_block_device_mapping],
                instance.root_device_name,
                wanted,
            )
            snapshots: list[Any] = []
            for volume_id in volumes:
                snapshot: Any = _moto_create(
                    backend, volume_id, response._get_param("Description", "")
                )
                snapshot.local_size = int(snapshot.volume.size)
                own = {tag["key"]: tag["value"] for tag in snapshot.volume.get_tags()}
                snapshot.add_tags({**(own if copied == "volume" else {}), **tags})
                snapshots.append(snapshot)
            _take(cloud, backend, snapshots)
        return ActionResult({"Snapshots": snapshots})

    def respond_describe(response: Any) -> ActionResult:
        found = response.ec2_backend.describe_snapshots(
            snapshot_ids=response._get_param("SnapshotIds", []),
            filters=response._filters_from_querystring(),
        )
        owners = {
            cloud.account if owner == "self" else owner
            for owner in response._get_param("OwnerIds", [])
        }
        return ActionResult(
            {"Snapshots": [each for each in found if not owners or each.owner_id in owners]}
        )

    # moto asks the volume, which may have grown since.
    size = property(lambda snapshot: getattr(snapshot, "local_size", snapshot.volume.size))
    Snapshot.volume_size = size  # type: ignore[method-assign, assignment]
    replace(EBSBackend, "create_snapshot", create_snapshot)
    replace(EBSBackend, "copy_snapshot", copy_snapshot)
    replace(EBSBackend, "delete_snapshot", delete_snapshot)
    replace(ElasticBlockStore, "create_snapshots", respond_create_several)
    replace(ElasticBlockStore, "describe_snapshots", respond_describe)


def chosen(
    devices: Sequence[tuple[str, str]], root: str, wanted: dict[str, Any]
) -> tuple[str, ...]:
    """The volumes that CreateSnapshots takes, of an instance's (device, volume) pairs.

    ``wanted`` is the InstanceSpecification of the request. Raises EC2ClientError when it leaves
    out a volume that the instance has not, or all of them.
    """
    left_out = set(wanted.get("ExcludeDataVolumeIds") or ())
    stray = sorted(left_out - {volume for name, volume in devices if name != root})
    if stray:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"ExcludeDataVolumeIds: {', '.join(stray)} is no data volume of the instance",
        )
    without_root = str(wanted.get("ExcludeBootVolume", False)).lower() == "true"
    kept = tuple(
        volume
        for name, volume in sorted(devices)
        if volume not in left_out and not (without_root and name == root)
    )
    if not kept:
        raise EC2ClientError("InvalidParameterCombination", "No volumes are left to snapshot")
    return kept


def take_snapshots(cloud: Cloud, taken: Sequence[tuple[Any, str]]) -> None:
    """Make the disks of snapshots, given as (volume, snapshot id). Raises LocalCloudError.

    A running machine goes on in new layers, all from one moment on: what it has written to any of
    its volumes before something else is in the snapshots when that is.
    """
    overlays: dict[str, dict[str, str]] = {}
    for volume, snapshot in taken:
        overlay = cloud.disks.begin_snapshot(volume.id, snapshot)
        instance = volume.attachment.instance.id if volume.attachment else None
        if instance and cloud.machines.is_running(instance):
            overlays.setdefault(instance, {})[volume.id] = cloud.layout.relative(overlay)
    for instance, files in overlays.items():
        cloud.machines.switch_to_overlays(instance, files)


def _take(cloud: Cloud, backend: Any, snapshots: Sequence[Any]) -> None:
    try:
        take_snapshots(cloud, [(each.volume, each.id) for each in snapshots])
    except LocalCloudError as error:
        for each in snapshots:
            backend.snapshots.pop(each.id)
        raise refused(error) from error


def _any_snapshot(cloud: Cloud, identifier: str) -> Any:
    from moto.ec2.models import ec2_backends

    backends = list(ec2_backends[cloud.account].values())
    return next(b.snapshots[identifier] for b in backends if identifier in b.snapshots)
