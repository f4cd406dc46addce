"""Stack type `cluster`: its members, and what does not go together."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import GOLDEN, check_no_other, other
from tests.unit.stacks.types.told import told

from provisimus.errors import NotFound
from provisimus.stacks.gate import findings
from provisimus.stacks.template import yaml_of
from provisimus.stacks.types.cluster import TYPE
from provisimus.stacks.types.interface import WantedStack
from provisimus.workspace import open_workspace
from provisimus.workspace.definitions.machine import Health, HttpHealth
from provisimus.workspace.definitions.stack import InNetwork
from provisimus.workspace.definitions.stacks.cluster import ClusterDefinition
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.definitions.stacks.service import ServiceDefinition
from provisimus.workspace.problems import parse

MAIN = other(NetworkDefinition, "main")


def cluster(**given: Any) -> ClusterDefinition:
    return parse(ClusterDefinition, {"type": "cluster", **given})


def test_members_differ_in_number_zone_and_name() -> None:
    asked = cluster(
        network="main",
        dns={"zone": "Z0123456789", "name": "cache.acme.internal"},
        environment={"JAVA_OPTS": "-Xmx1g"},
    )
    assert asked.names("cache") == ["cache-1", "cache-2", "cache-3"]
    one, two, three = (asked.member("cache", number) for number in (1, 2, 3))
    zones = [each.network.zone for each in (one, two, three) if isinstance(each.network, InNetwork)]
    assert zones == ["a", "b", "a"]
    assert [each.machine for each in (one, two, three)] == ["cache"] * 3
    assert two.dns is not None
    assert two.dns.name == "cache-2.acme.internal"
    names = "cache-1.acme.internal,cache-2.acme.internal,cache-3.acme.internal"
    assert two.environment == {
        "CLUSTER_MEMBER": "2",
        "CLUSTER_SIZE": "3",
        "CLUSTER_MEMBERS": names,
        "JAVA_OPTS": "-Xmx1g",
    }


SNAPSHOT = "snap-0123456789abcdef0"
VOLUME = "data_volumes: [{mount: /a, size: 1 GiB}]\n"
TWICE = ", ".join(2 * [f"{{member: 2, mount: /a, snapshot: {SNAPSHOT}}}"])


def wanted(**given: Any) -> WantedStack[ClusterDefinition]:
    health = Health(http=HttpHealth(port=8080))
    return WantedStack("cache", "1", cluster(**given), health=health, others={"main": MAIN})


CASES = {
    "member": wanted(network="main", data_volumes=[{"mount": "/data", "size": "20 GiB"}]),
}


def test_the_template_of_a_member_is_the_golden_one() -> None:
    template = TYPE.build(CASES["member"])
    path = GOLDEN / "cluster-member.yaml"
    if os.environ.get("PROVISIMUS_WRITE_GOLDEN"):
        path.write_text(yaml_of(template))
    assert yaml_of(template) == path.read_text()
    assert [each for each in findings(template) if each[0] not in ("INFO", "DEBUG")] == []
    check_no_other(TYPE, CASES)


def test_a_member_is_a_service_of_the_workspace(tmp_path: Path) -> None:
    text = "type: cluster\nversion: '1'\nmembers: 2\nenvironments: {local: {members: 3}}\n"
    assert told(tmp_path, text, "cache") == []
    workspace = open_workspace(tmp_path)
    assert workspace.services() == ["cache"]
    assert workspace.members("cache") == ["cache-1", "cache-2"]
    assert workspace.declared("local") == ["cache", "cache-1", "cache-2", "cache-3"]
    member = workspace.stack("cache-2")
    assert isinstance(member, ServiceDefinition)
    assert (member.version, workspace.machine_of("cache-2")) == ("1", "cache")
    for name in ("cache-0", "cache-3", "cash-1"):
        with pytest.raises(NotFound):
            workspace.stack(name)
    assert isinstance(workspace.stack("cache-3", "local"), ServiceDefinition)


def test_a_member_may_have_a_volume_that_is_made_of_a_snapshot() -> None:
    volumes = [{"mount": "/data", "size": "20 GiB"}, {"mount": "/logs", "size": "1 GiB"}]
    given = [{"member": 2, "mount": "/data", "snapshot": SNAPSHOT}]
    made = cluster(data_volumes=volumes, restored=given)
    assert [
        [volume.made_of for volume in made.member("cache", number).data_volumes]
        for number in (1, 2, 3)
    ] == [[None, None], [SNAPSHOT, None], [None, None]]


def test_a_file_of_that_name_goes_before(tmp_path: Path) -> None:
    told(tmp_path, "type: cluster\n", "cache")
    told(tmp_path, "type: network\n", "cache-1")
    assert isinstance(open_workspace(tmp_path).stack("cache-1"), NetworkDefinition)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("members: 1", "2 members: input should be greater than or equal to 2, not 1"),
        (
            "data_volumes:\n- {mount: /a, size: 1 GiB}\n- {mount: /a, size: 1 GiB}",
            "4 data_volumes/1/mount: two data volumes have the same mount",
        ),
        (
            "environment: {CLUSTER_MEMBER: '1'}",
            "2 environment/CLUSTER_MEMBER: CLUSTER_MEMBER comes by itself",
        ),
        (
            f"dns: {{zone: names, name: {'a' * 62}.acme.internal}}",
            "2 dns/name: with a member's number its first part has more than 63 characters",
        ),
        (
            "dns: {zone: names, name: '*.acme.internal'}",
            "2 dns/name: members have names of their own",
        ),
        ("instance_type: large", "2 instance_type: 'large' is no instance type"),
        ("stack_name: Cache", "2 stack_name: a cluster is a stack for each member"),
        (
            f"restored: [{{member: 4, mount: /a, snapshot: {SNAPSHOT}}}]",
            "2 restored/0/member: there is no member 4 of 3",
        ),
        (
            f"{VOLUME}restored: [{{member: 2, mount: /b, snapshot: {SNAPSHOT}}}]",
            "3 restored/0/mount: no data volume is mounted there",
        ),
        (
            f"{VOLUME}restored: [{TWICE}]",
            "3 restored/1: /a of member 2 stands twice",
        ),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: cluster\n{text}\n") == [problem]
