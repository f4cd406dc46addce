"""Faults on demand, as real clients see them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from .conftest import LocalCloud


@pytest.fixture
def cloud(shared_cloud: LocalCloud) -> Iterator[LocalCloud]:
    yield shared_cloud
    httpx.delete(f"{shared_cloud.url}/_localcloud/faults")


@pytest.fixture
def client(cloud: LocalCloud) -> Any:
    """A client that tries once."""

    def make(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service, endpoint_url=cloud.url, region_name="eu-west-1",
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    return make


def add(cloud: LocalCloud, calls: str, kind: str, **more: Any) -> Any:
    answer = cloud.post("faults", {"calls": calls, "kind": kind, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_every_protocol_has_its_errors(cloud: LocalCloud, client: Any) -> None:
    fails = add(cloud, "*:*", "fail", code="Nonsense", message="no")
    assert code_of(client("ec2").describe_instances) == "Nonsense"
    assert code_of(client("iam").list_roles) == "Nonsense"
    assert code_of(client("ssm").get_parameter, Name="/x") == "Nonsense"
    assert code_of(client("s3").list_buckets) == "Nonsense"
    assert code_of(client("ebs").list_snapshot_blocks, SnapshotId="snap-1") == "Nonsense"
    assert code_of(client("cloudformation").list_stacks) == "Nonsense"
    add(cloud, "ec2:*", "throttle")
    httpx.delete(f"{cloud.url}/_localcloud/faults/{fails['id']}")
    assert code_of(client("ec2").describe_instances) == "RequestLimitExceeded"
    httpx.delete(f"{cloud.url}/_localcloud/faults")
    client("ec2").describe_instances()


def test_what_throttles_a_few_times_is_gone_for_a_client_that_tries_again(
    cloud: LocalCloud,
) -> None:
    add(cloud, "ec2:DescribeInstances", "throttle", times=2)
    cloud.client("ec2").describe_instances()
    assert httpx.get(f"{cloud.url}/_localcloud/faults").json() == []


def test_a_call_is_cut_before_or_after_it_was_done(cloud: LocalCloud, client: Any) -> None:
    ec2 = client("ec2")
    zone = {"AvailabilityZone": "eu-west-1a", "Size": 1}

    def volumes() -> int:
        return len(ec2.describe_volumes()["Volumes"])

    before = volumes()
    for kind, more in (("cut-before", 0), ("cut-after", 1)):
        add(cloud, "ec2:CreateVolume", kind, times=1)
        with pytest.raises(ConnectionClosedError):
            ec2.create_volume(**zone)
        assert volumes() == before + more


def test_an_answer_is_kept_back(cloud: LocalCloud, client: Any) -> None:
    add(cloud, "ec2:DescribeVolumes", "delay", seconds=0.5, times=1)
    began = time.monotonic()
    client("ec2").describe_volumes()
    assert time.monotonic() - began >= 0.5


def test_a_machine_that_is_not_there_cannot_be_killed(cloud: LocalCloud) -> None:
    assert cloud.post("instances/i-1/kill").status_code == 404
