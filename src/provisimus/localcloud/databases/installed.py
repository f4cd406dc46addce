"""Which PostgreSQL servers this computer has. Several versions may stand side by side."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
"""Where Debian and Ubuntu, and PostgreSQL's own packages for other systems, put servers."""
HINT = "install PostgreSQL's server: script/setup, or apt-get install postgresql"


@dataclass(frozen=True, order=True)
class Installed:
    """A server that can be started."""

    major: int
    minor: int
    programs: Path

    @property
    def version(self) -> str:
        """As RDS says it: 15.18."""
        return f"{self.major}.{self.minor}"

    def program(self, name: str) -> str:
        return str(self.programs / name)


def parse_version(told: str) -> tuple[int, int] | None:
    """Major and minor of ``postgres --version``; None for one that is not released (16beta1)."""
    found = re.match(r"postgres \(PostgreSQL\) (\d+)\.(\d+)\b", told)
    return (int(found[1]), int(found[2])) if found else None


def best(servers: Iterable[Installed]) -> tuple[Installed, ...]:
    """One per major version, the newest first."""
    found: dict[int, Installed] = {}
    for each in sorted(servers, reverse=True):
        found.setdefault(each.major, each)
    return tuple(found.values())


def chosen(servers: Iterable[Installed], wanted: str | None) -> Installed | None:
    """The one that an EngineVersion asks for: none, a major version, or a whole one."""
    return next(
        (each for each in servers if wanted in (None, "", str(each.major), each.version)), None
    )


@lru_cache(maxsize=1)
def servers() -> tuple[Installed, ...]:
    """What is installed, the newest first; looked for once in a process."""
    found = [folder for place in PLACES for folder in Path("/").glob(place.lstrip("/"))]
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return best(each for folder in set(found) if (each := _ask(folder)) is not None)


def _ask(folder: Path) -> Installed | None:
    if not all((folder / name).exists() for name in ("postgres", "initdb", "pg_basebackup")):
        return None
    told = subprocess.run(
        (str(folder / "postgres"), "--version"), capture_output=True, text=True, check=False
    )
    version = parse_version(told.stdout)
    return Installed(*version, folder) if version else None
