"""What management tasks change in a stack's file, as text in and text out. Pure.

Definition and stack agree because the definition is changed, and the stack made to follow it.
"""

from __future__ import annotations

from typing import Any

import yaml

from provisimus.errors import NotFound, UsageFault
from provisimus.workspace.edited import with_value
from provisimus.workspace.marks import KeyPath


def resized(text: str, environment: str, instance_type: str) -> str:
    """The file with another instance type in one environment."""
    return _edited(text, _own(environment, "instance_type"), instance_type)


def grown(text: str, environment: str, mount: str, size: int) -> str:
    """The file with a larger data volume, where it is declared. `size` in GiB."""
    volumes, path = _volumes(text, environment)
    return _edited(text, (*path, _index(volumes, mount), "size"), f"{size} GiB")


def grows_everywhere(text: str, environment: str) -> bool:
    """Whether the volumes are declared for all environments, so that others grow, too."""
    return len(_volumes(text, environment)[1]) == 1


def restored(text: str, environment: str, mount: str, snapshot: str, size: int) -> str:
    """The file with a data volume made of a snapshot, in one environment alone: snapshots are of
    one account. `size` in GiB is that of the snapshot, which the volume has at least."""
    volumes, _ = _volumes(text, environment)
    index = _index(volumes, mount)
    from provisimus.workspace.definitions.common import gibibytes

    least = {} if gibibytes(volumes[index]["size"]) >= size else {"size": f"{size} GiB"}
    changed = {**volumes[index], **least, "made_of": snapshot}
    whole = [*volumes[:index], changed, *volumes[index + 1 :]]
    return _edited(text, _own(environment, "data_volumes"), whole)


def restored_member(text: str, environment: str, member: int, mount: str, snapshot: str) -> str:
    """The file of a cluster with one member's volume made of a snapshot, in one environment."""
    data = yaml.safe_load(text) or {}
    found = _overridden(data, environment).get("restored", data.get("restored")) or []
    others = [each for each in found if (each["member"], each["mount"]) != (member, mount)]
    entry = {"member": member, "mount": mount, "snapshot": snapshot}
    return _edited(text, _own(environment, "restored"), [*others, entry])


def _own(environment: str, key: str) -> KeyPath:
    return ("environments", environment, key)


def _volumes(text: str, environment: str) -> tuple[list[dict[str, Any]], KeyPath]:
    """The data volumes of an environment as they are written, and where."""
    data = yaml.safe_load(text) or {}
    overrides = _overridden(data, environment)
    if "data_volumes" in overrides:
        return overrides["data_volumes"], _own(environment, "data_volumes")
    return data.get("data_volumes") or [], ("data_volumes",)


def _overridden(data: dict[str, Any], environment: str) -> dict[str, Any]:
    return (data.get("environments") or {}).get(environment) or {}


def _index(volumes: list[dict[str, Any]], mount: str) -> int:
    mounts = [each.get("mount") for each in volumes]
    if mount not in mounts:
        known = ", ".join(map(str, mounts)) or "none"
        raise NotFound(f"no data volume at {mount} is declared", hint=f"declared are: {known}")
    return mounts.index(mount)


def _edited(text: str, path: KeyPath, value: Any) -> str:
    changed = with_value(text, path, value)
    if changed is None:
        where = "/".join(map(str, path))
        raise UsageFault(
            f"{where} cannot be written into the stack's file as it is",
            hint=f"write {where}: {value} there by hand, then: provisimus stack apply SERVICE",
        )
    return changed
