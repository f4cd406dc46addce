"""What resources cost by a table of prices; what has no price is said, and never nothing."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.tasks.cost import CostLine, Estimate, costs_of
from provisimus.tasks.prices import BY_USE, FREE, HOURS, PRICES, Prices, sizes

TABLE = Prices(
    instances={"t3.small": 0.02},
    databases={"db.t3.micro": 0.01},
    volumes={"gp3": 0.1},
    database_storage=0.2,
    nat_gateway=0.05,
    load_balancer=0.03,
    endpoint=0.01,
)


def cost(kind: str, properties: dict[str, Any], **others: Any) -> tuple[str, float | None]:
    template = {"Resources": {"It": {"Type": kind, "Properties": properties}, **others}}
    (line,) = costs_of("greeter", template, {"InstanceType": "t3.small"}, TABLE, "eu-west-1")
    assert (line.service, line.resource, line.type) == ("greeter", "It", kind)
    return line.what, line.usd


def test_an_instance_by_its_parameter_with_the_disk_it_is_launched_with() -> None:
    kind = {"InstanceType": {"Ref": "InstanceType"}}
    assert cost("AWS::EC2::Instance", kind) == ("t3.small", 14.6)
    disk = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 10, "VolumeType": "gp3"}}]
    told = "t3.small, 10 GiB gp3"
    assert cost("AWS::EC2::Instance", {**kind, "BlockDeviceMappings": disk}) == (told, 15.6)
    disk = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]
    told = "t3.small, without its root disk"
    assert cost("AWS::EC2::Instance", {**kind, "BlockDeviceMappings": disk}) == (told, 14.6)


def test_what_has_no_price_is_said() -> None:
    told = "not counted: no price of z9.huge is known here"
    assert cost("AWS::EC2::Instance", {"InstanceType": "z9.huge"}) == (told, None)
    assert cost("AWS::RDS::DBInstance", {"DBInstanceClass": "z9.huge"}) == (told, None)
    told = "not counted: no price of AWS::New::Thing is known here"
    assert cost("AWS::New::Thing", {}) == (told, None)
    told = "not counted: what the template does not tell GiB of gp3 have no price here"
    assert cost("AWS::EC2::Volume", {"VolumeType": "gp3", "Size": {"Ref": "X"}}) == (told, None)


def test_a_region_without_prices_has_no_figure() -> None:
    template = {"Resources": {"It": {"Type": "AWS::EC2::EIP", "Properties": {}}}}
    (line,) = costs_of("greeter", template, {}, None, "mars-north-1")
    assert line == CostLine(
        "greeter", "It", "AWS::EC2::EIP", "not counted: no prices of mars-north-1", None
    )


@pytest.mark.parametrize("kind", sorted(BY_USE))
def test_what_is_billed_by_use_is_named(kind: str) -> None:
    what, usd = cost(kind, {})
    assert what.startswith("not counted: billed by")
    assert usd is None


def test_what_costs_nothing_has_no_line() -> None:
    template = {"Resources": {str(n): {"Type": kind} for n, kind in enumerate(sorted(FREE))}}
    assert list(costs_of("greeter", template, {}, TABLE, "eu-west-1")) == []


def test_a_group_costs_what_it_launches_times_how_many() -> None:
    data = {"InstanceType": {"Ref": "InstanceType"}}
    group = {"MinSize": "2", "LaunchTemplate": {"LaunchTemplateId": {"Ref": "Template"}}}
    template = {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": data}}
    kind = "AWS::AutoScaling::AutoScalingGroup"
    assert cost(kind, group, Template=template) == ("2 of t3.small", 29.2)
    assert cost(kind, {"MinSize": "2", "LaunchTemplate": {}})[1] is None


def test_databases_by_class_storage_and_zones() -> None:
    kind = {"DBInstanceClass": "db.t3.micro", "AllocatedStorage": "20"}
    assert cost("AWS::RDS::DBInstance", kind) == ("db.t3.micro, 20 GiB", 11.3)
    two = ("db.t3.micro, 20 GiB in two zones", 22.6)
    assert cost("AWS::RDS::DBInstance", {**kind, "MultiAZ": True}) == two


def test_endpoints_by_kind_and_subnet() -> None:
    assert cost("AWS::EC2::VPCEndpoint", {}) == ("a gateway endpoint is free", 0.0)
    two = {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}
    assert cost("AWS::EC2::VPCEndpoint", two)[1] == 14.6


def test_sums_leave_out_what_is_not_counted() -> None:
    lines = (
        CostLine("a", "X", "T", "x", 1.5),
        CostLine("a", "Y", "T", "y", None),
        CostLine("b", "Z", "T", "z", 2.25),
    )
    made = Estimate("eu-west-1", "2026-01", lines)
    assert (made.usd, made.of("a"), made.of("b")) == (3.75, 1.5, 2.25)
    assert made.uncounted == lines[1:2]


def test_sizes_double() -> None:
    assert sizes("t3", 0.08) == {
        "t3.nano": 0.005, "t3.micro": 0.01, "t3.small": 0.02, "t3.medium": 0.04,
        "t3.large": 0.08, "t3.xlarge": 0.16, "t3.2xlarge": 0.32,
    }  # fmt: skip
    assert list(sizes("m6i", 1.0)) == ["m6i.large", "m6i.xlarge", "m6i.2xlarge", "m6i.4xlarge"]


@pytest.mark.parametrize("region", PRICES)
def test_the_table_is_whole_for_each_region(region: str) -> None:
    assert set(PRICES[region].instances) == set(PRICES["eu-west-1"].instances)
    assert 10 < PRICES[region].instances["t3.small"] * HOURS < 20
