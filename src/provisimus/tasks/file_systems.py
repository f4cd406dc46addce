"""The file system on a data volume that grew, made as large as its volume while it is mounted.

A machine does the same for each of its volumes when it boots.
"""

from __future__ import annotations

from collections.abc import Sequence

from provisimus.errors import ProvisimusError, ToolFailed, ToolMissing, Unreachable, UsageFault

NOT_SEEN, OTHER = 3, 4
_SCRIPT = f"""\
device=$(findmnt -nro SOURCE --target "$1") && kind=$(findmnt -nro FSTYPE --target "$1") || exit 1
[ "$(blockdev --getsize64 "$device")" -ge "$2" ] || exit {NOT_SEEN}
case $kind in
    ext*) resize2fs "$device" ;;
    xfs) xfs_growfs "$1" ;;
    *) exit {OTHER} ;;
esac"""


def grow_command(mount: str, size: int) -> list[str]:
    """What grows the file system of a mounted folder; `size` of the volume in GiB."""
    return ["sudo", "sh", "-c", _SCRIPT, "grow", mount, str(size * 1024**3)]


def why_not(fault: ProvisimusError) -> str:
    """In words, why a file system did not grow while mounted; what goes on elsewhere is raised."""
    match fault:
        case ToolFailed(status=status) if status == NOT_SEEN:
            return "the machine does not see the new size while it runs"
        case ToolFailed(status=status) if status == OTHER:
            return "it is neither ext4 nor XFS"
        case ToolFailed() | ToolMissing() | UsageFault() | Unreachable():
            return fault.message
        case _:
            raise fault


def grow_file_system(argv: Sequence[str]) -> str | None:
    """Run a session's command; None when the file system has grown, else why not."""
    from provisimus.process import run

    try:
        run(argv, timeout=120)
    except ProvisimusError as fault:
        return why_not(fault)
    return None
