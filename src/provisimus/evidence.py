"""What of a console tells why a service does not answer: its units and containers, not the boot.

Pure. What our machine images say of themselves stands in `machines/scripts/machine/`; the rest is
what systemd and the kernel say on every Linux.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MOST = 25
"""How many lines are shown."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f\x7f]")

_OURS = re.compile(r"\bprovisimus-(health|bootstrap|containers|volumes)\b|^tiny: ")
_FAULTS = re.compile(
    r"^\[\s*(FAILED|DEPEND|TIME)\s*\]"
    r"|\bFailed to (start|mount)\b|\bDependency failed\b|\bemergency mode\b"
    r"|\bOut of memory\b|\boom-kill\b|\bKernel panic\b|\bsegfault\b"
    r"|\bI/O error\b|\bEXT4-fs error\b|\bNo space left on device\b",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"^\[\s*OK\s*\]"  # systemd's progress
    r"|^\s*(Starting|Started|Stopping|Stopped|Mounting|Mounted|Finished|Reached target|Listening"
    r"|Created slice|Found device|Set up automount) "
    r"|^\[\s*\d+\.\d+\] (?!\S*provisimus)"  # the kernel
    r"|\bcloud-init\[\d+\]|^ci-info: |^\s*<14>|^-----(BEGIN|END) SSH HOST KEY"
    r"|^(SeaBIOS|iPXE|Booting from|SYSLINUX|EXTLINUX|GRUB|Loading |Decompressing )"
    r"|^Welcome to |^Debian GNU/Linux |^Ubuntu \d|^\S+ login: ?$",
)


def evidence(lines: Sequence[str], most: int = MOST) -> tuple[str, ...]:
    """The last lines that tell something, at most `most`, oldest first.

    What is `telling`; where nothing is, whatever is no noise of a boot; and where that is nothing
    either, the last lines.
    """
    plain = _plain(lines)
    rest = _telling(plain) or [line for line in plain if not _NOISE.search(line)] or plain
    return tuple(_once(rest))[-most:]


def telling(lines: Sequence[str]) -> tuple[str, ...]:
    """What our units and the containers say, and faults of systemd and the kernel."""
    return tuple(_once(_telling(_plain(lines))))


def _plain(lines: Sequence[str]) -> list[str]:
    return [text for line in lines if (text := _ESCAPES.sub("", line).rstrip())]


def _telling(plain: Sequence[str]) -> list[str]:
    return [line for line in plain if _OURS.search(line) or _FAULTS.search(line)]


def _once(lines: Iterable[str]) -> Iterable[str]:
    """Without repetitions: what a loop says again and again is told once, with how often."""
    seen: dict[str, tuple[str, int]] = {}
    for line in lines:
        # Times and process ids differ from one round to the next.
        same = re.sub(r"^\[\s*\d+\.\d+\] |\[\d+\](?=:)|\bafter \d+ s\b", "", line)
        _, before = seen.pop(same, (line, 0))
        seen[same] = (line, before + 1)
    for line, times in seen.values():
        yield f"{line} ({times} times)" if times > 1 else line
