"""The commit that lineage names, and when it says that there is more than that."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provisimus.workspace import open_workspace
from provisimus.workspace.commits import commits_of, last_change


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    as_somebody = ("-c", "user.name=A", "-c", "user.email=a@acme.example")
    for command in (("init", "-q"), ("add", "-A"), (*as_somebody, "commit", "-qm", "First")):
        subprocess.run(("git", *command), cwd=tmp_path, check=True)
    return tmp_path


def test_what_we_keep_ourselves_is_no_change(repository: Path) -> None:
    (repository / ".provisimus/cache").mkdir(parents=True)
    (repository / ".provisimus/cache/x.json").write_text("{}")
    assert not commits_of(open_workspace(repository)).by_repository["services"].endswith("-dirty")
    assert not last_change(repository).commit.endswith("-dirty")


def test_what_is_not_committed_is_told(repository: Path) -> None:
    (repository / "stacks").mkdir()
    (repository / "stacks/greeter.yaml").write_text("{}\n")
    assert commits_of(open_workspace(repository)).by_repository["services"].endswith("-dirty")
    assert last_change(repository).commit.endswith("-dirty")
