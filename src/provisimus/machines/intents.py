"""What a run is about to make in the cloud, written down before the call that makes it.

A run that is killed in the middle of a call cannot tell whether the call arrived, and tags can
arrive later than the thing itself. So its work folder holds a journal, a line per intent, that is
on the disk before the call goes out: `machine reap` on the same machine then looks for exactly
that, by name. Another machine has tags and names alone (``reap.py``).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

FILE = "intents.ndjson"

SETTLES = timedelta(minutes=5)
"""How long EC2 may take to show what it was asked to make ("Eventual consistency"), generously."""

TIME = "%Y-%m-%dT%H:%M:%SZ"

SAID = (
    ("key pair", re.compile(r"Creating temporary keypair: (\S+)")),
    ("security group", re.compile(r"Creating temporary security group for this instance: (\S+)")),
    ("instance", re.compile(r"Instance ID: (i-[0-9a-f]+)")),
    ("image", re.compile(r"AMI: (ami-[0-9a-f]+)")),
)
"""What Packer says of its own doing. With our template all of it is known before it starts; a
definition's own may leave names to Packer."""


@dataclass(frozen=True)
class Intent:
    """`name` is the thing's name, or its id where EC2 chose it; `at` is UTC."""

    kind: str
    name: str
    at: str


def about_to(work: Path, kind: str, name: str, now: datetime | None = None) -> None:
    """Write down what is about to be made. On the disk when this returns. Raises OSError."""
    intent = Intent(kind, name, (now or datetime.now(UTC)).strftime(TIME))
    path = work / FILE
    first = not path.exists()
    with path.open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(asdict(intent)) + "\n")
        journal.flush()
        os.fsync(journal.fileno())
    if first:
        _sync_folder(work)


def read_intents(work: Path) -> tuple[Intent, ...]:
    """Every intent of a run. A last line that was cut off led to no call."""
    try:
        text = (work / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    found = []
    for line in text.splitlines():
        try:
            found.append(Intent(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return tuple(found)


def all_answered(work: Path) -> None:
    """Every call of the run was answered: nothing can show up later that tags do not tell of."""
    (work / FILE).unlink(missing_ok=True)


def settles_at(intents: tuple[Intent, ...]) -> datetime | None:
    """When EC2 shows for sure what was to be made last; None for no intents. Pure."""
    times = [datetime.strptime(each.at, TIME).replace(tzinfo=UTC) for each in intents]
    return max(times) + SETTLES if times else None


def said_by_packer(line: str) -> tuple[str, str] | None:
    """Kind and name of what a line of Packer's output tells. Pure."""
    for kind, pattern in SAID:
        found = pattern.search(line)
        if found:
            return kind, found[1].partition("\\n")[0]
    return None


def listening(work: Path, then: Callable[[str], None]) -> Callable[[str], None]:
    """Hears Packer's lines, keeps what they tell of its doing, and hands them on."""

    def hear(line: str) -> None:
        told = said_by_packer(line)
        if told is not None:
            about_to(work, *told)
        then(line)

    return hear


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
