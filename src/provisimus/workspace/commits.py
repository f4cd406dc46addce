"""The commits of the definition repositories, for lineage. Read with git; nothing is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provisimus.errors import ToolFailed, ToolMissing
from provisimus.model import UNKNOWN, Commits
from provisimus.process import run
from provisimus.workspace.workspace import STATE, Workspace


@dataclass(frozen=True)
class Change:
    """The last commit that touched a folder; `time` in seconds since the epoch, 0 when unknown.

    `commit` ends in `-dirty` when the folder holds what is not committed.
    """

    commit: str
    time: int


def last_change(folder: Path) -> Change:
    """The last change of a folder; `unknown` outside Git, before the first commit, without git."""
    try:
        logged = run(["git", "log", "-1", "--format=%H %ct", "--", "."], cwd=folder).stdout.split()
        dirty = _is_dirty(folder)
    except (ToolFailed, ToolMissing):
        return Change(UNKNOWN, 0)
    if not logged:
        return Change(UNKNOWN, 0)
    commit, time = logged
    return Change(commit + ("-dirty" if dirty else ""), int(time))


def commits_of(workspace: Workspace) -> Commits:
    """The commit of each definition repository as it stands."""
    return Commits({name: _head(path) for name, path in workspace.repositories.items()})


def _head(folder: Path) -> str:
    try:
        head = run(["git", "rev-parse", "HEAD"], cwd=folder).stdout.strip()
        return head + ("-dirty" if _is_dirty(folder) else "")
    except (ToolFailed, ToolMissing):
        return UNKNOWN


def _is_dirty(folder: Path) -> bool:
    """Whether it holds what is not committed, apart from what we keep there ourselves."""
    others = [".", f":(exclude){STATE}"]
    return bool(run(["git", "status", "--porcelain", "--", *others], cwd=folder).stdout.strip())
