"""Stacks of types that need the whole local cloud: made, kept, changed, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from tests.contract.localcloud.conftest import LocalCloud
from tests.ports import free_port

from provisimus.aws import Cloud
from provisimus.errors import ProvisimusError

if TYPE_CHECKING:
    from conftest import Scene


@pytest.fixture
def company(scene: Scene, tmp_path: Path) -> Iterator[Scene]:
    cloud = LocalCloud(tmp_path / "cloud", free_port(), free_port())
    cloud.start()
    try:
        here = Cloud("eu-west-1", None, cloud.url, None, ("test", "test"))
        scene.environment = replace(scene.environment, cloud=here)
        yield scene
    finally:
        cloud.stop()


def test_a_bucket_is_closed_and_stays_when_its_stack_goes(company: Scene) -> None:
    company.declare("invoices", "type: bucket\nexpire: [{prefix: tmp/, after: 7d}]\n")
    made = company.applied("invoices")
    name = made.outputs["BucketName"]
    cloud = company.environment.cloud
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    s3 = boto3.client("s3", region_name=cloud.region, endpoint_url=cloud.endpoint, **keys)
    closed = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(closed.values()) == {True}
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert company.planned("invoices").change == "none"

    company.declare("invoices", "type: bucket\nversions: false\n")
    assert company.applied("invoices").outputs == made.outputs
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    company.deleted("invoices")
    assert name in {each["Name"] for each in s3.list_buckets()["Buckets"]}


def test_a_certificate_is_issued_by_way_of_its_zone(company: Scene) -> None:
    company.declare("names", "type: dns\nzone: acme.example\n")
    company.declare("web", "type: certificate\ndomain: www.acme.example\nzone: names\n")
    company.applied("names")
    made = company.applied("web")
    assert made.outputs["CertificateArn"].startswith("arn:aws:acm:")
    assert company.planned("web").change == "none"
    company.deleted("web")
    # The record that showed whose the name is stays, as on AWS. It goes with its zone.
    company.deleted("names")


def test_a_zone_with_a_record_of_somebody_else_stays(company: Scene) -> None:
    company.declare("names", "type: dns\nzone: acme.example\n")
    zone = company.applied("names").outputs["ZoneId"]
    record = {
        "Name": "_sip.acme.example.",
        "Type": "CNAME",
        "TTL": 300,
        "ResourceRecords": [{"Value": "sip.elsewhere.example."}],
    }
    change = {"Action": "CREATE", "ResourceRecordSet": record}
    company.environment.cloud.route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [change]}
    )
    with pytest.raises(ProvisimusError, match="HostedZoneNotEmpty"):
        company.deleted("names")
