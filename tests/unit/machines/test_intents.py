"""What a run is about to make: written before, read after it was killed."""

from __future__ import annotations

import fcntl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisimus.machines import runs
from provisimus.machines.intents import (
    FILE,
    Intent,
    about_to,
    listening,
    read_intents,
    said_by_packer,
    settles_at,
)
from provisimus.machines.reap import forget_settled

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
RUN = "20260101T115900-abcdef"


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_intents(tmp_path) == ()
    about_to(tmp_path, "key pair", "provisimus-x", NOW)
    about_to(tmp_path, "volume", "/data", NOW)
    assert read_intents(tmp_path) == (
        Intent("key pair", "provisimus-x", "2026-01-01T12:00:00Z"),
        Intent("volume", "/data", "2026-01-01T12:00:00Z"),
    )


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    about_to(tmp_path, "volume", "/data", NOW)
    with (tmp_path / FILE).open("a") as journal:
        journal.write('{"kind": "inst')
    assert [each.kind for each in read_intents(tmp_path)] == ["volume"]


def test_what_cannot_be_written_down_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        about_to(tmp_path / "gone", "volume", "/data")


def test_it_settles_after_the_last_one(tmp_path: Path) -> None:
    assert settles_at(()) is None
    about_to(tmp_path, "volume", "/data", NOW)
    assert settles_at(read_intents(tmp_path)) == datetime(2026, 1, 1, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "1,,ui,say,==> amazon-ebs: Creating temporary keypair: packer_5f-a",
            ("key pair", "packer_5f-a"),
        ),
        (
            "==> amazon-ebs: Creating temporary security group for this instance: packer_5f-b",
            ("security group", "packer_5f-b"),
        ),
        ("1,,ui,message,    amazon-ebs: Instance ID: i-0123abcd", ("instance", "i-0123abcd")),
        ("1,,ui,message,    amazon-ebs: AMI: ami-0123abcd\\n", ("image", "ami-0123abcd")),
        ("1,,ui,message,    amazon-ebs: pulling a%!(PACKER_COMMA) b", None),
    ],
)
def test_what_packer_tells_of_its_doing(line: str, told: tuple[str, str] | None) -> None:
    assert said_by_packer(line) == told


def test_a_listener_keeps_it_before_anybody_hears(tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []
    hear = listening(tmp_path, lambda line: heard.append((line, len(read_intents(tmp_path)))))
    hear("1,,ui,message,    amazon-ebs: Instance ID: i-1")
    assert heard == [("1,,ui,message,    amazon-ebs: Instance ID: i-1", 1)]


def test_a_killed_run_is_known_until_the_cloud_shows_all_of_it(tmp_path: Path) -> None:
    folder = runs.folder_of(tmp_path, RUN)
    folder.mkdir(parents=True)
    about_to(folder, "instance", "x", NOW)
    later = datetime(2026, 1, 1, 12, 5, tzinfo=UTC)
    assert forget_settled(tmp_path, NOW) == {RUN: later}
    assert runs.known_runs(tmp_path) == [RUN]
    assert forget_settled(tmp_path, later) == {}
    assert runs.known_runs(tmp_path) == []


def test_who_bakes_the_same_is_noticed(tmp_path: Path) -> None:
    fingerprint = "sha256:" + "1f" * 32
    assert not runs.is_held(tmp_path, fingerprint)
    assert not runs.is_held(tmp_path, "")
    with runs.alone(tmp_path, "1f" * 6):
        assert runs.is_held(tmp_path, fingerprint)
    with (tmp_path / "bake" / ("1f" * 6 + ".lock")).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
