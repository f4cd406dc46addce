"""The systemd units and settings that make a machine start its service. Pure text.

What the units run stands in ``scripts/machine/``; how they get on the disk in ``staging.py``.
"""

from __future__ import annotations

import json
import shlex

from provisimus.ondisk.places import RUNTIME
from provisimus.workspace.definitions.machine import Health, HealthAnswer, Machine

LIBRARY = "/usr/local/lib/provisimus"

# cloud-init writes the stack's files in its network stage; from 24.3 on that unit has a new name.
# Its later stages come after multi-user.target: waiting for them would be a cycle.
USER_DATA_WRITTEN = "cloud-init.service cloud-init-network.service"

# Without the default dependencies multi-user.target does not wait for these units, so a machine
# whose volume never comes still finishes booting. They must say themselves what those would say.
OUTSIDE_OF_BOOT = """\
DefaultDependencies=no
Requires=sysinit.target
After=sysinit.target basic.target
Conflicts=shutdown.target
Before=shutdown.target
"""

# What these units say goes to the serial console too: it is all that is left of a machine that gave
# way to another, and what `stack diagnose` shows.
ON_THE_CONSOLE = "StandardOutput=journal+console\n"

BOOTSTRAP = f"""\
[Unit]
Description=The containers of /bootstrap/docker-compose.yml
{OUTSIDE_OF_BOOT}Requires=docker.service
After=docker.service {USER_DATA_WRITTEN}
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={LIBRARY}/bootstrap
Restart=on-failure
RestartSec=5
TimeoutStartSec=300
SyslogIdentifier=provisimus-bootstrap
{ON_THE_CONSOLE}
[Install]
WantedBy=multi-user.target
"""

VOLUMES = f"""\
[Unit]
Description=The data volumes of this machine
{OUTSIDE_OF_BOOT}After=systemd-udevd.service {USER_DATA_WRITTEN}
Before=docker.service provisimus-bootstrap.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={LIBRARY}/volumes mount
ExecStop={LIBRARY}/volumes unmount
TimeoutStartSec=infinity
SyslogIdentifier=provisimus-volumes
{ON_THE_CONSOLE}
# The engine starts by itself what ran before, and must not before the data is there. As a link made
# when the unit is enabled, at the end of the bake, this does not hold the engine while baking.
[Install]
WantedBy=multi-user.target
RequiredBy=docker.service
"""


CONTAINERS = f"""\
[Unit]
Description=Are the containers healthy that have a health check?
After=provisimus-bootstrap.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={LIBRARY}/containers
TimeoutStartSec=infinity
SyslogIdentifier=provisimus-containers
{ON_THE_CONSOLE}
[Install]
WantedBy=multi-user.target
"""

TELLING = 60
"""Seconds that `health` gives the stack's wishes after the answer is known."""

ANSWER = f"""\
[Unit]
Description=Tell over HTTP whether the service of this machine is healthy
CollectMode=inactive-or-failed

[Service]
ExecStart=-{LIBRARY}/answer
StandardInput=socket
StandardOutput=socket
StandardError=journal
User=daemon
RuntimeMaxSec=10
SyslogIdentifier=provisimus-answer
"""


def units(machine: Machine) -> dict[str, str]:
    """Path on the machine to text, for every unit and its settings."""
    system = "etc/systemd/system"
    made = {f"{system}/provisimus-bootstrap.service": BOOTSTRAP}
    if machine.volumes:
        made[f"{system}/provisimus-volumes.service"] = VOLUMES
        made["etc/provisimus/mounts"] = _lines(volume.mount for volume in machine.volumes)
    if any(container.health for container in machine.containers.values()):
        made[f"{system}/provisimus-containers.service"] = CONTAINERS
    if machine.health:
        made[f"{system}/provisimus-health.service"] = _health_service(machine.health)
        made[f"{system}/provisimus-health.timer"] = _health_timer(machine.health)
        made["etc/provisimus/health"] = health_settings(machine.health)
        made[f"{system}/provisimus-answer.socket"] = _answer_socket(machine.health.publish)
        made[f"{system}/provisimus-answer@.service"] = ANSWER
    return made


def health_settings(health: Health) -> str:
    """What `scripts/machine/health` reads, as shell assignments. Seconds count from power-on."""
    if health.http:
        path = health.http.path if health.http.path.startswith("/") else f"/{health.http.path}"
        way, what = "http", f"http://127.0.0.1:{health.http.port}{path}"
    elif health.container:
        way, what = "container", health.container
    else:
        way, what = "run", shlex.join(health.run)
    return f"way={way}\nwhat={shlex.quote(what)}\nwithin={health.within}\nevery={health.every}\n"


def _health_service(health: Health) -> str:
    return f"""\
[Unit]
Description=Is the service of this machine healthy?
After=provisimus-bootstrap.service

[Service]
Type=oneshot
ExecStart={LIBRARY}/health
TimeoutStartSec={health.within + 30 + TELLING}
SyslogIdentifier=provisimus-health
{ON_THE_CONSOLE}"""


def _health_timer(health: Health) -> str:
    return f"""\
[Unit]
Description=Ask every {health.every} seconds whether the service is healthy

[Timer]
OnActiveSec=0
OnUnitInactiveSec={health.every}
AccuracySec=1

[Install]
WantedBy=timers.target
"""


def _answer_socket(answer: HealthAnswer) -> str:
    """Nothing runs while nobody asks: systemd listens."""
    return f"""\
[Unit]
Description=Where this machine tells over HTTP whether its service is healthy

[Socket]
ListenStream={answer.port if answer.open else f"127.0.0.1:{answer.port}"}
Accept=yes
MaxConnections=32

[Install]
WantedBy=sockets.target
"""


def docker_settings() -> str:
    """/etc/docker/daemon.json: a pinned storage driver, bounded logs, a quick start.

    At its start the engine calls iptables dozens of times for each bridge, which takes most of that
    start under emulation. Compose gives the containers a network of their own, so the default
    bridge serves nobody.
    """
    settings = {
        "bridge": "none",
        "storage-driver": "overlay2",
        "log-driver": "json-file",
        "log-opts": {"max-size": "20m", "max-file": "5"},
    }
    return with_runtime(json.dumps(settings))


def with_runtime(settings: str) -> str:
    """The engine's settings with the runtime that hands the stack's environment over.

    Raises ValueError when they are no JSON object.
    """
    try:
        given = json.loads(settings)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(given, dict) or not isinstance(given.get("runtimes", {}), dict):
        raise ValueError("is no JSON object with the settings of the engine")  # noqa: TRY004
    runtimes = {**given.get("runtimes", {}), RUNTIME: {"path": f"{LIBRARY}/runtime"}}
    return json.dumps({**given, "runtimes": runtimes}, indent=2) + "\n"


def sudoers(user: str) -> str:
    return f"{user} ALL=(ALL:ALL) NOPASSWD:ALL\n"


def _lines(values: object) -> str:
    assert not isinstance(values, str)
    return "".join(f"{value}\n" for value in values)  # type: ignore[attr-defined]
