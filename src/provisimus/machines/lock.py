"""packer.lock: the base AMIs of each environment, pinned by what they were.

It is committed beside the definitions. Only `machine lock --update` moves a pin, and a pin is an
input of the fingerprint: all that stands on the base is baked anew. The local cloud's bases are not
pinned, for their recipe says what they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.workspace import lock_file

if TYPE_CHECKING:
    from provisimus.workspace.definitions.project import AwsBase

FILE = "packer.lock"
_HEAD = """\
# What moves and is referred to, pinned by what it was. Written by provisimus; commit it.
# `provisimus machine lock --update --env …` moves a pin.
"""


@dataclass(frozen=True)
class LockedBase:
    """`asked` is what was looked for when it was pinned; `created` as EC2 gives it."""

    asked: str
    region: str
    image: str
    name: str
    owner: str
    created: str

    @property
    def identity(self) -> str:
        """The same for the same base in all regions: its maker names it alike, EC2 does not."""
        return f"{self.owner} {self.name}" if self.name else self.image


@dataclass(frozen=True)
class PackerLock:
    """By base and environment."""

    bases: Mapping[tuple[str, str], LockedBase] = field(default_factory=dict)

    def having(self, base: str, environment: str, locked: LockedBase) -> PackerLock:
        return replace(self, bases={**self.bases, (base, environment): locked})

    def without(self, base: str, environment: str) -> PackerLock:
        left = {key: each for key, each in self.bases.items() if key != (base, environment)}
        return PackerLock(left)

    def pin(self, base: str, environment: str, region: str, asked: str) -> LockedBase | None:
        """The pin, unless another question was asked, or in another region, when it was made."""
        found = self.bases.get((base, environment))
        return found if found and (found.region, found.asked) == (region, asked) else None


def asked_for(base: AwsBase) -> str:
    """What is looked for, in words: `/the/parameter`, or `owner: name-*`."""
    return base.ssm or f"{base.owner}: {base.name}"


def read_lock(folder: Path, cache: Path | None = None) -> PackerLock:
    """Empty when there is no file; `cache` as for `reading`. Raises InvalidDefinitions."""
    bases = {}
    hint = "take it back from Git, or remove it and pin anew: provisimus machine lock --update"
    with lock_file.reading(folder / FILE, hint, cache) as data:
        for name, environments in (data.get("bases") or {}).items():
            for environment, values in environments.items():
                bases[str(name), str(environment)] = LockedBase(
                    *(str(values[key]) for key in ("asked", "region", "image", "name")),
                    *(str(values[key]) for key in ("owner", "created")),
                )
    return PackerLock(bases)


def write_lock(folder: Path, lock: PackerLock) -> None:
    """Replace the file in one step, when it says something else. Raises as `replacing`."""
    lock_file.write(folder / FILE, as_text(lock))


def as_text(lock: PackerLock) -> str:
    lines = [_HEAD + "bases:"]
    last = None
    for (name, environment), base in sorted(lock.bases.items()):
        lines += [f"  {name}:"] if name != last else []
        last = name
        lines += [
            f"    {environment}:",
            # Quoted as in JSON: digits that YAML would take for a number, colons, stars.
            *(f"      {key}: {json.dumps(value)}" for key, value in vars(base).items()),
        ]
    return "\n".join(lines) + "\n"
