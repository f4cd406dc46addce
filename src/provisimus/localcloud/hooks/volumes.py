"""Volumes: each is a real disk; attaching plugs it into a real machine."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from moto.ec2.exceptions import EC2ClientError, VolumeInUseError
from moto.ec2.models.elastic_block_store import EBSBackend

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks import describe
from provisimus.localcloud.hooks.cloud import Cloud, refused, replace, wrong_state
from provisimus.localcloud.qemu import MachineSpec

log = logging.getLogger(__name__)

_moto_create = EBSBackend.create_volume
_moto_delete = EBSBackend.delete_volume
_moto_attach = EBSBackend.attach_volume
_moto_detach = EBSBackend.detach_volume
_moto_modify = EBSBackend.modify_volume

KINDS = ("standard", "io1", "io2", "gp2", "gp3", "sc1", "st1")
""""Amazon EBS volume types" in the EBS User Guide."""

_records_only: ContextVar[bool] = ContextVar("records_only", default=False)


@contextlib.contextmanager
def records_only() -> Iterator[None]:
    """Records without disks: moto makes a stand-in volume and snapshot for each image."""
    token = _records_only.set(True)
    try:
        yield
    finally:
        _records_only.reset(token)


def are_records_only() -> bool:
    """Whether ``records_only`` is in force here."""
    return _records_only.get()


def install(cloud: Cloud) -> None:
    """Replace moto's methods."""
    machines, disks, layout = cloud.machines, cloud.disks, cloud.layout

    def create_volume(backend: Any, size: Any, zone_name: str, snapshot_id: Any = None,
                      *args: Any, **kw: Any) -> Any:  # fmt: skip
        with cloud.changes:
            require_completed(backend, snapshot_id)
            _check_kind(kw.get("volume_type"))
            if not _records_only.get():
                _check_zone(backend, zone_name)
            size = size or _size_of(backend, snapshot_id)
            _check_size(backend, size, snapshot_id)
            volume = _moto_create(
                backend, int(size) if size else size, zone_name, snapshot_id, *args, **kw
            )
            if _records_only.get():
                return volume
            try:
                if snapshot_id:
                    disks.create_from_snapshot(volume.id, snapshot_id, volume.size)
                else:
                    disks.create_blank(volume.id, volume.size)
            except LocalCloudError as error:
                backend.volumes.pop(volume.id)
                raise refused(error) from error
            return volume

    def delete_volume(backend: Any, volume_id: str) -> Any:
        with cloud.changes:
            volume = _moto_delete(backend, volume_id)
            sweep(cloud)
            return volume

    def attach_volume(backend: Any, volume_id: str, instance_id: str, device_path: str,
                      delete_on_termination: bool = False) -> Any:  # fmt: skip
        with cloud.changes:
            volume = backend.get_volume(volume_id)
            instance = backend.get_instance(instance_id)
            if volume.attachment:
                raise VolumeInUseError(volume_id, volume.attachment.instance.id)
            if device_path in instance.block_device_mapping:
                raise EC2ClientError(
                    "InvalidParameterValue",
                    f"Invalid value '{device_path}' for unixDevice. "
                    "Attachment point already in use",
                )
            if volume.zone and instance.placement.zone != volume.zone.name:
                raise EC2ClientError(
                    "InvalidVolume.ZoneMismatch",
                    f"The volume '{volume_id}' is not in the same availability zone as instance "
                    f"'{instance_id}'",
                )
            if instance._state.name in ("shutting-down", "terminated", "stopping"):
                raise wrong_state(f"Instance '{instance_id}' is {instance._state.name}.")
            attachment = _moto_attach(
                backend, volume_id, instance_id, device_path, bool(delete_on_termination)
            )
            if attachment is None or not machines.is_running(instance_id):
                return attachment
            attachment.status = "attaching"

        def plug() -> None:
            try:
                if machines.is_running(instance_id):
                    disks.fit(volume_id, backend.get_volume(volume_id).size)
                    machines.attach(instance_id, describe.volume(layout, volume_id))
                attachment.status = "attached"
            except LocalCloudError as error:
                log.error("attaching %s to %s failed: %s", volume_id, instance_id, error.what)
                with cloud.changes:
                    _moto_detach(backend, volume_id, instance_id, device_path)

        cloud.work(instance_id, plug)
        return attachment

    def detach_volume(backend: Any, volume_id: str, instance_id: str, device_path: str) -> Any:
        with cloud.changes:
            volume = backend.get_volume(volume_id)
            attachment = volume.attachment
            instance_id = instance_id or (attachment.instance.id if attachment else "")
            if attachment is None or not machines.is_running(instance_id):
                return _moto_detach(backend, volume_id, instance_id, device_path)
            instance = backend.get_instance(instance_id)
            root = instance.block_device_mapping.get(instance.root_device_name)
            if root is not None and root.volume_id == volume_id:
                raise EC2ClientError(
                    "OperationNotPermitted",
                    f"Unable to detach root volume '{volume_id}' from instance '{instance_id}'",
                )
            attachment.status = "detaching"

        def unplug() -> None:
            try:
                if machines.is_running(instance_id):
                    machines.detach(instance_id, volume_id)
            except LocalCloudError as error:
                log.error("detaching %s from %s failed: %s", volume_id, instance_id, error.what)
                attachment.status = "busy"
                return
            with cloud.changes:
                if volume.attachment is attachment:
                    _moto_detach(backend, volume_id, instance_id, device_path)

        cloud.work(instance_id, unplug)
        return attachment

    def modify_volume(backend: Any, volume_id: str, target_size: Any = None, *args: Any) -> Any:
        with cloud.changes:
            volume = backend.get_volume(volume_id)
            _check_kind(args[0] if args else None)
            if target_size and int(target_size) != volume.size:
                if int(target_size) < volume.size:
                    raise EC2ClientError("InvalidParameterValue", "New size cannot be smaller.")
                # QEMU's NVMe lets nobody resize a disk that it has open: a machine that runs has
                # the new size when it is switched on again.
                holder = volume.attachment.instance.id if volume.attachment else ""
                if not machines.is_running(holder):
                    disks.fit(volume_id, int(target_size))
            return _moto_modify(
                backend, volume_id, int(target_size) if target_size else None, *args
            )

    replace(EBSBackend, "create_volume", create_volume)
    replace(EBSBackend, "delete_volume", delete_volume)
    replace(EBSBackend, "attach_volume", attach_volume)
    replace(EBSBackend, "detach_volume", detach_volume)
    replace(EBSBackend, "modify_volume", modify_volume)


def switched_on(cloud: Cloud, instance: Any) -> MachineSpec:
    """The machine that an instance is now, its disks as large as their volumes have become.

    Raises LocalCloudError.
    """
    for _, device in instance.get_block_device_mapping:
        volume = instance.ec2_backend.volumes.get(device.volume_id)
        if volume is not None:
            cloud.disks.fit(volume.id, int(volume.size))
    return describe.machine_spec(cloud.layout, instance)


def sweep(cloud: Cloud) -> None:
    """Remove the disks that no record needs, in any region."""
    from moto.ec2.models import ec2_backends

    wanted: set[str] = set()
    for backend in list(ec2_backends[cloud.account].values()):
        wanted |= set(backend.volumes) | set(backend.snapshots)
    cloud.disks.sweep(wanted)


def _check_kind(kind: str | None) -> None:
    if kind and kind not in KINDS:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Value ({kind}) for parameter volumeType is invalid. Valid values: {', '.join(KINDS)}",
        )


def _check_zone(backend: Any, zone: str) -> None:
    if backend.get_zone_by_name(zone) is None:
        raise EC2ClientError("InvalidZone.NotFound", f"The zone '{zone}' does not exist.")


def require_completed(backend: Any, snapshot_id: str | None) -> None:
    """Nothing is made of a snapshot whose data is not all there. Raises EC2ClientError."""
    known = backend.snapshots.get(snapshot_id) if snapshot_id else None
    if known is not None and known.status != "completed":
        raise EC2ClientError(
            "IncorrectState", f"Snapshot '{snapshot_id}' is in invalid state - {known.status}"
        )


def _size_of(backend: Any, snapshot_id: str | None) -> int | None:
    known = backend.snapshots.get(snapshot_id) if snapshot_id else None
    return int(known.volume_size) if known else None


def _check_size(backend: Any, size: Any, snapshot_id: str | None) -> None:
    least = _size_of(backend, snapshot_id)
    if least is not None and size and int(size) < least:
        raise EC2ClientError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {size}GB is smaller than snapshot '{snapshot_id}', "
            f"expect size >= {least}GB",
        )
