"""The units that do what the stack asks of a machine, with its role, on each boot. Pure text.

Every image has them. Without a file from the stack's user data each stops at its condition, which
costs no process.
"""

from __future__ import annotations

from provisimus.machines.units import (
    LIBRARY,
    ON_THE_CONSOLE,
    OUTSIDE_OF_BOOT,
    USER_DATA_WRITTEN,
)
from provisimus.ondisk.places import Places
from provisimus.user_data import ENVIRONMENT_FILE, SNAPSHOTS_FILE
from provisimus.workspace.definitions.machine import Machine

PYTHON = f"/usr/bin/python3 -I -S {LIBRARY}/python/run"
"""Starts in the half of the time without looking for packages, none of which is wanted."""

SETTINGS = f"""\
[Unit]
Description=The environment that the stack gives the main container
{OUTSIDE_OF_BOOT}After={USER_DATA_WRITTEN}
Before=provisimus-bootstrap.service
ConditionPathExists={ENVIRONMENT_FILE}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={PYTHON} settings fetch
ExecReload={PYTHON} settings reload
TimeoutStartSec=infinity
SyslogIdentifier=provisimus-settings
{ON_THE_CONSOLE}
[Install]
WantedBy=multi-user.target
"""


AGAIN = 180
"""Seconds after one question whether a setting changed, until the next is due."""
SPREAD = 120
"""Seconds by which it may be later, by chance each time: the instances of a service do not start
their containers anew at once."""
LATEST = AGAIN + SPREAD
"""Seconds until a machine has heard of a change, at most; the answer takes it one or two more."""

REFRESH = f"""\
[Unit]
Description=Take over what the settings of the stack refer to, where it changed
After=provisimus-settings.service provisimus-bootstrap.service

[Service]
Type=oneshot
ExecStart={PYTHON} settings refresh
TimeoutStartSec=900
SyslogIdentifier=provisimus-settings
{ON_THE_CONSOLE}"""

# Not one of timers.target: that would be before the settings, which are there after it. Where none
# refers to anything, the condition keeps it from starting.
REFRESH_TIMER = f"""\
[Unit]
Description=Ask every few minutes whether a setting of the stack changed
{OUTSIDE_OF_BOOT}After=provisimus-settings.service
ConditionPathExists={Places().referring}

[Timer]
OnActiveSec={AGAIN}
OnUnitInactiveSec={AGAIN}
RandomizedDelaySec={SPREAD}
AccuracySec=1

[Install]
WantedBy=multi-user.target
"""

# The condition stands here and not at the timer, which starts before cloud-init wrote the file.
SNAPSHOTS = f"""\
[Unit]
Description=Snapshots of the data volumes (%i)
After=provisimus-volumes.service provisimus-bootstrap.service
ConditionPathExists={SNAPSHOTS_FILE}

[Service]
Type=oneshot
ExecStart={PYTHON} snapshots %i
# However it ended, nothing stays frozen.
ExecStopPost={PYTHON} snapshots thaw
TimeoutStartSec=900
SyslogIdentifier=provisimus-snapshots
{ON_THE_CONSOLE}"""

TIMER = """\
[Unit]
Description=Look whether a snapshot of a data volume is due

[Timer]
OnCalendar=*:0/15
RandomizedDelaySec=300
Persistent=true
Unit=provisimus-snapshots@due.service

[Install]
WantedBy=timers.target
"""


def stack_units(machine: Machine) -> dict[str, str]:
    """Path on the machine to text."""
    system = "etc/systemd/system"
    made = {
        f"{system}/provisimus-settings.service": SETTINGS,
        f"{system}/provisimus-refresh.service": REFRESH,
        f"{system}/provisimus-refresh.timer": REFRESH_TIMER,
    }
    if machine.volumes:
        made[f"{system}/provisimus-snapshots@.service"] = SNAPSHOTS
        made[f"{system}/provisimus-snapshots.timer"] = TIMER
        made["etc/provisimus/quiesce"] = "".join(
            f"{each.mount} {each.quiesce}\n" for each in machine.volumes if each.quiesce
        )
    return made


def enabled(machine: Machine) -> tuple[str, ...]:
    """The units to enable while baking, but for those that the step itself knows."""
    return (
        "provisimus-settings.service",
        "provisimus-refresh.timer",
        *(["provisimus-answer.socket"] if machine.health else []),
        *(["provisimus-snapshots.timer"] if machine.volumes else []),
    )
