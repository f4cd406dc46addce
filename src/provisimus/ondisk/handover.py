"""Which values each container runs with, and starting anew those that run with others.

/run/provisimus/handed/CONTAINER    names and values, as JSON; written as the container is made
/run/provisimus/restarted           uptime in seconds of our last restart; locked while it goes on
"""

from __future__ import annotations

import json
import os

from .places import RUNTIME, Places, read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TextIO

# Each container that is made loads this file: what is imported for a restart alone stands there.


def record(container: str, values: dict[str, str], places: Places) -> None:
    """Remember what a container is made with."""
    write(os.path.join(places.handed, container), values)


def handed(places: Places) -> dict[str, dict[str, str]]:
    """What containers were made with, by their ids; some of them may be gone."""
    ids = sorted(os.listdir(places.handed)) if os.path.isdir(places.handed) else []
    return {each: read_json(os.path.join(places.handed, each)) or {} for each in ids}


def forget(containers: Iterable[str], places: Places) -> None:
    for each in containers:
        os.unlink(os.path.join(places.handed, each))


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """The names whose values are not the same. Pure."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def running() -> list[str]:
    """The ids of the running containers that get the environment."""
    import subprocess

    ids = subprocess.run(
        ["docker", "ps", "--quiet", "--no-trunc"], capture_output=True, text=True, check=True
    )
    if not ids.stdout.split():
        return []
    about = subprocess.run(
        ["docker", "inspect", "--format", "{{.HostConfig.Runtime}} {{.Id}}", *ids.stdout.split()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.split() for line in about.stdout.splitlines()]
    return [each[1] for each in lines if len(each) == 2 and each[0] == RUNTIME]


def start_anew(containers: list[str], places: Places) -> int:
    """Restart them; returns the status of `docker`. `scripts/machine/health` is told since when a
    service that does not answer may be starting. The kernel lets the lock go with this process."""
    import fcntl
    import subprocess

    os.makedirs(os.path.dirname(places.restarted), exist_ok=True)
    with open(os.open(places.restarted, os.O_RDWR | os.O_CREAT, 0o644), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _say_uptime(file, places)
        status = subprocess.call(["docker", "restart", *containers], stdout=subprocess.DEVNULL)
        # A service may take its time to end: that of its start begins now.
        _say_uptime(file, places)
    return status


def _say_uptime(file: TextIO, places: Places) -> None:
    with open(places.uptime, encoding="ascii") as told:
        seconds = told.read().partition(".")[0]
    file.seek(0)
    file.write(f"{seconds}\n")
    file.truncate()
    file.flush()


def write(path: str, values: dict[str, str]) -> None:
    """Replace the file in one step; nobody but its owner may read it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = path + ".new"
    if os.path.exists(new):
        os.unlink(new)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file)
    os.replace(new, path)
