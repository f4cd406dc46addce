"""Small decisions of the stack stage: networks, health, URLs, what a deletion keeps."""

import pytest
from tests.unit.stacks.test_service import CASES, TYPE
from tests.unit.stacks.types.test_database import CASES as DATABASES
from tests.unit.stacks.types.test_database import TYPE as DATABASE

from provisimus.stacks.delete import protected, snapshotted
from provisimus.stacks.health import is_open
from provisimus.stacks.instances import address_of
from provisimus.stacks.network import first_default


def test_the_first_zone_by_name_is_chosen() -> None:
    subnets = [
        {"SubnetId": "c", "AvailabilityZone": "eu-west-1c", "DefaultForAz": True},
        {"SubnetId": "own", "AvailabilityZone": "eu-west-1a", "DefaultForAz": False},
        {"SubnetId": "b", "AvailabilityZone": "eu-west-1b", "DefaultForAz": True},
    ]
    found = first_default(subnets)
    assert found is not None
    assert found["SubnetId"] == "b"
    assert first_default([]) is None


@pytest.mark.parametrize(("port", "is_it"), [(8080, True), (22, False)])
def test_a_port_is_open_when_a_rule_says_so(port: int, is_it: bool) -> None:
    assert is_open(TYPE.build(CASES["one-volume"]), port) is is_it


def test_a_deletion_keeps_snapshots() -> None:
    assert snapshotted(TYPE.build(CASES["private-with-all"])) == ["/data", "/var/lib/queue"]
    assert snapshotted(TYPE.build(CASES["plain"])) == []


def test_a_database_keeps_a_snapshot_and_may_be_protected() -> None:
    plain, open_ = (DATABASE.build(DATABASES[name]) for name in ("plain", "mysql"))
    assert snapshotted(plain) == ["Database"]
    assert (protected(plain), protected(open_)) == (["Database"], [])


def test_an_instance_is_reached_from_outside_first() -> None:
    both = {"PublicIpAddress": "127.1.0.1", "PrivateIpAddress": "10.0.0.1"}
    assert address_of(both) == "127.1.0.1"
    assert address_of({"PrivateIpAddress": "10.0.0.1"}) == "10.0.0.1"
    assert address_of(None) is None
