"""What a stack tells its machines on their first boot: which volume belongs where.

The other side of it stands in `machines/scripts/machine/volumes`.
"""

from __future__ import annotations

from collections.abc import Iterable

VOLUMES_FILE = "/etc/provisimus/volumes"


def user_data_of(volumes: Iterable[tuple[str, str]]) -> str:
    """cloud-init's input that writes the file of volume ids and mounts; empty without volumes."""
    lines = "".join(f"      {volume} {mount}\n" for volume, mount in volumes)
    if not lines:
        return ""
    return (
        "#cloud-config\n"
        "write_files:\n"
        f"  - path: {VOLUMES_FILE}\n"
        '    permissions: "0644"\n'
        "    content: |\n" + lines
    )
