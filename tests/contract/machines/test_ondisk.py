"""What a machine asks of AWS, asked of a server that speaks both protocols as AWS does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.unit.ondisk.fake import FakeCloud, fake_cloud

from provisimus.aws import tags_of
from provisimus.ondisk import hold, publish, settings, snapshots
from provisimus.ondisk.aws import Client
from provisimus.ondisk.places import Places

REGION = "eu-west-1"


@pytest.fixture
def machine(endpoint: str) -> Iterator[FakeCloud]:
    """Its metadata service is ours, its cloud is not."""
    with fake_cloud() as made:
        made.metadata["meta-data/services/endpoint-url"] = endpoint
        yield made


@pytest.fixture
def client(machine: FakeCloud) -> Client:
    return machine.client()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(str(tmp_path))
    for each in (made.references, made.environment):
        Path(each).parent.mkdir(parents=True)
    return made


@pytest.fixture
def aws(endpoint: str) -> Any:
    def made(service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id="x",
            aws_secret_access_key="y",
        )

    return made


def test_parameters_and_secrets(aws: Any, client: Client) -> None:
    aws("ssm").put_parameter(Name="/acme/mode", Value="blue & ä", Type="SecureString")
    aws("secretsmanager").create_secret(Name="acme/db", SecretString='{"password": "s3cret"}')
    given = {"MODE": "${ssm:/acme/mode}", "URL": "x:${secret:acme/db#password}@y"}
    assert settings.resolved(given, client) == {"MODE": "blue & ä", "URL": "x:s3cret@y"}
    with pytest.raises(settings.Fault, match=r"ParameterNotFound.*\(/nowhere\)"):
        settings.resolved({"A": "${ssm:/nowhere}"}, client)
    with pytest.raises(settings.Fault, match=r"ResourceNotFoundException.*\(no/such\)"):
        settings.resolved({"A": "${secret:no/such}"}, client)


def test_the_metric(aws: Any, client: Client, places: Places) -> None:
    asked = {"service": "greeter", "stack": "x", "metric": True, "signal": ""}
    Path(places.publish).write_text(json.dumps(asked))
    for status in ("healthy", "unhealthy"):
        health = {"status": status, "checked": "2026-11-26T15:30:00Z"}
        Path(places.health).write_text(json.dumps(health))
        assert publish.main([], places, client) == 0
    metric, *_ = aws("cloudwatch").list_metrics(Namespace="Provisimus")["Metrics"]
    assert metric["MetricName"] == "Healthy"
    named = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
    assert named == {"InstanceId": "i-1", "Service": "greeter"}


def test_snapshots_of_a_volume(
    aws: Any, client: Client, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    ec2 = aws("ec2")
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    rhythm = [{"Key": "provisimus:snapshots", "Value": "every=86400 keep=2"}]
    ec2.create_tags(Resources=[volume], Tags=rhythm)
    ours = {"provisimus:policy": f"{volume}:/data", "provisimus:service": "greeter"}
    given = [{"mount": "/data", "volume": volume, "tags": ours}]
    Path(places.snapshots).write_text(json.dumps(given))
    Path(places.quiesce).write_text("/data /bin/true\n")
    monkeypatch.setattr(hold.os.path, "ismount", lambda _: True)

    def there() -> list[Any]:
        filters = [{"Name": "volume-id", "Values": [volume]}]
        found = ec2.describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]
        return sorted(found, key=lambda each: each["StartTime"])

    # As the swap of a stack's instance takes one: none of the machine's business.
    swap = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    assert snapshots.main(["due"], places, client) == 0
    first = [each for each in there() if each["SnapshotId"] != swap]
    assert len(first) == 1
    tags = tags_of(first[0]["Tags"])
    assert ours.items() <= tags.items()
    assert tags["provisimus:mount"] == "/data"
    assert snapshots.main(["due"], places, client) == 0
    assert len(there()) == 2, "none is due"
    for _ in range(3):
        assert snapshots.main(["now"], places, client) == 0
    left = {each["SnapshotId"] for each in there()}
    assert len(left) == 3
    assert swap in left
    assert os.listdir(places.quiet) == []  # noqa: PTH208
