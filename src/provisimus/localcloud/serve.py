"""The supervisor: one process that serves the API and answers for everything it started.

The story of a run: take the directory, take the ports, hook moto, restore, boot what ran, serve
until told to stop, power the guests down, save, end every child. Killed at any point, the kernel
ends the children and the next run goes on from the last saved state.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NoReturn

from provisimus.localcloud import VERSION, acceleration
from provisimus.localcloud.acceleration import Acceleration
from provisimus.localcloud.api import Actions, requested_action, with_control
from provisimus.localcloud.bases.build import clean_leftovers, ensure_base
from provisimus.localcloud.bases.recipe import parse_order
from provisimus.localcloud.bridge import remove_bridge
from provisimus.localcloud.callers import from_guest
from provisimus.localcloud.clients import clients_of
from provisimus.localcloud.clock import Clock
from provisimus.localcloud.databases.servers import Servers
from provisimus.localcloud.disks import Disks
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.lifecycle.api import with_lifecycle
from provisimus.localcloud.lifecycle.policies import Policies
from provisimus.localcloud.lifecycle.runner import Runner
from provisimus.localcloud.machines import GRACE, Machines
from provisimus.localcloud.memory import return_what_is_free
from provisimus.localcloud.mishap_layer import with_mishaps
from provisimus.localcloud.networks.networks import Networks
from provisimus.localcloud.objects import Objects
from provisimus.localcloud.pace import minute_from_environment
from provisimus.localcloud.places import take_directory, take_port
from provisimus.localcloud.processes import Nursery
from provisimus.localcloud.services import Services
from provisimus.localcloud.worlds import finish

log = logging.getLogger("provisimus.localcloud")

ACCOUNT = "123456789012"
"""The account that moto takes requests to come from."""


@dataclass(frozen=True)
class Settings:
    """What the command line said."""

    directory: Path
    port: int
    registry_port: int
    region: str

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def run(settings: Settings) -> NoReturn:
    """Serve until told to stop, and end the process. Raises LocalCloudError if it cannot begin."""
    layout = Layout(settings.directory)
    lock = take_directory(layout)
    finish(layout)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    listener = take_port(settings.port)
    return_what_is_free()
    Supervisor(settings, layout, listener).serve()
    lock.close()
    # Everything is saved and ended. To take moto's models apart would take a second.
    logging.shutdown()
    os._exit(0)


class Supervisor:
    """Everything of one running local cloud."""

    def __init__(self, settings: Settings, layout: Layout, listener: socket.socket) -> None:
        # What the caller's environment says to moto is not meant for us: with another account our
        # records would be looked for where they are not, and disks without records are swept.
        for name in [each for each in os.environ if each.startswith("MOTO_")]:
            del os.environ[name]
        os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
        self._settings = settings
        self._layout = layout
        self._nursery = Nursery()
        self._ready = False
        self._over = threading.Event()
        self._deciding = threading.Lock()
        self._choice: Acceleration | None = None
        clean_leftovers(layout)
        remove_bridge(layout.root)
        shutil.rmtree(layout.scratch, ignore_errors=True)
        layout.make()

        # moto reads its settings from the environment when it is imported.
        from provisimus.localcloud.hooks.offerings import read_on_demand

        read_on_demand()
        from provisimus.localcloud.hooks import alarms, balancers, install, scaling
        from provisimus.localcloud.hooks.cloud import Cloud
        from provisimus.localcloud.hooks.databases import chores
        from provisimus.localcloud.hooks.drawing import Drawing
        from provisimus.localcloud.hooks.metadata import MetadataService
        from provisimus.localcloud.state import Saver

        self._saver = Saver(self._save)
        networks = Networks(
            self._nursery, layout, Drawing(ACCOUNT), settings.region,
            (settings.port, settings.registry_port),
        )  # fmt: skip
        machines = Machines(
            self._nursery, layout, self.acceleration, self._machine_ended,
            self._metadata_answer, networks.plug,
        )  # fmt: skip
        self._cloud = Cloud(
            layout, machines, Disks(layout, Machines.owner()), networks,
            Servers(self._nursery, layout), Objects(layout.objects), settings.port, ACCOUNT,
            settings.region, self._saver.changed,
        )  # fmt: skip
        self._metadata = MetadataService(self._cloud)
        install(self._cloud)
        self._balancers = balancers.install(self._cloud, self._nursery)
        self._engine = self._mount_cloudformation()
        minute = minute_from_environment()
        self._keeper = scaling.install(self._cloud, self._engine.cloud.client, minute / 60)
        self._watcher = alarms.install(self._keeper, minute)
        self._policies = Policies(layout.lifecycle, ACCOUNT, settings.region)
        runner = Runner(self._policies, partial(self._engine.cloud.client, "ec2"))
        self._clock = Clock((runner.tick, partial(chores.tick, self._cloud)), self._over)
        self._services = Services(self._nursery, layout, settings.registry_port)
        self._server = self._build_server(listener)

    def serve(self) -> None:
        """Serve until told to stop, then stop everything."""
        for wanted in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wanted, lambda *_: self._over.set())
        try:
            threading.Thread(target=self._try_networks, name="networks", daemon=True).start()
            self._services.start_registry()
            self._restore()
            threading.Thread(target=self._server.serve_forever, name="api", daemon=True).start()
            self._ready = True
            self._keeper.start()
            self._watcher.start()
            self._clock.start()
            log.info("ready: %s", self._settings.endpoint)
            # Any thread may get a signal (signal(7)); it is handled when this one is awake.
            while not self._over.wait(1):
                pass
        finally:
            self._stop()

    def acceleration(self) -> Acceleration:
        """How machines are run: remembered, or found out now."""
        with self._deciding:
            if self._choice is None:
                self._choice = self._decide()
            return self._choice

    def _try_networks(self) -> None:
        """Find out what this computer can do, while the rest starts."""
        log.info("networks: %s", self._cloud.networks.unavailable or "a namespace per VPC")

    def _decide(self) -> Acceleration:
        quick = acceleration.quick_answer() or acceleration.remembered(self._layout.acceleration)
        if quick is not None:
            return quick
        kernel = next(iter(self._layout.bases.glob("*.vmlinuz")), None)
        if kernel is None:
            return acceleration.emulated("no kernel is here yet to try /dev/kvm with")
        answer = acceleration.probe(self._nursery, kernel, self._layout.scratch)
        acceleration.remember(self._layout.acceleration, answer)
        log.info("acceleration: %s, %s", answer.name, answer.why)
        return answer

    def _mount_cloudformation(self) -> Any:
        from provisimus.localcloud.cloudformation import mount

        client = clients_of(self._settings.endpoint, self._settings.region)
        engine = mount(client, self._settings.region, ACCOUNT)
        engine.cloud.no_networks = lambda: self._cloud.networks.unavailable
        engine.on_change = self._saver.changed
        return engine

    def _build_server(self, listener: socket.socket) -> Any:
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        class QuietHandler(MotoRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_request(self, *args: Any) -> None:
                pass

        mishaps = self._cloud.mishaps
        actions = Actions(
            status=self._status,
            make_base=self._make_base,
            console=self._console,
            docker=self._services.docker,
            shutdown=self._over.set,
            from_guest=self._from_guest,
            mishaps=mishaps,
            kill=self._cloud.machines.kill,
            hang=lambda identifier, on: self._cloud.machines.hang(identifier, on=on),
            expose=self._cloud.networks.expose,
            tunnel=self._tunnel,
            at=self._clock.tell,
        )
        moto = DomainDispatcherApplication(create_backend_app)
        # It looks through the folders of all its services at every call.
        moto.get_backend_for_host = lru_cache(1024)(moto.get_backend_for_host)  # type: ignore[method-assign]
        aws = with_mishaps(
            mishaps, requested_action, self._over,
            with_lifecycle(self._policies, self._settings.region, moto),
        )  # fmt: skip
        application = with_control(actions, aws, self._changed)
        return make_server(
            "127.0.0.1", self._settings.port, application, threaded=True,
            request_handler=QuietHandler, fd=listener.fileno(),
        )  # fmt: skip

    def _make_base(self, body: Any, say: Callable[[str], None]) -> str:
        from provisimus.localcloud.hooks.images import register_base

        order = parse_order(body)
        disk = ensure_base(self._nursery, self._layout, order.recipe, say)
        with self._deciding:
            self._choice = None  # a kernel to try with may have come
        self.acceleration()
        return register_base(self._cloud, order, disk)

    def _metadata_answer(self, identifier: str, data: bytes) -> Any:
        return self._metadata.exchange(identifier, data)

    def _from_guest(self, peer_port: int) -> bool:
        if self._cloud.networks.carries(peer_port):
            return True
        processes = (self._cloud.machines.pid(i) for i in self._cloud.machines.running())
        return from_guest(peer_port, self._settings.port, [pid for pid in processes if pid])

    def _tunnel(self, identifier: str, port: int) -> int | None:
        instance = next((i for i in self._cloud.instances() if i.id == identifier), None)
        if instance is None or not self._cloud.machines.is_running(identifier):
            return None
        nic = instance.nics[0]
        return self._cloud.networks.tunnel(nic.id, nic.private_ip_address, port)

    def _console(self, identifier: str) -> str | None:
        from provisimus.localcloud.hooks.console import read_console

        known = any(instance.id == identifier for instance in self._cloud.instances())
        return read_console(self._cloud, identifier) if known else None

    def _status(self) -> dict[str, Any]:
        from provisimus.localcloud.hooks.databases.life import told
        from provisimus.localcloud.hooks.images import bases

        choice = self._choice or acceleration.remembered(self._layout.acceleration)
        return {
            "ready": self._ready,
            "saved": self._saver.saved,
            "pid": os.getpid(),
            "version": VERSION,
            "endpoint": self._settings.endpoint,
            "region": self._settings.region,
            "account": ACCOUNT,
            "directory": str(self._layout.root),
            "acceleration": {
                "name": choice.name if choice else "unknown",
                "cpu": choice.cpu if choice else "unknown",
                "why": choice.why if choice else "not tried yet",
            },
            "networks": self._cloud.networks.unavailable or "a namespace per VPC",
            "services": self._services.status(),
            "instances": [
                {
                    "id": instance.id,
                    "state": instance.state,
                    "public_ip": instance.public_ip,
                    "private_ip": instance.private_ip,
                    "pid": self._cloud.machines.pid(instance.id),
                    "console": str(self._layout.console(instance.id)),
                }
                for instance in self._cloud.instances()
                if instance.state != "terminated"
            ],
            "databases": told(self._cloud),
            "balancers": self._balancers.status(),
            "bases": bases(self._cloud),
        }

    def _changed(self) -> None:
        from provisimus.localcloud.hooks.network import apply

        apply(self._cloud)
        self._balancers.wake()
        self._saver.changed()

    def _machine_ended(self, identifier: str, code: int) -> None:
        from provisimus.localcloud.hooks.instances import ended_by_itself

        if not self._over.is_set():
            ended_by_itself(self._cloud, identifier, code)
            self._saver.changed()

    def _save(self) -> None:
        from provisimus.localcloud.hooks.buckets import contents
        from provisimus.localcloud.state import save_backends

        if not self._ready:
            return
        with self._cloud.changes:
            self._cloud.objects.save(
                lambda: save_backends(self._layout.state), lambda: contents(self._cloud)
            )
        temporary = self._layout.cloudformation.with_suffix(".next")
        temporary.write_text(self._engine.save())
        temporary.replace(self._layout.cloudformation)

    def _restore(self) -> None:
        from provisimus.localcloud.hooks.buckets import resume as resume_buckets
        from provisimus.localcloud.hooks.databases.life import resume as resume_databases
        from provisimus.localcloud.hooks.instances import resume
        from provisimus.localcloud.hooks.volumes import sweep
        from provisimus.localcloud.hooks.vpc.networks import equip_default_vpc
        from provisimus.localcloud.state import restore_backends

        if not restore_backends(self._layout.state):
            return
        if self._layout.cloudformation.exists():
            try:
                self._engine.restore(json.loads(self._layout.cloudformation.read_text()))
            except Exception:
                log.exception("the stacks cannot be restored; their file is kept")
                self._layout.cloudformation.rename(
                    self._layout.cloudformation.with_suffix(".unreadable")
                )
        for backend in self._cloud.backends():
            equip_default_vpc(backend)
        sweep(self._cloud)
        resume(self._cloud)
        resume_databases(self._cloud)
        self._balancers.resume()
        resume_buckets(self._cloud)

    def _stop(self) -> None:
        """Power down guests side by side, save, end the services."""
        self._over.set()
        self._keeper.stop()
        self._watcher.stop()
        log.info("stopping")
        running = self._cloud.machines.running()
        with ThreadPoolExecutor(max(1, len(running))) as each:
            list(each.map(lambda i: self._cloud.machines.stop(i, GRACE), running))
        self._server.shutdown() if self._ready else None
        self._cloud.servers.stop_all()
        self._balancers.stop()
        self._saver.flush()
        self._services.stop()
        self._cloud.networks.close()
        log.info("stopped")
