"""The folders of a bake: they come, they go, and Packer's is never too deep."""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path

import pytest

from provisimus.machines import intents, runs

RUN = f"20260102T030405-{uuid.uuid4().hex[:6]}"
"""Its own in every process: the scraps of all runs on a machine lie side by side."""


def test_a_bake_leaves_no_folder_behind(tmp_path: Path) -> None:
    with runs.work_folder(tmp_path, RUN) as work:
        assert work.is_dir()
        assert runs.scraps_folder(RUN).stat().st_mode & 0o777 == 0o700
        assert runs.is_alive(tmp_path, RUN)
    assert not work.exists()
    assert not runs.scraps_folder(RUN).exists()


def test_the_journal_of_a_bake_that_could_not_clean_stays_without_the_rest(tmp_path: Path) -> None:
    with runs.work_folder(tmp_path, RUN) as work:
        intents.about_to(work, "key pair", "packer_1")
        (work / "stage.tar").write_bytes(b"large")
        runs.leave_journal(work)
    assert [each.name for each in intents.read_intents(work)] == ["packer_1"]
    assert not (work / "stage.tar").exists()
    assert not runs.is_alive(tmp_path, RUN)
    runs.forget(tmp_path, RUN)
    assert runs.known_runs(tmp_path) == []


def test_what_a_killed_bake_left_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "bake" / RUN).mkdir(parents=True)
    runs.scraps_folder(RUN).mkdir()
    runs.forget(tmp_path, RUN)
    assert runs.known_runs(tmp_path) == []
    assert not runs.scraps_folder(RUN).exists()


@pytest.mark.parametrize("depth", [0, 60, 200])
def test_a_socket_fits_into_the_scraps_however_deep_the_temporary_folder(
    depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp" + "/deep" * (depth // 5))
    socket = runs.scraps_folder(RUN) / "packer-plugin4294967295"
    assert len(os.fsencode(socket)) <= 107
