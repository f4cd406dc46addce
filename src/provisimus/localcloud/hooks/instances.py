"""Instances: RunInstances and its kin start, stop and end real machines, and states tell the truth.

An API call changes the state to the one in between and returns; the instance's worker does the
rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from copy import copy
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError, InvalidAMIIdError, MissingParameterError
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason
from moto.ec2.responses.instances import InstanceResponse

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks import describe
from provisimus.localcloud.hooks.capacity import check_capacity
from provisimus.localcloud.hooks.cloud import Cloud, replace, wrong_state
from provisimus.localcloud.hooks.launching import wanted_count
from provisimus.localcloud.hooks.mappings import launch_mappings, without_size
from provisimus.localcloud.hooks.types import check_type
from provisimus.localcloud.hooks.volumes import switched_on
from provisimus.localcloud.seed import write_seed

log = logging.getLogger(__name__)

_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}

GROUP_TAG = "aws:autoscaling:groupName"
MOST_RECOVERIES = 3
_RECENT = 600.0

_moto_run = InstanceBackend.run_instances
_moto_start = Instance.start
_moto_stop = Instance.stop
_moto_terminate = Instance.terminate
_moto_mappings = InstanceResponse._parse_block_device_mapping


def install(cloud: Cloud) -> None:
    """Replace moto's methods."""

    def run_instances(
        backend: Any,
        image_id: str,
        count: int,
        user_data: Any,
        security_group_names: Any,
        **kw: Any,
    ) -> Any:
        with cloud.changes:
            image = _image(backend, image_id, kw)
            check_type(kw.get("instance_type"), image.architecture)
            check_capacity(cloud, backend, kw)
            if kw.get("key_name"):
                backend.describe_key_pairs([kw["key_name"]])  # refuses a name that is none
            mappings = launch_mappings(image.block_device_mappings, _requested(backend, kw))
            if without_size(mappings):
                raise MissingParameterError("size or snapshotId")
            kw["block_device_mappings"] = mappings
            _place_in_default_subnet(backend, kw)
            count = wanted_count(count)
            reservation = _moto_run(backend, image_id, count, user_data, security_group_names, **kw)
            for instance in reservation.instances:
                set_state(instance, "pending")
                _own_interfaces(instance, kw)
        for instance in reservation.instances:
            cloud.work(instance.id, lambda instance=instance: boot(cloud, instance))  # type: ignore[misc]
        return reservation

    def start(instance: Any) -> InstanceState:
        with cloud.changes:
            before: InstanceState = copy(instance._state)
            if before.name in ("pending", "running"):
                return before
            if before.name != "stopped":
                raise wrong_state(f"The instance '{instance.id}' is not in a state from which it "
                                  f"can be started; it is {before.name}.")  # fmt: skip
            _moto_start(instance)
            set_state(instance, "pending")
        cloud.work(instance.id, lambda: boot(cloud, instance))
        return before

    def stop(instance: Any) -> InstanceState:
        with cloud.changes:
            before: InstanceState = copy(instance._state)
            if before.name in ("stopping", "stopped"):
                return before
            if before.name not in ("pending", "running"):
                raise wrong_state(f"The instance '{instance.id}' is not in a state from which it "
                                  f"can be stopped; it is {before.name}.")  # fmt: skip
            set_state(instance, "stopping")
        cloud.work(instance.id, lambda: _halt(cloud, instance))
        return before

    def terminate(instance: Any) -> InstanceState:
        with cloud.changes:
            before: InstanceState = copy(instance._state)
            if before.name in ("shutting-down", "terminated"):
                return before
            set_state(instance, "shutting-down")
        cloud.work(instance.id, lambda: _end(cloud, instance))
        return before

    def reboot(instance: Any) -> None:
        if instance._state.name not in ("pending", "running"):
            raise wrong_state(f"The instance '{instance.id}' is {instance._state.name}.")
        cloud.work(instance.id, lambda: _reboot(cloud, instance))

    def parse_mappings(response: Any) -> list[dict[str, Any]]:
        # moto turns "not said" into false, which would leave root volumes behind.
        parsed = _moto_mappings(response)
        for given, mapping in zip(
            response._get_param("BlockDeviceMappings", []), parsed, strict=True
        ):
            if "DeleteOnTermination" not in given.get("Ebs", {}):
                mapping["Ebs"]["DeleteOnTermination"] = None
        return parsed

    def check_mapping(mapping: dict[str, Any]) -> None:
        # moto wants a size before it looks at the image, which has one for its own devices.
        if mapping.get("NoDevice") is None and "Ebs" not in mapping:
            raise MissingParameterError("ebs")

    replace(InstanceBackend, "run_instances", run_instances)
    replace(InstanceResponse, "_validate_block_device_mapping", staticmethod(check_mapping))
    replace(InstanceResponse, "_parse_block_device_mapping", parse_mappings)
    replace(Instance, "start", start)
    replace(Instance, "stop", stop)
    replace(Instance, "terminate", terminate)
    replace(Instance, "reboot", reboot)


def boot(cloud: Cloud, instance: Any) -> None:
    """Start the machine of a pending instance. It runs when its kernel speaks, or else says why."""
    if instance._state.name != "pending":
        return
    folder = cloud.layout.instance(instance.id)
    first = not (folder / "seed.iso").exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        cloud.layout.console(instance.id).touch()
        write_seed(describe.seed(instance), folder / "seed.iso")
        cloud.machines.start(switched_on(cloud, instance))
    except Exception as error:  # whatever it was, the instance must not stay pending
        log.error("%s does not start", instance.id, exc_info=not isinstance(error, LocalCloudError))
        log.error("%s", error)
        reason = f"Server.InternalError: {error}"
        if first:
            _forget(cloud, instance)
        else:
            _moto_stop(instance)
        instance.state_reason = StateReason(reason, "Server.InternalError")
        instance._reason = reason
        return
    cloud.machines.await_word(instance.id, lambda: instance._state.name == "pending")
    if not cloud.machines.is_running(instance.id):
        return  # it ended meanwhile, which `ended_by_itself` sees to
    for line in describe.ports(instance).not_simulated:
        log.warning("%s: %s", instance.id, line)
    with cloud.changes:
        if instance._state.name == "pending":
            set_state(instance, "running")


def recent_crashes(crashes: Iterable[float], now: float) -> tuple[float, ...]:
    """Those of the last ten minutes; times in seconds of one clock."""
    return tuple(crash for crash in crashes if now - crash < _RECENT)


def ended_by_itself(cloud: Cloud, identifier: str, code: int) -> None:
    """A guest powered itself off, or its machine broke: do what the instance says for that case.

    A crash of QEMU is a failure of the host, from which EC2 recovers an instance under its id and
    addresses; so do we. QEMU before 8.2 crashes now and then when one emulated processor writes to
    a device while another changes the memory map (fixed by "softmmu: Use async_run_on_cpu in
    tcg_commit").
    """
    instance = next((i for i in cloud.instances() if i.id == identifier), None)
    if instance is None:
        return
    with cloud.changes:
        if instance._state.name not in ("pending", "running"):
            return
        if code < 0 and _is_replaced(instance):
            log.warning("%s: its machine is gone; its group replaces it", identifier)
            return
        if code < 0:
            now = time.monotonic()
            recent = recent_crashes(cloud.crashes.get(identifier, ()), now)
            cloud.crashes[identifier] = (*recent, now)
            if len(recent) < MOST_RECOVERIES:
                log.warning("%s: QEMU crashed (signal %s); recovering it", identifier, -code)
                set_state(instance, "pending")
                cloud.work(identifier, lambda: boot(cloud, instance))
                return
        ends = code == 0 and instance.instance_initiated_shutdown_behavior == "terminate"
        set_state(instance, "shutting-down" if ends else "stopping")
    if ends:
        cloud.work(identifier, lambda: _forget(cloud, instance))
        return

    def settle() -> None:
        _moto_stop(instance)
        instance.state_reason = (
            StateReason("Client.InstanceInitiatedShutdown: Instance initiated shutdown",
                        "Client.InstanceInitiatedShutdown")
            if code == 0
            else StateReason(f"Server.InternalError: the machine ended with code {code}",
                             "Server.InternalError")
        )  # fmt: skip

    cloud.work(identifier, settle)


def recover(cloud: Cloud, identifier: str) -> None:
    """Start the machine of an instance anew under its id and addresses, as on another host."""
    instance = cloud.backend().get_instance(identifier)

    def again() -> None:
        cloud.machines.stop(identifier, grace=0)
        with cloud.changes:
            if instance._state.name != "running":
                return
            set_state(instance, "pending")
        boot(cloud, instance)

    cloud.work(identifier, again)


def _is_replaced(instance: Any) -> bool:
    """Whether an Auto Scaling group will replace it: EC2 recovers no such instance, once it ran.

    Source: "Automatic instance recovery", "Requirements": not in an Auto Scaling group. What breaks
    while it starts is QEMU's fault alone, and mended as for all others.
    """
    grouped = any(tag["key"] == GROUP_TAG for tag in instance.get_tags())
    return grouped and instance._state.name == "running"


def set_state(instance: Any, name: str) -> None:
    instance._state.name, instance._state.code = name, _CODES[name]


def _halt(cloud: Cloud, instance: Any) -> None:
    cloud.machines.stop(instance.id)
    with cloud.changes:
        if instance._state.name == "stopping":
            _moto_stop(instance)


def _end(cloud: Cloud, instance: Any) -> None:
    # Where nothing outlives the instance there is nothing to write back, so it is switched off.
    outlives = any(
        not block.delete_on_termination for _, block in instance.get_block_device_mapping
    )
    if outlives:
        cloud.machines.stop(instance.id)
    else:
        cloud.machines.stop(instance.id, grace=0)
    _forget(cloud, instance)


def _forget(cloud: Cloud, instance: Any) -> None:
    """End it in the model, where moto detaches all volumes and deletes those that go with it."""
    with cloud.changes:
        _moto_terminate(instance)  # says "terminated" last, when the volumes are free
        instance._reason = f"User initiated ({utcnow():%Y-%m-%d %H:%M:%S UTC})"
    # The console stays: why a machine failed is asked after it is gone.
    console = cloud.layout.console(instance.id)
    for path in cloud.layout.instance(instance.id).glob("*"):
        if path != console:
            path.unlink(missing_ok=True)


def _reboot(cloud: Cloud, instance: Any) -> None:
    if instance._state.name != "running":
        return
    cloud.machines.stop(instance.id)
    with cloud.changes:
        set_state(instance, "pending")
    boot(cloud, instance)


def _image(backend: Any, image_id: str, kw: dict[str, Any]) -> Any:
    if not image_id and kw.get("launch_template"):
        image_id = backend._get_template_from_args(kw["launch_template"]).data.get("ImageId", "")
    image = backend.amis.get(image_id)
    if image is None:
        raise InvalidAMIIdError(image_id)
    if image.state != "available":
        raise EC2ClientError("InvalidAMIID.Unavailable", f"The image {image_id} is {image.state}.")
    return image


def _requested(backend: Any, kw: dict[str, Any]) -> list[dict[str, Any]]:
    given = kw.get("block_device_mappings")
    if given is None and kw.get("launch_template"):
        template = backend._get_template_from_args(kw["launch_template"])
        given = template.data.get("BlockDeviceMappings")
    return list(given or [])


def _own_interfaces(instance: Any, kw: dict[str, Any]) -> None:
    """Interfaces made by the launch go with the instance, unless the request says otherwise."""
    brought = {
        int(nic["DeviceIndex"])
        for nic in kw.get("nics") or []
        if nic.get("NetworkInterfaceId") or nic.get("DeleteOnTermination") is False
    }
    for index, nic in instance.nics.items():
        nic.delete_on_termination = index not in brought


def _place_in_default_subnet(backend: Any, kw: dict[str, Any]) -> None:
    """A launch that names no subnet goes into the default one, as in every account since 2013."""
    if kw.get("subnet_id") or kw.get("nics"):
        return
    zone = kw.get("placement")
    subnets = backend.get_default_subnets()
    chosen = subnets.get(zone) if zone else next(iter(dict(sorted(subnets.items())).values()), None)
    if chosen is not None:
        kw["subnet_id"] = chosen.id


def resume(cloud: Cloud) -> None:
    """After a restart: boot what ran, and finish what was under way."""
    for instance in cloud.instances():
        match instance._state.name:
            case "pending" | "running":
                set_state(instance, "pending")
                cloud.work(instance.id, lambda i=instance: boot(cloud, i))  # type: ignore[misc]
            case "stopping":
                _moto_stop(instance)
            case "shutting-down":
                cloud.work(instance.id, lambda i=instance: _forget(cloud, i))  # type: ignore[misc]
            case _:
                pass
