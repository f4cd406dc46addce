"""The life of machines: start, stop, kill, attach, detach, and noticing when one ends by itself.

Knows QEMU and files, not EC2: states, ids and who is allowed what belong to ``hooks/``. Every
method blocks until it is done; callers keep one worker per machine.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

from provisimus.localcloud import silence
from provisimus.localcloud.acceleration import KVM, Acceleration
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.held import HeldDisks
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.metadata.tcp import Answer
from provisimus.localcloud.metadata.wire import Wire
from provisimus.localcloud.network import Interface
from provisimus.localcloud.networks import user_mode
from provisimus.localcloud.networks.plug import MakePlug, Plug
from provisimus.localcloud.processes import Command, Nursery, end
from provisimus.localcloud.qemu import (
    UNPRIVILEGED,
    MachineSpec,
    Volume,
    block_options,
    device_options,
    drop_privileges,
    machine_arguments,
    node_name,
)
from provisimus.localcloud.qmp import Monitor, MonitorError

log = logging.getLogger(__name__)

GRACE = 30.0
"""Seconds that a guest has to power down by itself before it is switched off."""
_UNPLUG = 20.0

OnEnd = Callable[[str, int], None]
"""Told a machine's id and exit code when it ended without having been asked to."""
Metadata = Callable[[str, bytes], Answer | None]
"""Given a machine's id and what it asks its metadata service: the answer (``metadata/tcp.py``)."""


@dataclass
class _Machine:
    spec: MachineSpec
    process: subprocess.Popen[bytes]
    monitor: Monitor
    plug: Plug
    ending: bool = False
    nodes: dict[str, list[str]] = field(default_factory=dict)
    """Per volume, its layers since the start, the newest last."""
    held: dict[str, list[str]] = field(default_factory=dict)
    """Per volume, the names under which QEMU has its layers open."""
    hangs: bool = False
    silence: silence.Silence = field(default_factory=lambda: silence.Silence(time.monotonic()))


class Machines:
    """All machines that run. Files are handed to the unprivileged user that QEMU runs as."""

    def __init__(
        self,
        nursery: Nursery,
        layout: Layout,
        acceleration: Callable[[], Acceleration],
        on_end: OnEnd,
        metadata: Metadata,
        plug: MakePlug = user_mode.plug,
    ) -> None:
        self._nursery = nursery
        self._layout = layout
        self._acceleration = acceleration
        self._on_end = on_end
        self._metadata = metadata
        self._plug = plug
        self._running: dict[str, _Machine] = {}
        self._held = HeldDisks(layout)

    @staticmethod
    def owner() -> tuple[int, int] | None:
        """User and group that must own disks, or None where machines run as ourselves."""
        return (UNPRIVILEGED, UNPRIVILEGED) if os.geteuid() == 0 else None

    def start(self, spec: MachineSpec) -> None:
        """Start a machine; returns when QEMU runs it. Raises LocalCloudError."""
        if spec.identifier in self._running:
            raise LocalCloudError(f"{spec.identifier} runs already")
        plug = self._plug(spec.interface)
        volumes = [self._held.hold_volume(each) for each in (spec.root, *spec.data)]
        held = {each.identifier: [each.file] for each in volumes}
        spec = replace(spec, root=volumes[0], data=tuple(volumes[1:]))
        ours, theirs = socket.socketpair()
        wire, guests_end = socket.socketpair()
        folder = self._layout.instance(spec.identifier)
        acceleration = self._acceleration()
        arguments = machine_arguments(
            *(spec, acceleration, plug.argument, theirs.fileno(), guests_end.fileno()),
            host_processors=os.cpu_count() or 1,
        )
        if self.owner() is not None:
            groups = (KVM.stat().st_gid,) if acceleration.name == "kvm" else ()
            arguments = (*drop_privileges(groups), *arguments)
            self._hand_over(folder)
        console_before = (self._layout.root / spec.console).stat().st_size
        log.info("start %s: %s", spec.identifier, " ".join(arguments))
        errors = folder / "qemu.log"
        try:
            process = self._nursery.start(
                Command(
                    *(arguments, self._layout.root, errors),
                    keep_descriptors=(theirs.fileno(), guests_end.fileno(), *plug.descriptors),
                )
            )
        except OSError as error:
            ours.close()
            wire.close()
            self._held.let_go(each.file for each in volumes)
            plug.unplug()
            raise LocalCloudError(
                f"QEMU cannot be started: {error}", "install qemu-system-x86"
            ) from error
        finally:
            theirs.close()
            guests_end.close()
            for descriptor in plug.descriptors:
                os.close(descriptor)
        Wire(wire, spec.identifier, partial(self._metadata, spec.identifier))
        machine = _Machine(spec, process, Monitor(ours), plug, held=held)
        try:
            machine.monitor.greet(timeout=30)
        except MonitorError as error:
            end(process, 1)
            self._held.let_go(each.file for each in volumes)
            plug.unplug()
            said = errors.read_text(errors="replace").strip().splitlines()[-3:]
            raise LocalCloudError(
                f"QEMU did not start: {' | '.join(said) or error.what}"
            ) from error
        self._running[spec.identifier] = machine
        for name, watch, given in (
            ("watch", self._await_end, (machine,)),
            ("words", self._await_words, (machine, console_before)),
        ):
            threading.Thread(
                target=watch, args=given, name=f"{name}-{spec.identifier}", daemon=True
            ).start()

    def stop(self, identifier: str, grace: float = GRACE) -> bool:
        """Power a machine down through ACPI, or switch it off after ``grace`` seconds.

        Returns whether the guest went down by itself. A machine that does not run is down.
        """
        machine = self._running.get(identifier)
        if machine is None:
            return True
        machine.ending = True
        by_itself = grace > 0 and self._power_down(machine, grace)
        if not by_itself:
            end(machine.process, 2)
        machine.process.wait()
        self._running.pop(identifier, None)
        machine.monitor.close()
        return by_itself

    def kill(self, identifier: str) -> bool:
        """End a machine as when its host fails: at once, and nobody asked. False for none."""
        machine = self._running.get(identifier)
        if machine is None:
            return False
        machine.process.kill()
        return True

    def hang(self, identifier: str, *, on: bool) -> bool:
        """Hold a machine still, as one that hangs, or let it go on. False for none.

        Raises LocalCloudError.
        """
        machine = self._running.get(identifier)
        if machine is None:
            return False
        machine.monitor.execute("stop" if on else "cont")
        machine.hangs = on
        return True

    def hangs(self, identifier: str) -> bool:
        machine = self._running.get(identifier)
        return machine is not None and machine.hangs

    def is_running(self, identifier: str) -> bool:
        machine = self._running.get(identifier)
        return machine is not None and machine.process.poll() is None

    def await_word(self, identifier: str, wanted: Callable[[], bool]) -> None:
        """Wait until the guest speaks on its console, or never will; or nobody wants it any more.

        Whether it did is told by ``has_spoken``.
        """
        machine = self._running.get(identifier)
        while machine is not None and not machine.silence.over and wanted():
            if machine.process.poll() is not None:
                return
            time.sleep(silence.PERIOD)

    def has_spoken(self, identifier: str) -> bool:
        """Whether the guest said anything on its console since it was switched on."""
        machine = self._running.get(identifier)
        return machine is not None and machine.silence.spoke

    def running(self) -> tuple[str, ...]:
        return tuple(self._running)

    def pid(self, identifier: str) -> int | None:
        machine = self._running.get(identifier)
        return machine.process.pid if machine else None

    def attach(self, identifier: str, volume: Volume) -> None:
        """Plug a volume into a running machine. Raises LocalCloudError."""
        machine = self._machine(identifier)
        volume = self._held.hold_volume(volume)
        try:
            machine.monitor.execute("blockdev-add", block_options(volume))
            try:
                machine.monitor.execute("device_add", device_options(volume))
            except MonitorError:
                node = node_name(volume.identifier)
                machine.monitor.execute("blockdev-del", {"node-name": node})
                raise
        except MonitorError:
            self._held.let_go([volume.file])
            raise
        machine.held[volume.identifier] = [volume.file]
        machine.spec = machine.spec.with_data((*machine.spec.data, volume))

    def detach(self, identifier: str, volume: str) -> None:
        """Unplug a volume once the guest lets go. Raises LocalCloudError if it does not."""
        machine = self._machine(identifier)
        device = f"dev-{node_name(volume)}"
        for _try in range(3):
            try:
                machine.monitor.execute("device_del", {"id": device})
            except MonitorError as error:
                if "already in the process of unplug" not in error.what:
                    raise
            if machine.monitor.wait_event(
                lambda e: e["event"] == "DEVICE_DELETED" and e["data"].get("device") == device,
                _UNPLUG / 3,
            ):
                break
        else:
            raise LocalCloudError(
                f"the guest of {identifier} did not release {volume} within {_UNPLUG:.0f} s",
                "unmount it there first",
            )
        for node in reversed(machine.nodes.pop(volume, [node_name(volume)])):
            # Overlays go with the device; only what was added by name must be removed by name.
            with contextlib.suppress(MonitorError):
                machine.monitor.execute("blockdev-del", {"node-name": node})
        self._held.let_go(machine.held.pop(volume, []))
        kept = tuple(v for v in machine.spec.data if v.identifier != volume)
        machine.spec = machine.spec.with_data(kept)

    def switch_to_overlays(self, identifier: str, files: Mapping[str, str]) -> None:
        """Have a running machine go on writing volumes in new overlays. Raises LocalCloudError.

        ``files`` names each volume's overlay, which exists and names its base already. QEMU
        changes over for all at once, with nothing in flight (its command ``transaction``).
        """
        machine = self._machine(identifier)
        actions, grown = [], {}
        held = {volume: self._held.hold(file) for volume, file in files.items()}
        for volume, file in held.items():
            machine.held.setdefault(volume, []).append(file)
            nodes = machine.nodes.setdefault(volume, [node_name(volume)])
            grown[volume] = f"{node_name(volume)}.{len(nodes)}"
            actions.append(
                {
                    "type": "blockdev-snapshot-sync",
                    "data": {
                        "node-name": nodes[-1],
                        "snapshot-file": file,
                        "snapshot-node-name": grown[volume],
                        "format": "qcow2",
                        "mode": "existing",
                    },
                }
            )
        machine.monitor.execute("transaction", {"actions": actions})
        for volume, overlay in grown.items():
            machine.nodes[volume].append(overlay)

    def set_interface(self, identifier: str, interface: Interface) -> None:
        """In user mode: open and close ports of a running machine.

        Raises LocalCloudError when one is taken.
        """
        machine = self._running.get(identifier)
        if machine is None:
            return
        for command in user_mode.forward_changes(machine.spec.interface, interface):
            machine.monitor.human(command)
        machine.spec = replace(machine.spec, interface=interface)

    def _machine(self, identifier: str) -> _Machine:
        machine = self._running.get(identifier)
        if machine is None:
            raise LocalCloudError(f"{identifier} does not run")
        return machine

    def _power_down(self, machine: _Machine, grace: float) -> bool:
        # A guest that is still booting does not hear the button, so it is pressed again.
        pressed = 0.0
        while pressed < grace:
            try:
                machine.monitor.execute("system_powerdown")
            except MonitorError:
                break
            try:
                machine.process.wait(5)
                return True
            except subprocess.TimeoutExpired:
                pressed += 5
        return machine.process.poll() is not None

    def _await_words(self, machine: _Machine, before: int) -> None:
        """``before`` is the size of its console before it was started."""
        console = self._layout.root / machine.spec.console
        looks = 0
        try:
            while not machine.silence.over and not machine.ending:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    machine.process.wait(silence.PERIOD)
                    return
                looks += 1
                spoke = console.stat().st_size > before
                ask = not spoke and looks % silence.READS_EVERY == 0
                reads = _blocks_read(machine.monitor) if ask else None
                if machine.silence.look(time.monotonic(), spoke, reads):
                    log.warning("%s does nothing: it is reset", machine.spec.identifier)
                    machine.monitor.execute("system_reset")
        except (MonitorError, OSError) as error:
            log.info("%s is not watched any more: %s", machine.spec.identifier, error)
        finally:
            machine.silence.over = True  # whoever awaits a word waits no longer

    def _await_end(self, machine: _Machine) -> None:
        code = machine.process.wait()
        self._held.let_go(chain(*machine.held.values()))
        machine.plug.unplug()
        if machine.ending:
            return
        if self._running.pop(machine.spec.identifier, None) is not None:
            log.info("%s ended by itself with code %s", machine.spec.identifier, code)
            self._on_end(machine.spec.identifier, code)

    def _hand_over(self, folder: Path) -> None:
        for path in (self._layout.root, self._layout.disks, self._layout.instances, folder):
            path.chmod(path.stat().st_mode | 0o011)
        for path in (folder, *folder.iterdir()):
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)


def _blocks_read(monitor: Monitor) -> int:
    """How often the guest has read from its disks. Raises MonitorError."""
    return sum(each["stats"]["rd_operations"] for each in monitor.execute("query-blockstats"))
