from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.ondisk.fake import FakeCloud

from provisimus.ondisk import publish
from provisimus.ondisk.places import Places

ASKED = {"service": "greeter", "stack": "acme-local-greeter", "metric": True, "signal": "Healthy1"}
CHECKED = "2026-11-26T15:30:00Z"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(str(tmp_path))
    for each in (made.publish, made.health):
        Path(each).parent.mkdir(parents=True)
    ask(made)
    return made


def ask(places: Places, **other: object) -> None:
    Path(places.publish).write_text(json.dumps({**ASKED, **other}))


def becomes(places: Places, status: str) -> None:
    Path(places.health).write_text(json.dumps({"status": status, "checked": CHECKED}))


def told(cloud: FakeCloud) -> list[str]:
    """Each call as action and what matters of it."""
    found = []
    for action, about in cloud.calls:
        value = about.get("Status") or about["MetricData.member.1.Value"]
        found.append(f"{action} {value}")
    cloud.calls.clear()
    return found


def test_the_metric_by_value() -> None:
    health = {"status": "healthy", "checked": CHECKED}
    assert publish.metric(ASKED, health, "i-1") == {
        "Namespace": "Provisimus",
        "MetricData.member.1.MetricName": "Healthy",
        "MetricData.member.1.Value": "1",
        "MetricData.member.1.Timestamp": CHECKED,
        "MetricData.member.1.Dimensions.member.1.Name": "InstanceId",
        "MetricData.member.1.Dimensions.member.1.Value": "i-1",
        "MetricData.member.1.Dimensions.member.2.Name": "Service",
        "MetricData.member.1.Dimensions.member.2.Value": "greeter",
    }


def test_the_fullest_disk_is_told_beside_it(places: Places, cloud: FakeCloud) -> None:
    health = {"status": "healthy", "checked": CHECKED}
    about = publish.metric(ASKED, health, "i-1", 91.26)
    second = {key: value for key, value in about.items() if ".2." in key[:21]}
    assert second["MetricData.member.2.MetricName"] == "DiskUsed"
    assert second["MetricData.member.2.Value"] == "91.3"
    assert second["MetricData.member.2.Dimensions.member.2.Value"] == "greeter"
    becomes(places, "healthy")
    assert publish.main([], places, cloud.client()) == 0
    [told_about] = cloud.called("PutMetricData")
    assert 0 <= float(told_about["MetricData.member.2.Value"]) <= 100


def test_the_disks_are_the_root_and_the_data_volumes(places: Places, tmp_path: Path) -> None:
    assert publish.disks(places) == [f"{tmp_path}/"]
    Path(places.volumes).write_text("vol-1 /data\nvol-2 /var/lib/a b\n")
    assert publish.disks(places) == [
        f"{tmp_path}/",
        f"{tmp_path}/data",
        f"{tmp_path}/var/lib/a b",
    ]
    assert publish.fullest([str(tmp_path / "gone")]) is None
    assert publish.fullest([str(tmp_path / "gone"), str(tmp_path)]) is not None


def test_a_service_that_breaks_is_seen_to_turn(places: Places, cloud: FakeCloud) -> None:
    becomes(places, "starting")
    assert publish.main([], places, cloud.client()) == 0
    assert told(cloud) == []
    becomes(places, "healthy")
    assert publish.main([], places, cloud.client()) == 0
    assert cloud.called("SignalResource") == [
        {
            "Version": "2010-05-15",
            "StackName": "acme-local-greeter",
            "LogicalResourceId": "Healthy1",
            "UniqueId": "i-1",
            "Status": "SUCCESS",
        }
    ]
    assert told(cloud) == ["SignalResource SUCCESS", "PutMetricData 1"]
    assert Path(places.published).read_text() == "healthy\n"
    becomes(places, "unhealthy")
    assert publish.main([], places, cloud.client()) == 0
    assert told(cloud) == ["PutMetricData 0"], "the stack was told once, for good"


def test_a_machine_that_never_becomes_healthy_lets_its_stack_fail(
    places: Places, cloud: FakeCloud
) -> None:
    becomes(places, "unhealthy")
    ask(places, metric=False)
    assert publish.main([], places, cloud.client()) == 0
    assert told(cloud) == ["SignalResource FAILURE"]


def test_what_cannot_be_told_is_told_the_next_time(
    places: Places, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    becomes(places, "healthy")
    cloud.on("SignalResource", (403, {"__type": "AccessDenied", "message": "no"}), (200, ""))
    assert publish.main([], places, cloud.client()) == 1
    assert told(cloud) == ["SignalResource SUCCESS", "PutMetricData 1"]
    assert "could not be told: SignalResource: AccessDenied: no" in capsys.readouterr().out
    assert not Path(places.published).exists()
    assert publish.main([], places, cloud.client()) == 0
    assert told(cloud) == ["SignalResource SUCCESS", "PutMetricData 1"]


def test_a_signal_that_nobody_waits_for_is_over(places: Places, cloud: FakeCloud) -> None:
    ask(places, metric=False)
    becomes(places, "healthy")
    cloud.on("SignalResource", (400, "<E><Code>ValidationError</Code><Message>x</Message></E>"))
    for _ in range(2):
        assert publish.main([], places, cloud.client()) == 0
    assert len(told(cloud)) == 1
    # A machine image made of this disk is another instance, in another stack.
    cloud.metadata["meta-data/instance-id"] = "i-2"
    assert publish.main([], places, cloud.client()) == 0
    assert len(told(cloud)) == 1


def test_a_machine_that_is_quicker_than_its_stack_says_it_again(
    places: Places, cloud: FakeCloud
) -> None:
    ask(places, metric=False)
    becomes(places, "healthy")
    early = "<E><Code>ValidationError</Code><Message>Resource x does not exist for</Message></E>"
    cloud.on("SignalResource", (400, early), (200, ""))
    assert publish.main([], places, cloud.client()) == 1
    assert publish.main([], places, cloud.client()) == 0
    assert publish.main([], places, cloud.client()) == 0
    assert told(cloud) == ["SignalResource SUCCESS"] * 2


def test_nothing_is_told_that_nobody_asked_for(places: Places, cloud: FakeCloud) -> None:
    becomes(places, "healthy")
    ask(places, metric=False, signal="")
    assert publish.main([], places, cloud.client()) == 0
    Path(places.publish).unlink()
    assert publish.main([], places, cloud.client()) == 0
    assert publish.main(["now"], places, cloud.client()) == 2
    assert told(cloud) == []
