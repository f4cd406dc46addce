"""What a stack tells its machines on their first boot: files that cloud-init writes.

The other side of it stands in `machines/scripts/machine/volumes` and in `ondisk/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

VOLUMES_FILE = "/etc/provisimus/volumes"
SNAPSHOTS_FILE = "/etc/provisimus/snapshots"
PUBLISH_FILE = "/etc/provisimus/publish"
LOGGING_FILE = "/etc/provisimus/logging"
ENVIRONMENT_FILE = "/etc/provisimus/environment"

LIMIT = 16_384
"""Bytes of user data before it is encoded (RunInstances, UserData)."""


def user_data_of(volumes: Iterable[tuple[str, str]], told: Mapping[str, Any] | None = None) -> str:
    """cloud-init's input that writes what a machine is told; empty where that is nothing.

    `volumes` are ids and mounts; `told` is what else, by the path of its file, written as JSON.
    """
    lines = "".join(f"{volume} {mount}\n" for volume, mount in volumes)
    files = [_file(VOLUMES_FILE, "0644", lines)] if lines else []
    files += [
        # ASCII on one line: nothing in it means anything to YAML.
        _file(path, "0600", json.dumps(content) + "\n")
        for path, content in (told or {}).items()
    ]
    return "#cloud-config\nwrite_files:\n" + "".join(files) if files else ""


def _file(path: str, mode: str, text: str) -> str:
    content = "".join(f"      {line}\n" for line in text.splitlines())
    return f'  - path: {path}\n    permissions: "{mode}"\n    content: |\n{content}'


def told_by(text: str) -> dict[str, str]:
    """The files that user data of `user_data_of` writes, by path; none of somebody else's."""
    import yaml

    try:
        found = yaml.safe_load(text)
        return {str(each["path"]): str(each["content"]) for each in found["write_files"]}
    except (yaml.YAMLError, LookupError, TypeError):
        return {}


def literally(text: str) -> str:
    """The text as Fn::Sub gives it back unchanged ("Fn::Sub", `${!Literal}`)."""
    return text.replace("${", "${!")
