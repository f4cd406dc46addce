"""One machine as QEMU's argument list. Pure: nothing is started or read here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provisimus.localcloud.acceleration import Acceleration
from provisimus.localcloud.metadata.frames import GUEST_MAC
from provisimus.localcloud.network import Interface

UNPRIVILEGED = 64801
"""User and group that QEMU runs as when we are root: nobody's, so only its own disks are its."""

MOST_MEMORY = 2048
"""MiB; however large the instance type, all machines share this computer."""
LEAST_MEMORY = 256
MOST_PROCESSORS = 2


@dataclass(frozen=True)
class Volume:
    """A volume that a machine has: its id and its disk, named relative to the directory."""

    identifier: str
    file: str


@dataclass(frozen=True)
class MachineSpec:
    """All that decides how a machine is started."""

    identifier: str
    memory: int
    processors: int
    root: Volume
    data: tuple[Volume, ...]
    seed: str
    console: str
    interface: Interface

    def with_data(self, data: tuple[Volume, ...]) -> MachineSpec:
        return replace(self, data=data)


def serial_number(volume: str) -> str:
    """The disk's serial: the volume's id without its dash, as EBS has it; 20 characters at most."""
    return volume.replace("-", "")[:20]


def node_name(volume: str) -> str:
    """QEMU's name of a volume's block node, and (with ``dev-``) of its device."""
    return serial_number(volume)


def block_options(volume: Volume) -> dict[str, object]:
    """A volume's disk for ``blockdev-add``.

    ``no-flush``: QEMU still writes everything to the kernel when the guest flushes, so a killed
    machine loses nothing; only the wait for the platter, useless in a rehearsal, is left out.
    """
    return {
        "driver": "qcow2",
        "node-name": node_name(volume.identifier),
        "discard": "unmap",
        "cache": {"direct": False, "no-flush": True},
        "file": {"driver": "file", "filename": volume.file, "discard": "unmap"},
    }


def device_options(volume: Volume) -> dict[str, object]:
    """A volume's device for ``device_add``: NVMe, as on AWS's current instance types."""
    name = node_name(volume.identifier)
    return {"driver": "nvme", "id": f"dev-{name}", "drive": name, "serial": serial_number(name)}


def drop_privileges(
    groups: tuple[int, ...], user: int = UNPRIVILEGED, kept: tuple[str, ...] = ("net_bind_service",)
) -> tuple[str, ...]:
    """The prefix with which root starts QEMU as nobody, still able to bind ports below 1024.

    Or another program as another user, with the capabilities ``kept``.
    """
    capabilities = ",".join(("-all", *(f"+{each}" for each in kept)))
    return (
        "setpriv", f"--reuid={user}", f"--regid={user}",
        f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups",
        f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}",
        f"--bounding-set={capabilities}", "--no-new-privs", "--pdeathsig=KILL", "--",
    )  # fmt: skip


def machine_arguments(
    spec: MachineSpec,
    acceleration: Acceleration,
    netdev: str,
    monitor: int,
    metadata: int,
    host_processors: int,
) -> tuple[str, ...]:
    """QEMU's arguments. ``netdev`` is the network (``networks/plug.py``).

    The descriptors are of connected sockets. One speaks QMP (``monitor``), at the other the
    metadata service answers (``metadata``).
    """
    processors = max(1, min(spec.processors, MOST_PROCESSORS, host_processors))
    disks: list[str] = []
    for index, volume in enumerate((spec.root, *spec.data)):
        disks += ["-blockdev", _flat(block_options(volume))]
        boot = ",bootindex=0" if index == 0 else ""
        disks += ["-device", _comma(device_options(volume)) + boot]
    return (
        "qemu-system-x86_64", "-name", spec.identifier, "-nodefaults", "-no-user-config",
        *acceleration.arguments,
        "-m", str(max(LEAST_MEMORY, min(spec.memory, MOST_MEMORY))), "-smp", str(processors),
        "-display", "none", "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny",
        *disks,
        "-drive", f"file={spec.seed},if=virtio,format=raw,readonly=on",
        "-netdev", netdev,
        "-device", f"virtio-net-pci,netdev=net0,mac={spec.interface.mac},romfile=",
        "-device", "virtio-rng-pci",
        # Last, so that nothing else has another place on the bus for it.
        "-netdev", f"socket,id=metadata,fd={metadata}",
        "-device", f"virtio-net-pci,netdev=metadata,mac={GUEST_MAC},romfile=",
        "-chardev", f"file,id=console,path={spec.console},append=on", "-serial", "chardev:console",
        "-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control",
    )  # fmt: skip


def _comma(options: dict[str, object]) -> str:
    driver = options["driver"]
    rest = [f"{key}={value}" for key, value in options.items() if key != "driver"]
    return ",".join([str(driver), *rest])


def _flat(options: dict[str, object], prefix: str = "") -> str:
    parts: list[str] = []
    for key, value in options.items():
        if isinstance(value, dict):
            parts.append(_flat(value, f"{prefix}{key}."))
        elif isinstance(value, bool):
            parts.append(f"{prefix}{key}={'on' if value else 'off'}")
        else:
            # A comma ends an option; doubled it is itself.
            parts.append(f"{prefix}{key}={str(value).replace(',', ',,')}")
    return ",".join(parts)
