"""Our own part of a machine image: the steps of the bake, and the units, settings and programs that
a machine gets. An input of the fingerprint, so a Provisimus that bakes differently bakes anew.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from provisimus.machines import system, units, units_stack
from provisimus.machines.definition import Entry
from provisimus.workspace.definitions.machine import Machine

SCRIPTS = Path(__file__).parent / "scripts"
ONDISK = Path(__file__).parents[1] / "ondisk"
LIBRARY = "usr/local/lib/provisimus"
PYTHON = f"{LIBRARY}/python"
STARTER = f"""\
import sys

sys.path.insert(0, "/{PYTHON}")
from ondisk.programs import main

main()
"""
"""What `python3 -I -S …/python/run PROGRAM` runs. A folder would take Python half as long again."""
TOOLS = ("ready", "run", "step")
"""Scripts of the bake that are no steps: what the steps are run with, and call."""
DAEMON_JSON = "etc/docker/daemon.json"


def recipe(machine: Machine) -> tuple[Entry, ...]:
    """All of it, by its place in the archive of the bake."""
    ours = (*programs(), *texts(machine))
    return (
        *steps(),
        *(Entry(f"root/{entry.path}", entry.mode, entry.content) for entry in ours),
    )


@cache
def steps() -> tuple[Entry, ...]:
    """What is run while baking: `steps/` in name order, and the tools beside it."""
    return tuple(
        Entry(path.name if path.name in TOOLS else f"steps/{path.name}", 0o755, path.read_bytes())
        for path in sorted((SCRIPTS / "bake").iterdir())
    )


@cache
def programs() -> tuple[Entry, ...]:
    """What stays on the machine for its units to run; paths from the machine's root."""
    scripts = (path for path in sorted((SCRIPTS / "machine").iterdir()) if path.is_file())
    return (
        *(Entry(f"{LIBRARY}/{path.name}", 0o755, path.read_bytes()) for path in scripts),
        *(
            Entry(f"{PYTHON}/ondisk/{path.name}", 0o644, path.read_bytes())
            for path in sorted(ONDISK.glob("*.py"))
        ),
        Entry(f"{PYTHON}/run", 0o644, STARTER.encode()),
    )


def texts(machine: Machine) -> tuple[Entry, ...]:
    """Units and settings; paths from the machine's root."""
    made = {
        DAEMON_JSON: units.docker_settings(),
        **units.units(machine),
        **units_stack.stack_units(machine),
        **system.settings(machine),
        **{
            f"etc/sudoers.d/provisimus-{user.name}": units.sudoers(user.name)
            for user in machine.users
            if user.sudo
        },
    }
    return tuple(
        Entry(path, 0o440 if path.startswith("etc/sudoers.d/") else 0o644, text.encode())
        for path, text in made.items()
    )
