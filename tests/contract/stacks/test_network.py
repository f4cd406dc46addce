"""Stacks without a machine, and what takes outputs of them: a network and a service in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from provisimus.errors import InvalidDefinitions, NotFound, Refused
from provisimus.stacks.live import find_stack

if TYPE_CHECKING:
    from conftest import Scene

MAIN = (
    "type: network\nnat: one\ndns: acme.internal\n"
    "endpoints: {interface: [ssm]}\nflow_logs: {keep: 30d}\n"
)
NO_ENTRY = "network: {stack: main, subnet: public}\n"
GREETER = (
    "network: {stack: main, subnet: public}\n"
    "ingress: [{port: 18080, from: 0.0.0.0/0}]\n"
    "data_volumes: [{mount: /data, size: 1 GiB}]\n"
)


@pytest.fixture
def network(scene: Scene) -> Scene:
    scene.declare("main", MAIN)
    scene.define(GREETER)
    return scene


def vpcs(scene: Scene) -> set[str]:
    return {each["VpcId"] for each in scene.ec2.describe_vpcs()["Vpcs"]}


def test_a_network_is_made_kept_changed_and_deleted(network: Scene) -> None:
    before = vpcs(network)
    made = network.applied("main")
    assert made.status == "CREATE_COMPLETE"
    assert vpcs(network) - before == {made.outputs["VpcId"]}
    assert "provisimus:version" not in made.tags
    subnets = network.ec2.describe_subnets(
        Filters=[{"Name": "vpc-id", "Values": [made.outputs["VpcId"]]}]
    )["Subnets"]
    assert len(subnets) == 6
    assert len({each["AvailabilityZone"] for each in subnets}) == 2

    plan = network.planned("main")
    assert [(step.needed, step.reason) for step in plan.steps()] == [
        (False, "the stack has this fingerprint")
    ]
    assert network.applied("main") == made

    network.declare("main", MAIN.replace("nat: one", "nat: per-zone"))
    assert "NatB is new" in network.planned("main").reason
    changed = network.applied("main")
    assert changed.status == "UPDATE_COMPLETE"
    assert changed.outputs.keys() - made.outputs.keys() == {"NatAddressB"}
    assert changed.outputs["NatAddressA"] == made.outputs["NatAddressA"]

    network.deleted("main")
    assert vpcs(network) == before


def test_a_service_lives_in_the_network_of_the_workspace(network: Scene) -> None:
    with pytest.raises(NotFound, match=r"greeter uses main, and there is no stack .*-local-main"):
        network.release("1.0.0")
    main = network.applied("main")
    stack = network.release("1.0.0")
    assert network.answer(stack)["image"].endswith("-1.0.0")
    found = network.ec2.describe_instances(InstanceIds=[stack.outputs["InstanceId"]])
    instance = found["Reservations"][0]["Instances"][0]
    assert instance["SubnetId"] == main.outputs["PublicSubnetA"]
    assert stack.tags["provisimus:uses"] == "main"
    assert stack.outputs["AvailabilityZone"] == main.outputs["ZoneA"]

    after = network.release("1.0.1")
    assert network.answer(after)["image"].endswith("-1.0.1")
    assert after.outputs["DataVolumeData"] == stack.outputs["DataVolumeData"]


def test_what_is_in_use_does_not_go(network: Scene) -> None:
    main = network.applied("main")
    network.release("1.0.0")
    used = "PublicSubnetA, VpcId, ZoneA"
    with pytest.raises(Refused, match=rf"{main.name} is in use by greeter \({used}\)"):
        network.deleted("main")
    network.declare("main", "type: network\ntiers: [private, data]\n")
    with pytest.raises(Refused, match=r"is in use by greeter \(PublicSubnetA\)"):
        network.applied("main")
    assert find_stack(network.environment, main.name) == main
    # What nobody uses may go.
    network.declare("main", MAIN.replace("nat: one", "nat: none"))
    assert "NatAddressA" not in network.applied("main").outputs
    network.deleted("greeter")
    network.deleted("main")


def test_an_output_that_is_not_there_yet_is_named(network: Scene) -> None:
    network.applied("main")
    network.declare("main", MAIN + "zones: 3\n")
    network.define(GREETER.replace("subnet: public", "zone: c"))
    with pytest.raises(NotFound, match="greeter uses PrivateSubnetC, ZoneC of main"):
        network.release("1.0.0")


def test_a_network_that_nobody_declares(network: Scene) -> None:
    network.define(GREETER.replace("main", "mian"))
    with pytest.raises(InvalidDefinitions, match="there is no stack 'mian' of type network"):
        network.plan("1.0.0")


def test_a_fixed_address_and_a_name_outlive_the_instance(network: Scene) -> None:
    network.declare("names", "type: dns\nzone: acme.example\n")
    # Nobody answers at such an address in this cloud, so nobody is let in to ask.
    network.define(
        f"{NO_ENTRY}fixed_address: true\nrecovery: true\nalarms: {{cpu: 80}}\n"
        "dns: {zone: names, name: greeter.acme.example}\n"
    )
    network.applied("main")
    zone = network.applied("names").outputs["ZoneId"]
    before = network.release("1.0.0")
    after = network.release("1.0.1")
    assert after.outputs["InstanceId"] != before.outputs["InstanceId"]
    assert after.outputs["PublicIp"] == before.outputs["PublicIp"]
    found = network.ec2.describe_addresses(PublicIps=[after.outputs["PublicIp"]])["Addresses"]
    assert [each["InstanceId"] for each in found] == [after.outputs["InstanceId"]]
    assert after.tags["provisimus:uses"] == "main names"
    assert zone


@pytest.mark.parametrize("network_used", ["main", "{stack: main, subnet: data}"])
def test_a_fixed_address_wants_a_public_subnet(network: Scene, network_used: str) -> None:
    network.define(f"network: {network_used}\nfixed_address: true\n")
    with pytest.raises(InvalidDefinitions, match="reached in a public subnet only"):
        network.plan("1.0.0")


@pytest.fixture
def asked(scene: Scene) -> Iterator[list[str]]:
    """The questions to EC2 about places."""
    names: list[str] = []

    def note(model: Any, **_: Any) -> None:
        if model.name in ("DescribeAvailabilityZones", "DescribeSubnets"):
            names.append(model.name)

    scene.ec2.meta.events.register("before-call.ec2", note)
    yield names
    scene.ec2.meta.events.unregister("before-call.ec2", note)


def test_zones_and_subnets_that_are_not_there_are_found_by_the_plan(
    scene: Scene, asked: list[str]
) -> None:
    scene.declare("main", "type: network\n")
    scene.planned("main")
    assert asked == [], "nothing is named"

    scene.declare("main", "type: network\nzones: [eu-west-1a, eu-west-1z]\n")
    with pytest.raises(InvalidDefinitions) as fault:
        scene.planned("main")
    (problem,) = fault.value.problems
    assert (problem.file, problem.line) == (str(scene.root / "stacks/main.yaml"), 2)
    assert (problem.key, problem.message) == (
        "zones/1", "there is no zone eu-west-1z in eu-west-1",
    )  # fmt: skip
    assert problem.hint == "there are: eu-west-1a, eu-west-1b, eu-west-1c"
    assert asked == ["DescribeAvailabilityZones"]
    scene.declare("main", "type: network\nzones: [eu-west-1a, eu-west-1c]\n")
    assert scene.planned("main").change == "create"

    own = scene.ec2.describe_subnets()["Subnets"][0]
    nobody = "subnet-0123456789abcdef0"
    asked.clear()
    scene.define(
        f"environments:\n  local: {{network: {{vpc: {own['VpcId']}, subnet: {nobody}}}}}\n"
    )
    with pytest.raises(InvalidDefinitions) as fault:
        scene.plan("1.0.0")
    (problem,) = fault.value.problems
    assert (problem.line, problem.key) == (2, "environments/local/network/subnet")
    assert f"{own['SubnetId']} ({own['AvailabilityZone']})" in str(problem.hint)
    assert asked == ["DescribeSubnets"]
    scene.define(f"network: {{vpc: {own['VpcId']}, subnet: {own['SubnetId']}}}\n")
    asked.clear()
    assert scene.plan("1.0.0").change == "create"
    assert asked == ["DescribeSubnets"], "it is asked for once"


def test_the_addresses_of_a_network_that_stands_do_not_change(scene: Scene) -> None:
    scene.declare("main", "type: network\n")
    made = scene.applied("main")
    scene.declare("main", "type: network\ncidr: 10.30.0.0/16\n")
    with pytest.raises(
        Refused, match=r"it has 10\.20\.0\.0/16, cidr says 10\.30\.0\.0/16"
    ) as fault:
        scene.planned("main")
    assert "declare another network beside it" in str(fault.value.hint)
    assert find_stack(scene.environment, made.name) == made
    # Without a gateway nothing is in the way of another VPC.
    scene.declare("inner", "type: network\ntiers: [data]\n")
    before = scene.applied("inner")
    scene.declare("inner", "type: network\ntiers: [data]\ncidr: 10.30.0.0/16\n")
    after = scene.applied("inner")
    assert after.outputs["Cidr"] == "10.30.0.0/16"
    assert after.outputs["VpcId"] != before.outputs["VpcId"]
