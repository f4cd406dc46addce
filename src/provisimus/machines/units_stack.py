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
from provisimus.user_data import ENVIRONMENT_FILE
from provisimus.workspace.definitions.machine import Machine

PYTHON = f"/usr/bin/python3 -I -S {LIBRARY}/python"
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


def stack_units(machine: Machine) -> dict[str, str]:  # noqa: ARG001
    """Path on the machine to text."""
    system = "etc/systemd/system"
    return {f"{system}/provisimus-settings.service": SETTINGS}


def enabled(machine: Machine) -> tuple[str, ...]:
    """The units to enable while baking, but for those that the step itself knows."""
    return (
        "provisimus-settings.service",
        *(["provisimus-answer.socket"] if machine.health else []),
    )
