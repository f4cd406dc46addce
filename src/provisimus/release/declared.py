"""The version that a stack's file declares, written back without touching anything else in it."""

from __future__ import annotations

import yaml

from provisimus.errors import UsageFault
from provisimus.workspace.edited import with_value
from provisimus.workspace.marks import KeyPath


def with_version(text: str, version: str, environment: str) -> str:
    """The file with another version: the environment's own where it has one, else the common one.

    Comments and order stay. Raises UsageFault for a file that is written too cleverly for that.
    """
    data = yaml.safe_load(text) or {}
    overrides = (data.get("environments") or {}).get(environment) or {}
    own = "version" in overrides
    path: KeyPath = ("environments", environment, "version") if own else ("version",)
    changed = with_value(text, path, version)
    if changed is None:
        raise UsageFault(
            f"the stack's file takes no other version; set it to {version} there",
            hint="write `version:` on a line of its own",
        )
    return changed
