"""Puts the stack's environment into what a container is made from, just before it is made.

The engine writes the environment of a container that it knows to its disk. It hands the container's
specification (config.json of the OCI runtime specification) to the runtime in a folder in memory,
and that is where it is put in.
"""

from __future__ import annotations

import json
import os

from .handover import record
from .places import Places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(arguments: list[str], places: Places | None = None) -> int:
    """`runtime BUNDLE`: the folder with the specification. What is wrong is the last line."""
    places = places or Places()
    if not os.path.exists(places.references):
        return 0
    bundle = os.path.realpath(arguments[0])
    if not bundle.startswith(os.path.realpath(places.bundles) + "/"):
        print(f"secrets are not written to {bundle}, which is not below {places.bundles}")
        return 1
    if not os.path.exists(places.environment):
        print("the settings of the stack are not there yet: systemctl status provisimus-settings")
        return 1
    path = os.path.join(bundle, "config.json")
    with open(path, encoding="utf-8") as file:
        specification = json.load(file)
    with open(places.environment, encoding="utf-8") as file:
        values = json.load(file)
    given = os.stat(path)
    new = path + ".provisimus"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(with_environment(specification, values), file)
    os.chown(new, given.st_uid, given.st_gid)
    os.replace(new, path)
    # The engine names the folder after the container.
    record(os.path.basename(bundle), values, places)
    return 0


def with_environment(specification: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """The specification whose process has these variables; they win over what is baked. Pure."""
    process = specification["process"]
    baked = [each for each in process.get("env", []) if each.partition("=")[0] not in values]
    env = [*baked, *(f"{name}={value}" for name, value in values.items())]
    return {**specification, "process": {**process, "env": env}}
