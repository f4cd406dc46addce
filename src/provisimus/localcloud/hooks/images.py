"""Machine images: CreateImage, CopyImage, RegisterImage carry real disks; bases become images."""

from __future__ import annotations

import contextlib
import logging
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import random_ami_id

from provisimus.localcloud.bases.recipe import BaseOrder
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.hooks.snapshots import take_snapshots
from provisimus.localcloud.hooks.volumes import (
    records_only,
    require_completed,
    sweep,
    switched_on,
)

log = logging.getLogger(__name__)

ROOT_DEVICE = "/dev/xvda"
"""As Debian's own images have it."""
FINGERPRINT_TAG = "provisimus:local-base"

_moto_create = AmiBackend.create_image
_moto_copy = AmiBackend.copy_image
_moto_register = AmiBackend.register_image
_moto_deregister = AmiBackend.deregister_image
_response_create = AmisResponse.create_image
_response_register = AmisResponse.register_image

_no_reboot: ContextVar[bool] = ContextVar("no_reboot", default=False)
_registering: ContextVar[dict[str, Any] | None] = ContextVar("registering", default=None)


def install(cloud: Cloud) -> None:
    """Replace moto's methods."""

    def create_image(
        backend: Any, instance_id: str, name: str, description: str, tag_specifications: Any
    ) -> Any:
        with cloud.changes:
            _check_name(backend, name)
            instance = backend.get_instance(instance_id)
            if instance._state.name not in ("running", "stopped"):
                raise EC2ClientError(
                    "IncorrectInstanceState",
                    f"Instance '{instance_id}' is {instance._state.name}; "
                    "an image is made of a running or stopped one.",
                )
            of_snapshots = [t for t in tag_specifications if t["ResourceType"] == "snapshot"]
            others = [t for t in tag_specifications if t["ResourceType"] != "snapshot"]
            with records_only():
                image: Any = _moto_create(backend, instance_id, name, description, others)
                _describe_disks(backend, image, instance)
            for specification in of_snapshots:
                for snapshot in image.local_snapshots.values():
                    snapshot.add_tags({t["Key"]: t["Value"] for t in specification["Tags"]})
            image.state = "pending"
        reboot = not _no_reboot.get()
        cloud.work(instance_id, lambda: _capture(cloud, image, instance, reboot))
        return image

    def copy_image(backend: Any, source_image_id: str, source_region: str, *rest: Any) -> Any:
        with cloud.changes, records_only():
            image = _moto_copy(backend, source_image_id, source_region, *rest)
            source = next(i for i in _all_images(cloud) if i.id == source_image_id)
            image.root_device_name = source.root_device_name
            image.root_device_type = "ebs"
            cloud.disks.copy_snapshot(source.ebs_snapshot.id, image.ebs_snapshot.id)
            size = cloud.disks.size(image.ebs_snapshot.id)
            _own_disk(image, image.ebs_snapshot, size)
            return image

    def register_image(backend: Any, name: Any = None, description: Any = None) -> Any:
        asked = _registering.get() or {}
        with cloud.changes:
            _check_name(backend, name)
            snapshot = backend.get_snapshot(asked["snapshot"]) if asked.get("snapshot") else None
            if snapshot is None or not cloud.disks.exists(snapshot.id):
                raise EC2ClientError(
                    "InvalidBlockDeviceMapping",
                    "The local cloud registers an image only from a snapshot that has a disk.",
                )
            require_completed(backend, snapshot.id)
            with records_only():
                image = _moto_register(backend, name, description)
            backend.snapshots.pop(image.ebs_snapshot.id, None)
            image.ebs_snapshot = snapshot
            image.root_device_name = asked["device"]
            image.root_device_type, image.virtualization_type = "ebs", "hvm"
            image.architecture = asked.get("architecture") or "x86_64"
            _own_disk(image, snapshot, int(snapshot.volume_size))
            return image

    def deregister_image(backend: Any, ami_id: str) -> None:
        with cloud.changes:
            _moto_deregister(backend, ami_id)
            sweep(cloud)

    def respond_create(response: Any) -> Any:
        token = _no_reboot.set(bool(response._get_bool_param("NoReboot", False)))
        try:
            return _response_create(response)
        finally:
            _no_reboot.reset(token)

    def respond_register(response: Any) -> Any:
        device = response._get_param("RootDeviceName") or ROOT_DEVICE
        asked = {"device": device, "architecture": response._get_param("Architecture")}
        for mapping in response._get_param("BlockDeviceMappings", []):
            if mapping.get("DeviceName") == device:
                asked["snapshot"] = mapping.get("Ebs", {}).get("SnapshotId")
        token = _registering.set(asked)
        try:
            return _response_register(response)
        finally:
            _registering.reset(token)

    moto_disks = Ami.block_device_mappings.fget  # type: ignore[attr-defined]
    mappings = property(lambda image: getattr(image, "local_mappings", None) or moto_disks(image))
    Ami.block_device_mappings = mappings  # type: ignore[method-assign, assignment]
    replace(AmiBackend, "create_image", create_image)
    replace(AmiBackend, "copy_image", copy_image)
    replace(AmiBackend, "register_image", register_image)
    replace(AmiBackend, "deregister_image", deregister_image)
    replace(AmisResponse, "create_image", respond_create)
    replace(AmisResponse, "register_image", respond_register)


def register_base(cloud: Cloud, order: BaseOrder, disk: Path) -> str:
    """Make a base disk a machine image under its name and owner, or find it. Returns its id."""
    backend = cloud.backend()
    with cloud.changes:
        for image in list(backend.amis.values()):
            if image.name == order.name and image.owner_id == order.owner:
                tags = {tag["key"]: tag["value"] for tag in image.get_tags()}
                if tags.get(FINGERPRINT_TAG) == order.recipe.fingerprint:
                    return str(image.id)
                with contextlib.suppress(EC2ClientError):
                    backend.deregister_image(image.id)
        with records_only():
            image = Ami(
                backend, random_ami_id(), name=order.name, owner_id=order.owner, public=True,
                description=f"Local base, kind {order.recipe.kind}, Debian {order.recipe.suite}",
                virtualization_type="hvm", architecture="x86_64", hypervisor="xen",
                root_device_name=ROOT_DEVICE, root_device_type="ebs", boot_mode="legacy-bios",
                region_name=f"{cloud.region}a",
            )  # fmt: skip
        size = cloud.disks.adopt_base(image.ebs_snapshot.id, disk)
        image.add_tags({FINGERPRINT_TAG: order.recipe.fingerprint})
        _own_disk(image, image.ebs_snapshot, size)
        backend.amis[image.id] = image
        cloud.changed()
        return str(image.id)


def bases(cloud: Cloud) -> list[dict[str, str]]:
    """The bases that are registered: name and image id."""
    return [
        {"name": image.name, "image_id": image.id}
        for image in list(cloud.backend().amis.values())
        if any(tag["key"] == FINGERPRINT_TAG for tag in image.get_tags())
    ]


def _capture(cloud: Cloud, image: Any, instance: Any, reboot: bool) -> None:
    """Give each snapshot of the image its disk; a running instance is down meanwhile if asked."""
    restart = reboot and cloud.machines.is_running(instance.id)
    try:
        if restart:
            cloud.machines.stop(instance.id)
        with cloud.changes:
            taken = [
                (instance.ec2_backend.get_volume(volume_id), snapshot.id)
                for volume_id, snapshot in image.local_snapshots.items()
            ]
            take_snapshots(cloud, taken)
        image.state = "available"
    except (LocalCloudError, EC2ClientError, OSError) as error:
        log.error("image %s of %s failed: %s", image.id, instance.id, error)
        image.state = "failed"
    finally:
        if restart and instance._state.name == "running":
            try:
                cloud.machines.start(switched_on(cloud, instance))
            except LocalCloudError as error:
                log.error("%s did not come up again: %s", instance.id, error.what)
                instance.stop()


def _describe_disks(backend: Any, image: Any, instance: Any) -> None:
    """Records of one snapshot per volume; the root's is the one that moto made for the image."""
    image.root_device_name, image.root_device_type = instance.root_device_name, "ebs"
    image.virtualization_type = "hvm"
    image.boot_mode = "legacy-bios"
    image.local_snapshots = {}
    image.local_mappings = []
    for name, block in sorted(instance.get_block_device_mapping):
        volume = backend.get_volume(block.volume_id)
        if name == instance.root_device_name:
            snapshot = image.ebs_snapshot
        else:
            snapshot = backend.create_snapshot(
                volume.id, f"Created by CreateImage({instance.id}) for {image.id}",
                from_ami=image.id,
            )  # fmt: skip
        snapshot.volume.size = volume.size
        snapshot.encrypted = volume.encrypted
        image.local_snapshots[volume.id] = snapshot
        image.local_mappings.append(
            _mapping(name, snapshot.id, volume.size, volume.volume_type, volume.encrypted,
                     bool(block.delete_on_termination))
        )  # fmt: skip


def _own_disk(image: Any, snapshot: Any, size: int) -> None:
    snapshot.volume.size = size
    image.local_snapshots = {}
    image.local_mappings = [
        _mapping(image.root_device_name, snapshot.id, size, "gp3", bool(snapshot.encrypted), True)
    ]


def _mapping(
    name: str, snapshot: str, size: int, kind: str, encrypted: bool, goes: bool
) -> dict[str, Any]:
    ebs = {"SnapshotId": snapshot, "VolumeSize": size, "VolumeType": kind, "Encrypted": encrypted,
           "DeleteOnTermination": goes}  # fmt: skip
    return {"DeviceName": name, "Ebs": ebs}


def _check_name(backend: Any, name: str | None) -> None:
    taken = next((i for i in backend.amis.values() if i.name == name and name
                  and i.owner_id == backend.account_id), None)  # fmt: skip
    if taken is not None:
        raise EC2ClientError(
            "InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {taken.id}"
        )


def _all_images(cloud: Cloud) -> list[Any]:
    from moto.ec2.models import ec2_backends

    return [i for backend in ec2_backends[cloud.account].values() for i in backend.amis.values()]
