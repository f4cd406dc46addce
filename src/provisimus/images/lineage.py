"""The commits behind an image, asked of Git. What is not known is "unknown"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from provisimus.errors import ToolFailed, ToolMissing
from provisimus.images.labels import Lineage
from provisimus.model import UNKNOWN, Artifact
from provisimus.process import run
from provisimus.workspace.commits import last_change


def read_lineage(
    folder: Path, repositories: Mapping[str, Path], artifact: Artifact | None
) -> Lineage:
    """The commits behind an image: the artifact's, else the last change of the image's folder."""
    change = last_change(folder)
    commit = artifact.commit if artifact else None
    at = change.time
    for repository in repositories.values() if commit else ():
        found = _time_of(repository, commit or "")
        if found:
            at = found
            break
    source = _remote(repositories["services"] if commit else folder)
    return Lineage(source, commit or change.commit, at, change.commit)


def without_credentials(url: str) -> str:
    """A Git remote's address without user and password; a path of this machine is not told."""
    if re.match(r"^(/|\.|file:)", url):
        return UNKNOWN
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", url)


def _remote(folder: Path) -> str:
    try:
        found = run(["git", "remote", "get-url", "origin"], cwd=folder).stdout.strip()
    except (ToolFailed, ToolMissing):
        return UNKNOWN
    return without_credentials(found) if found else UNKNOWN


def _time_of(folder: Path, commit: str) -> int:
    try:
        answer = run(["git", "show", "-s", "--format=%ct", f"{commit}^{{commit}}"], cwd=folder)
        return int(answer.stdout.strip())
    except (ToolFailed, ToolMissing, ValueError):
        return 0
