"""From moto's instance to what a machine needs: a frozen specification and a seed."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from moto.core.types import Base64EncodedString

from provisimus.localcloud.hooks.drawing import rules
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.network import Interface, OpenPorts, open_ports
from provisimus.localcloud.qemu import MachineSpec, Volume
from provisimus.localcloud.seed import Seed


def machine_spec(layout: Layout, instance: Any) -> MachineSpec:
    """The machine that an instance is at this moment."""
    memory, processors = _size(instance.instance_type)
    devices = dict(instance.get_block_device_mapping)
    root = devices.pop(instance.root_device_name)
    return MachineSpec(
        identifier=instance.id,
        memory=memory,
        processors=processors,
        root=volume(layout, root.volume_id),
        data=tuple(volume(layout, devices[name].volume_id) for name in sorted(devices)),
        seed=layout.relative(layout.instance(instance.id) / "seed.iso"),
        console=layout.relative(layout.console(instance.id)),
        interface=interface(instance),
    )


def volume(layout: Layout, identifier: str) -> Volume:
    return Volume(identifier, layout.relative(layout.disk(identifier)))


def interface(instance: Any) -> Interface:
    """Addresses and open ports of an instance's first network interface."""
    nic = instance.nics[0]
    return Interface(
        private_address=nic.private_ip_address,
        subnet=nic.subnet.cidr_block,
        mac=nic.mac_address,
        public_address=nic.public_ip,
        ports=ports(instance).ports,
        identifier=nic.id,
        vpc=nic.subnet.vpc_id,
    )


def ports(instance: Any) -> OpenPorts:
    """What the instance's security groups open."""
    groups = {group.id: group for nic in instance.nics.values() for group in nic.group_set}
    return open_ports(rule for group in groups.values() for rule in rules(group.ingress_rules))


def seed(instance: Any) -> Seed:
    """What the guest is told about itself."""
    return Seed(
        instance=instance.id,
        hostname=f"ip-{instance.private_ip.replace('.', '-')}",
        public_keys=public_keys(instance),
        user_data=user_data(instance.user_data),
    )


def user_data(given: Any) -> bytes:
    """User data as the caller wrote it, before base64."""
    if given is None:
        return b""
    text = str(given) if isinstance(given, Base64EncodedString | str) else bytes(given).decode()
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return text.encode()


def public_keys(instance: Any) -> tuple[str, ...]:
    """Lines for ``authorized_keys``: the instance's key pair, if it has one."""
    if not instance.key_name:
        return ()
    public = instance.ec2_backend.describe_key_pairs([instance.key_name])[0].material_public
    return ((public.decode() if isinstance(public, bytes) else str(public)).strip(),)


@cache
def _size(instance_type: str) -> tuple[int, int]:
    """Memory in MiB and processors of an instance type; those of t3.small where it is unknown."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    known = INSTANCE_TYPES.get(instance_type) or {}
    memory = known.get("MemoryInfo", {}).get("SizeInMiB", 2048)
    processors = known.get("VCpuInfo", {}).get("DefaultVCpus", 2)
    return int(memory), int(processors)
