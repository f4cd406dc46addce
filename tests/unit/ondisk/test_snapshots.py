"""Snapshots that a machine takes: when, how quietly, and how many stay."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ondisk.fake import FakeCloud

from provisimus.ondisk import hold, snapshots
from provisimus.ondisk.places import Places
from provisimus.ondisk.snapshots import Policy, Taken

GIVEN = {
    "mount": "/data",
    "volume": "vol-0a",
    "tags": {"provisimus:policy": "acme-local-greeter:/data", "provisimus:service": "greeter"},
}
DAY = 86400


def policy(rhythm: str = f"every={DAY} keep=2") -> Policy:
    return Policy(GIVEN, rhythm)


# ---- decisions -----------------------------------------------------------------------------------


def test_one_snapshot_belongs_into_each_span_of_the_volumes_own() -> None:
    start = 20_000 * DAY + 0x0A  # where a span of vol-0a begins
    assert snapshots.is_due(policy(), [], start)
    late = [Taken("snap-1", start + DAY - 60, "pending")]
    assert not snapshots.is_due(policy(), late, start + DAY - 1)
    assert snapshots.is_due(policy(), late, start + DAY), "the next one is not late as well"
    assert snapshots.is_due(policy(), late, start + 9 * DAY), "what was missed is made up for"
    failed = [Taken("snap-2", start + DAY + 1, "error")]
    assert snapshots.is_due(policy(), late + failed, start + DAY + 2)
    other = Policy({**GIVEN, "volume": "vol-0b"}, f"every={DAY} keep=1")
    assert not snapshots.is_due(other, late, start + DAY), "volumes do not come in step"


def test_the_newest_complete_ones_stay() -> None:
    there = [
        Taken("old", 1, "completed"),
        Taken("older", 0, "completed"),
        Taken("new", 3, "completed"),
        Taken("newer", 4, "completed"),
        Taken("under way", 5, "pending"),
        Taken("failed", 2, "error"),
    ]
    gone = [each.identifier for each in snapshots.too_many(there, 2)]
    assert gone == ["old", "older", "failed"]


@pytest.mark.parametrize("rhythm", ["", "every=x keep=1", "every=0 keep=1", "every=60 keep=0"])
def test_a_volume_without_a_rhythm_is_told(rhythm: str) -> None:
    with pytest.raises(snapshots.Fault, match="vol-0a says nothing of snapshots in its tag"):
        policy(rhythm)


def test_times_are_seconds_since_the_epoch() -> None:
    xml = (
        "<DescribeSnapshotsResponse><snapshotSet><item><snapshotId>snap-1</snapshotId>"
        "<status>completed</status><startTime>2024-02-29T23:59:58.000Z</startTime></item>"
        "<item><snapshotId>snap-2</snapshotId><status>pending</status>"
        "<startTime>1970-01-01T00:00:00Z</startTime></item></snapshotSet></DescribeSnapshotsResponse>"
    )
    found = [(each.identifier, each.began, each.state) for each in snapshots.snapshots_in(xml)]
    assert found == [("snap-1", 1709251198.0, "completed"), ("snap-2", 0.0, "pending")]


# ---- a whole run ---------------------------------------------------------------------------------


class Scene:
    """A volume that is a folder, a hook that keeps a record, and an EC2 that has snapshots."""

    def __init__(self, root: Path, cloud: FakeCloud) -> None:
        self.root, self.cloud = root, cloud
        self.places = Places(str(root))
        self.record = root / "record"
        for each in (self.places.snapshots, self.places.quiet):
            Path(each).parent.mkdir(parents=True, exist_ok=True)
        Path(self.places.snapshots).write_text(json.dumps([GIVEN]))
        self.hook("")
        self.there: list[tuple[str, str]] = []
        cloud.on("DescribeTags", (200, tags(f"every={DAY} keep=2")))
        cloud.on("DescribeSnapshots", lambda _: (200, listing(self.there)))
        cloud.on("CreateSnapshot", self.create)
        cloud.on("DeleteSnapshot", self.delete)

    def hook(self, body: str) -> None:
        path = self.root / "flush"
        path.write_text(f'#!/bin/sh\necho "$@" >>{self.record}\n{body}\n')
        path.chmod(0o755)
        Path(self.places.quiesce).write_text(f"/data {path}\n")

    def create(self, about: dict[str, Any]) -> tuple[int, str]:
        with self.record.open("a") as file:
            file.write("snapshot\n")
        identifier = f"snap-{len(self.there) + 1}"
        self.there.append((identifier, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())))
        return 200, f"<R><snapshotId>{identifier}</snapshotId></R>"

    def delete(self, about: dict[str, Any]) -> tuple[int, str]:
        self.there = [each for each in self.there if each[0] != about["SnapshotId"]]
        return 200, "<R/>"

    def run(self, how: str = "due") -> int:
        return snapshots.main([how], self.places, self.cloud.client())

    @property
    def story(self) -> list[str]:
        return self.record.read_text().splitlines() if self.record.exists() else []


def tags(value: str) -> str:
    item = f"<resourceId>vol-0a</resourceId><key>provisimus:snapshots</key><value>{value}</value>"
    return f"<DescribeTagsResponse><tagSet><item>{item}</item></tagSet></DescribeTagsResponse>"


def listing(there: list[tuple[str, str]]) -> str:
    items = "".join(
        f"<item><snapshotId>{name}</snapshotId><status>completed</status>"
        f"<startTime>{began}.000Z</startTime></item>"
        for name, began in there
    )
    return f"<R><snapshotSet>{items}</snapshotSet></R>"


@pytest.fixture
def scene(tmp_path: Path, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(hold.os.path, "ismount", lambda path: path == "/data")
    monkeypatch.setenv("INVOCATION_ID", "b00t")
    return Scene(tmp_path, cloud)


def test_the_volume_is_quiet_while_its_snapshot_is_taken(scene: Scene) -> None:
    assert scene.run() == 0
    assert scene.story == ["begin /data", "snapshot", "end /data"]
    (about,) = scene.cloud.called("CreateSnapshot")
    given = {
        about[f"TagSpecification.1.Tag.{number}.Key"]: about[
            f"TagSpecification.1.Tag.{number}.Value"
        ]
        for number in range(1, 7)
    }
    assert about["VolumeId"] == "vol-0a"
    assert given == {
        **GIVEN["tags"],  # type: ignore[dict-item]
        "Name": "acme-local-greeter:/data",
        "provisimus:mount": "/data",
        "provisimus:volume-id": "vol-0a",
        "provisimus:run": "b00t",
    }
    assert scene.run() == 0
    assert len(scene.cloud.called("CreateSnapshot")) == 1, "the next one is not due yet"


def test_what_is_too_many_goes(scene: Scene) -> None:
    scene.there = [(f"snap-{day}", f"2026-11-0{day}T03:00:00") for day in (1, 2, 3)]
    assert scene.run() == 0
    assert [each[0] for each in scene.there] == ["snap-3", "snap-4"]
    in_use = (400, "<E><Code>InvalidSnapshot.InUse</Code><Message>x</Message></E>")
    scene.cloud.on("DeleteSnapshot", in_use)
    assert scene.run("now") == 0


@pytest.mark.parametrize(
    ("hook", "story"),
    [
        ("[ $1 = end ]", ["begin /data", "end /data"]),
        ("exec sleep 60", ["begin /data", "end /data"]),
    ],
    ids=["fails", "hangs"],
)
def test_what_cannot_be_held_still_is_not_taken(
    scene: Scene,
    hook: str,
    story: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(hold, "PATIENCE", 0.5)
    scene.hook(hook)
    assert scene.run() == 1
    assert scene.story == story
    said = capsys.readouterr().out
    assert "/data: could not be" in said
    assert scene.there == []


def test_a_refused_snapshot_lets_the_service_go_on(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = (400, "<E><Code>SnapshotCreationPerVolumeRateExceeded</Code><Message>x</Message></E>")
    scene.cloud.on("CreateSnapshot", refused)
    assert scene.run() == 1
    assert scene.story == ["begin /data", "end /data"]
    assert list(Path(scene.places.quiet).iterdir()) == []
    assert "SnapshotCreationPerVolumeRateExceeded" in capsys.readouterr().out


def test_without_a_hook_the_file_system_is_frozen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(scene.places.quiesce).write_text("")
    freeze = scene.root / "fsfreeze"
    freeze.write_text(f'#!/bin/sh\necho "fsfreeze $@" >>{scene.record}\n')
    freeze.chmod(0o755)
    monkeypatch.setenv("PATH", f"{scene.root}:{os.environ['PATH']}")
    assert scene.run() == 0
    assert scene.story == ["fsfreeze --freeze /data", "snapshot", "fsfreeze --unfreeze /data"]
    # A freeze that did not come about cannot be ended, which is no fault of its own.
    freeze.write_text("#!/bin/sh\nexit 1\n")
    assert scene.run("now") == 1
    assert list(Path(scene.places.quiet).iterdir()) == []


def test_what_was_killed_while_it_held_a_volume_is_let_go(scene: Scene) -> None:
    """As the unit does it: killed in the middle of the call, then `snapshots thaw`."""
    code = (
        "import os, sys\n"
        "from provisimus.ondisk import hold\n"
        "from provisimus.ondisk.places import Places\n"
        "os.path.ismount = lambda path: True\n"
        "places = Places(sys.argv[1])\n"
        "with hold.alone(places), hold.quiet('/data', sys.argv[2], places):\n"
        "    print('quiet', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(scene.root), str(scene.root / "flush")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "quiet\n"
        assert scene.run() == 0, "while another holds it, nothing is done"
        assert scene.run("thaw") == 0
        assert scene.story == ["begin /data"]
        holding.send_signal(signal.SIGKILL)
        holding.wait()
    assert scene.run("thaw") == 0
    assert scene.story == ["begin /data", "end /data"]
    assert scene.run("thaw") == 0
    assert len(scene.story) == 2


def test_one_volume_keeps_no_other_from_its_snapshot(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**GIVEN, "mount": "/gone", "volume": "vol-0c"}
    Path(scene.places.snapshots).write_text(json.dumps([other, GIVEN]))
    assert scene.run() == 1
    assert "/gone: vol-0c says nothing of snapshots" in capsys.readouterr().out
    assert len(scene.there) == 1
    scene.cloud.on("DescribeTags", (403, "<E><Code>UnauthorizedOperation</Code></E>"))
    assert scene.run() == 1
    assert scene.run("nonsense") == 2
