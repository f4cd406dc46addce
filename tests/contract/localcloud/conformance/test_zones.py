"""Route 53: hosted zones and changes of their records."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import differs, operation


@pytest.fixture
def zone(world: Any) -> Any:
    """A zone that nobody delegates to: its id and its name."""
    api, name = world.client("route53"), f"{world.name('zone')}.example.com."
    made = api.create_hosted_zone(Name=name, CallerReference=name)
    identifier = made["HostedZone"]["Id"].removeprefix("/hostedzone/")
    world.kept(api.delete_hosted_zone, Id=identifier)
    return identifier, name


def record(name: str, *values: str, action: str = "CREATE", kind: str = "A") -> dict[str, Any]:
    records = [{"Value": value} for value in values]
    return {
        "Action": action,
        "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": records},
    }


def change(world: Any, zone: str, *changes: dict[str, Any]) -> Any:
    return world.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": list(changes)}
    )


def records(world: Any, zone: str) -> dict[tuple[str, str], list[str]]:
    told = world.client("route53").list_resource_record_sets(HostedZoneId=zone)
    return {
        (each["Name"], each["Type"]): [value["Value"] for value in each["ResourceRecords"]]
        for each in told["ResourceRecordSets"]
        if each["Type"] not in ("NS", "SOA")
    }


@operation("Route 53", "CreateHostedZone")
def test_a_zone_begins_with_its_name_servers(world: Any, zone: Any) -> None:
    identifier, name = zone
    api = world.client("route53")
    told = api.list_resource_record_sets(HostedZoneId=identifier)["ResourceRecordSets"]
    assert {(each["Name"], each["Type"]) for each in told} == {(name, "NS"), (name, "SOA")}
    assert len(api.get_hosted_zone(Id=identifier)["DelegationSet"]["NameServers"]) == 4


@operation("Route 53", "ChangeResourceRecordSets")
def test_changes_are_made_together_or_not_at_all(world: Any, zone: Any) -> None:
    identifier, name = zone
    one, two = f"one.{name}", f"two.{name}"
    info = change(world, identifier, record(one, "192.0.2.1"))["ChangeInfo"]
    api = world.client("route53")
    world.until(lambda: api.get_change(Id=info["Id"])["ChangeInfo"]["Status"] == "INSYNC")
    change(world, identifier, record(one, "192.0.2.9", action="UPSERT"))
    assert records(world, identifier) == {(one, "A"): ["192.0.2.9"]}
    batch = {"Changes": [record(two, "192.0.2.2"), record(one, "192.0.2.1")]}
    code, message = refused(
        api.change_resource_record_sets, HostedZoneId=identifier, ChangeBatch=batch
    )
    assert (code, "it already exists" in message) == ("InvalidChangeBatch", True)
    assert records(world, identifier) == {(one, "A"): ["192.0.2.9"]}
    assert refused(api.delete_hosted_zone, Id=identifier)[0] == "HostedZoneNotEmpty"
    change(world, identifier, record(one, "192.0.2.9", action="DELETE"))
    assert records(world, identifier) == {}


@operation("Route 53", "ChangeResourceRecordSets")
@differs("a record that there is not is refused as InvalidInput")
def test_a_record_that_there_is_not_cannot_be_deleted(world: Any, zone: Any) -> None:
    identifier, name = zone
    batch = {"Changes": [record(f"two.{name}", "192.0.2.2", action="DELETE")]}
    code, message = refused(
        world.client("route53").change_resource_record_sets,
        HostedZoneId=identifier, ChangeBatch=batch,
    )  # fmt: skip
    assert (code, "it was not found" in message) == ("InvalidChangeBatch", True)


@operation("Route 53", "ListHostedZonesByName")
@operation("Route 53", "GetHostedZone")
def test_zones_are_found(world: Any, zone: Any) -> None:
    identifier, name = zone
    api = world.client("route53")
    told = api.list_hosted_zones_by_name(DNSName=name, MaxItems="1")["HostedZones"]
    assert [(each["Id"], each["Name"]) for each in told] == [(f"/hostedzone/{identifier}", name)]
    assert refused(api.get_hosted_zone, Id="Z0123456789ABCDEFGHIJ")[0] == "NoSuchHostedZone"
