"""A machine that runs reads through its layers what it wrote before them, however often it is
snapshot. QEMU alone, with no guest: its monitor writes to and reads from the devices.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisimus.localcloud.acceleration import Acceleration
from provisimus.localcloud.disks import Disks
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.machines import Machines
from provisimus.localcloud.network import Interface
from provisimus.localcloud.processes import Nursery
from provisimus.localcloud.qemu import MachineSpec, Volume

ROOT, DATA = "vol-00000000000000001", "vol-00000000000000002"


class Bench:
    """One machine with a root and a data volume."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)
        self.layout.make()
        self.disks = Disks(self.layout, Machines.owner())
        self.machines = Machines(
            *(Nursery(), self.layout, lambda: Acceleration("tcg", "Nehalem", "")),
            *(lambda *_: None, lambda *_: None),
        )
        for volume in (ROOT, DATA):
            self.disks.create_blank(volume, 1)
        home = self.layout.instance("i-1")
        home.mkdir()
        for name in ("seed.iso", "console.log"):
            (home / name).write_bytes(bytes(1024 * 1024))
        self.machines.start(
            MachineSpec(
                *("i-1", 256, 1, self.volume(ROOT), (self.volume(DATA),)),
                *("instances/i-1/seed.iso", "instances/i-1/console.log"),
                Interface("172.31.0.4", "172.31.0.0/20", "02:00:00:00:00:01", None, ()),
            )
        )

    def volume(self, identifier: str) -> Volume:
        return Volume(identifier, self.layout.relative(self.layout.disk(identifier)))

    def io(self, volume: str, command: str) -> None:
        device = f"dev-{volume.replace('-', '')}"
        self.machines._machine("i-1").monitor.human(f'qemu-io -d {device} "{command}"')

    def snapshot(self, number: int, *volumes: str) -> None:
        files = {
            each: self.layout.relative(self.disks.begin_snapshot(each, f"snap-{number}-{each}"))
            for each in volumes
        }
        self.machines.switch_to_overlays("i-1", files)

    @property
    def said(self) -> str:
        return (self.layout.instance("i-1") / "qemu.log").read_text()

    @property
    def held(self) -> list[str]:
        return sorted(path.name for path in self.layout.disks.glob("*.held"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "cloud")
    yield made
    made.machines.stop("i-1", grace=0)


def test_what_was_written_before_each_snapshot_is_read_after_it(bench: Bench) -> None:
    for number in range(4):
        for volume in (ROOT, DATA):
            bench.io(volume, f"write -P 0x{number + 1:x}1 {number}M 64k")
        bench.snapshot(number, *([ROOT, DATA] if number % 2 else [DATA]))
    for number in range(4):
        for volume in (ROOT, DATA):
            bench.io(volume, f"read -P 0x{number + 1:x}1 {number}M 64k")
    assert bench.said.count("read 65536/65536 bytes") == 8
    assert "Pattern verification failed" not in bench.said


def test_names_that_a_machine_held_go_with_it(bench: Bench) -> None:
    bench.snapshot(0, DATA)
    assert len(bench.held) == 3
    [watch] = [each for each in threading.enumerate() if each.name == "watch-i-1"]
    bench.machines.stop("i-1", grace=0)
    watch.join(10)
    assert bench.held == []
