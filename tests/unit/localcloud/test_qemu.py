"""A machine as an argument list, whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from provisimus.localcloud.acceleration import Acceleration
from provisimus.localcloud.network import Interface
from provisimus.localcloud.qemu import (
    MachineSpec,
    Volume,
    block_options,
    device_options,
    drop_privileges,
    machine_arguments,
    serial_number,
)

NETWORK = "tap,id=net0,fd=9"
TCG = Acceleration("tcg", "Nehalem", "")
SPEC = MachineSpec(
    identifier="i-1",
    memory=1024,
    processors=2,
    root=Volume("vol-0123456789abcdef0", "disks/vol-0123456789abcdef0.qcow2"),
    data=(),
    seed="instances/i-1/seed.iso",
    console="instances/i-1/console.log",
    interface=Interface("10.0.0.5", "10.0.0.0/24", "02:00:00:00:00:01", None, ()),
)


def option(arguments: tuple[str, ...], name: str) -> list[str]:
    return [value for key, value in pairwise(arguments) if key == name]


def test_a_machine_emulated():
    assert machine_arguments(SPEC, TCG, NETWORK, 7, 8, 2) == (
        "qemu-system-x86_64", "-name", "i-1", "-nodefaults", "-no-user-config",
        "-machine", "pc,usb=off,pit=off", "-accel", "tcg,thread=multi,tb-size=512",
        "-cpu", "Nehalem",
        "-m", "1024", "-smp", "2", "-display", "none",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny",
        "-blockdev",
        ("driver=qcow2,node-name=vol0123456789abcdef0,discard=unmap,cache.direct=off,"
        "cache.no-flush=on,file.driver=file,file.filename=disks/vol-0123456789abcdef0.qcow2,"
        "file.discard=unmap"),
        "-device",
        ("nvme,id=dev-vol0123456789abcdef0,drive=vol0123456789abcdef0,"
        "serial=vol0123456789abcdef0,bootindex=0"),
        "-drive", "file=instances/i-1/seed.iso,if=virtio,format=raw,readonly=on",
        "-netdev", NETWORK,
        "-device", "virtio-net-pci,netdev=net0,mac=02:00:00:00:00:01,romfile=",
        "-device", "virtio-rng-pci",
        "-netdev", "socket,id=metadata,fd=8",
        "-device", "virtio-net-pci,netdev=metadata,mac=02:a9:fe:a9:fe:01,romfile=",
        "-chardev", "file,id=console,path=instances/i-1/console.log,append=on",
        "-serial", "chardev:console",
        "-chardev", "socket,id=monitor,fd=7", "-mon", "chardev=monitor,mode=control",
    )  # fmt: skip


def test_accelerated_it_has_the_hosts_processor():
    arguments = machine_arguments(SPEC, Acceleration("kvm", "host", ""), NETWORK, 7, 8, 2)
    assert option(arguments, "-accel") == ["kvm"]
    assert option(arguments, "-cpu") == ["host"]


def test_all_machines_share_one_computer():
    large = replace(SPEC, memory=65536, processors=16)
    assert option(machine_arguments(large, TCG, NETWORK, 7, 8, 8), "-m") == ["2048"]
    assert option(machine_arguments(large, TCG, NETWORK, 7, 8, 8), "-smp") == ["2"]
    assert option(machine_arguments(large, TCG, NETWORK, 7, 8, 1), "-smp") == ["1"]


def test_only_the_root_is_booted_from():
    arguments = machine_arguments(
        SPEC.with_data((Volume("vol-1", "disks/vol-1.qcow2"),)), TCG, NETWORK, 7, 8, 2
    )
    disks = [device for device in option(arguments, "-device") if device.startswith("nvme")]
    assert [("bootindex=0" in disk) for disk in disks] == [True, False]


def test_a_disks_serial_is_its_volumes_id_without_the_dash():
    assert serial_number("vol-0123456789abcdef0") == "vol0123456789abcdef0"
    assert len(serial_number("vol-0123456789abcdef0")) == 20


def test_plugging_in_takes_a_node_and_a_device():
    volume = Volume("vol-1", "disks/vol-1.qcow2")
    assert block_options(volume)["node-name"] == "vol1"
    assert device_options(volume) == {
        "driver": "nvme", "id": "dev-vol1", "drive": "vol1", "serial": "vol1",
    }  # fmt: skip


def test_root_starts_machines_as_nobody_who_may_bind_low_ports():
    assert drop_privileges(()) == (
        "setpriv", "--reuid=64801", "--regid=64801", "--clear-groups",
        "--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service",
        "--bounding-set=-all,+net_bind_service", "--no-new-privs", "--pdeathsig=KILL", "--",
    )  # fmt: skip
    assert "--groups=104" in drop_privileges((104,))
