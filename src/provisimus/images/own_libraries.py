"""Whose a library is: the company's own change with every release, those of others seldom. Pure."""

from __future__ import annotations

import re
import zipfile
from typing import IO

_SHARED = frozenset({"com.github", "io.github", "org.apache", "org.eclipse"})
"""Groups whose second part names no company, but where many of them live."""


def own_prefix(group: str) -> str:
    """The folder of the classes that belong to a Maven group: its first two parts, or three."""
    parts = group.split(".")
    return "/".join(parts[: 3 if ".".join(parts[:2]) in _SHARED else 2]) + "/"


def is_snapshot_file(name: str) -> bool:
    """By its name, with a time stamp in place of the word or not."""
    return "SNAPSHOT" in name or re.search(r"-\d{8}\.\d{6}-\d+\b", name) is not None


def is_own_library(file: IO[bytes], own: str) -> bool:
    """Whether a JAR holds classes below the prefix `own`, or Maven's word that it is of there."""
    maven = f"META-INF/maven/{own.strip('/').replace('/', '.')}"
    try:
        with zipfile.ZipFile(file) as inner:
            return any(each.startswith((own, maven)) for each in inner.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return False
