"""How fast QEMU may run guests here, found out by trying and remembered.

/dev/kvm may exist, open and still hang a guest at its kernel, with no error. It is therefore
trusted only after a guest's kernel has spoken on the serial line within a deadline.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.processes import Command, Nursery, end

KVM = Path("/dev/kvm")
BOARD = "pc,usb=off"
_DEADLINE = 12.0
"""Seconds within which an accelerated kernel must speak; a working one needs less than two."""


@dataclass(frozen=True)
class Acceleration:
    """The choice, and why."""

    name: str
    cpu: str
    why: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """QEMU's arguments for it."""
        if self.name == "kvm":
            return ("-machine", BOARD, "-accel", "kvm", "-cpu", self.cpu)
        # Nehalem is twice as fast to emulate as "max"; the default translation cache of 1 GB
        # would be resident memory of every guest. Without a PIT, Linux measures its clock's rate by
        # the HPET alone. Where the two differ, it trusts the PIT, which a busy computer makes count
        # too little: clocks ran three times too fast then, and every patience was over too soon
        # (pit_hpet_ptimer_calibrate_cpu, "In doubt, we use the PIT value"). Even so the rate is a
        # guess, so the base tells the time by the HPET itself (``bases/debian.py``).
        tcg = "tcg,thread=multi,tb-size=512"
        return ("-machine", f"{BOARD},pit=off", "-accel", tcg, "-cpu", self.cpu)


def emulated(why: str) -> Acceleration:
    return Acceleration("tcg", "Nehalem", why)


def remembered(path: Path) -> Acceleration | None:
    """What an earlier probe found, or None; a /dev/kvm that came or went asks for a new probe."""
    try:
        stored = json.loads(path.read_text())
        answer = Acceleration(stored["name"], stored["cpu"], stored["why"])
        return answer if stored["kvm"] == _identity() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(path: Path, answer: Acceleration) -> None:
    path.write_text(json.dumps({**asdict(answer), "kvm": _identity()}))


def quick_answer() -> Acceleration | None:
    """The answer where none has to be tried."""
    if not KVM.exists():
        return emulated("/dev/kvm is not there")
    if not os.access(KVM, os.R_OK | os.W_OK):
        return emulated("/dev/kvm may not be opened; is the user in the group kvm?")
    return None


def probe(nursery: Nursery, kernel: Path, scratch: Path) -> Acceleration:
    """Start a kernel under KVM and listen for its kernel. Blocks for up to twelve seconds."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        serial = Path(folder) / "serial"
        try:
            process = nursery.start(Command(_probe_arguments(kernel, serial)))
        except OSError as error:
            raise LocalCloudError(
                f"QEMU cannot be started: {error}", "install qemu-system-x86"
            ) from error
        try:
            spoke = _listen(process, serial)
        finally:
            end(process, 0.5)
    if spoke:
        return Acceleration("kvm", "host", f"a guest's kernel spoke after {spoke:.1f} s under KVM")
    return emulated(f"/dev/kvm is there, but no guest's kernel spoke within {_DEADLINE:.0f} s")


def _probe_arguments(kernel: Path, serial: Path) -> tuple[str, ...]:
    return (
        "qemu-system-x86_64", "-nodefaults", "-machine", "pc", "-accel", "kvm", "-cpu", "host",
        "-m", "256", "-display", "none", "-no-reboot", "-serial", f"file:{serial}",
        "-kernel", str(kernel), "-append", "console=ttyS0",
    )  # fmt: skip


def _listen(process: subprocess.Popen[bytes], serial: Path) -> float | None:
    """Seconds until something but the boot loader was heard."""
    began = time.monotonic()
    while time.monotonic() - began < _DEADLINE and process.poll() is None:
        if serial.exists() and b"Linux" in serial.read_bytes():
            return time.monotonic() - began
        time.sleep(0.1)
    return None


def _identity() -> list[int] | None:
    try:
        found = KVM.stat()
    except OSError:
        return None
    return [found.st_rdev, found.st_mode]
