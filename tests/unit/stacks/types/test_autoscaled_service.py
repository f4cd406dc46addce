"""Stack type `autoscaled-service`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other, other
from tests.unit.stacks.types.told import told

from provisimus.errors import InvalidDefinitions
from provisimus.stacks.network import over_stack, uses_of_network
from provisimus.stacks.types.autoscaled_service import TYPE
from provisimus.stacks.types.interface import Network, OtherStack, WantedStack
from provisimus.workspace.definitions.machine import Health, HttpHealth
from provisimus.workspace.definitions.stack import StackDefinition
from provisimus.workspace.definitions.stacks.autoscaled_service import AutoscaledServiceDefinition
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.problems import parse

Wanted = WantedStack[AutoscaledServiceDefinition]
HEALTH = Health(http=HttpHealth(port=8080))
DEFAULT = Network("vpc-1", subnets=("subnet-1", "subnet-2"), front=("subnet-1", "subnet-2"))
MAIN = other(NetworkDefinition, "main", zones=3)
OTHERS = {
    "main": MAIN,
    "web": OtherStack("acme-local-web", StackDefinition(type="certificate")),
    "names": OtherStack("acme-local-names", StackDefinition(type="dns")),
}


def wanted(health: Health | None = HEALTH, **given: Any) -> Wanted:
    definition = parse(AutoscaledServiceDefinition, {"type": "autoscaled-service", **given})
    network = DEFAULT
    if definition.network == "main":
        network = over_stack(MAIN, uses_of_network(definition))
    return WantedStack("greeter", "1.0.0", definition, network, health, others=OTHERS)


CASES = {
    "plain": wanted(),
    "with-all": wanted(
        network="main",
        instance_type="m6i.large",
        key_name="ops",
        instances={"min": 3, "max": 12},
        port=9000,
        balancer={"from": ["192.0.2.0/24", "2001:db8::/32"], "certificate": "web", "idle": "2m"},
        scaling={"cpu": 60, "requests": 1000},
        replacement={"at_least": 90, "at_most": 150, "warmup": "2m", "bake": "10m"},
        alarms={"errors": 3, "notify": ["arn:aws:sns:eu-west-1:111122223333:pager"]},
        ingress=[{"port": 9100, "from": "10.0.0.0/8"}],
        dns={"zone": "names", "name": "greeter.acme.example"},
        environment={"MODE": "blue", "PASSWORD": "${secret:acme/greeter#password}"},
        logs={"keep": "14d"},
    ),
    "internal": wanted(
        network="main",
        balancer={
            "public": False,
            "from": ["10.0.0.0/8"],
            "certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/1",
        },
        dns={"zone": "Z0123456789ABCDEFGHIJ", "name": "greeter.acme.internal"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


def test_the_tiers_of_a_network_are_those_that_are_named() -> None:
    assert uses_of_network(CASES["with-all"].definition) == ("Private", "Public")
    assert uses_of_network(CASES["internal"].definition) == ("Private",)


def test_a_machine_that_a_balancer_cannot_ask() -> None:
    for health in (None, Health(run=("true",))):
        with pytest.raises(InvalidDefinitions, match="no health check over HTTP"):
            TYPE.build(wanted(health))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("instances: {min: 3, max: 2}", "2 instances/max: at most 2 is less than at least 3"),
        ("scaling: {}", "2 scaling: it says nothing to scale by"),
        (
            "replacement: {at_most: 100}",
            "2 replacement/at_most: with 100 and 100 nothing can be replaced",
        ),
        (
            "replacement:\n  at_least: 50\n  at_most: 160",
            "4 replacement/at_most: at_most may be 100 percent more than at_least, not more",
        ),
        (
            "balancer: {certificate: 'arn:aws:iam::1:server-certificate/x'}",
            "2 balancer/certificate: 'arn:aws:iam::1:server-certificate/x' is no ARN of acm",
        ),
        ("balancer: {from: [10.0.0.1/8]}", "2 balancer/from/0: '10.0.0.1/8' is no network"),
        (
            "dns: {zone: names, name: greeter}",
            "2 dns/name: 'greeter' is no name of a zone",
        ),
        (
            "dns: {zone: Names, name: greeter.acme.example}",
            "2 dns/zone: 'Names' is neither a stack nor the id of a zone",
        ),
        ("network: {vpc: vpc-1, subnets: [subnet-1]}", "2 network/subnets: here belong at least 2"),
        (
            "network: {vpc: vpc-1, subnets: [subnet-1, subnet-2], front: [subnet-1]}",
            "2 network/front: a load balancer stands in two subnets at least",
        ),
        ("balancer: {from: [10.0.0.0/8, 10.0.0.0/8]}", "2 balancer/from: 10.0.0.0/8 stands twice"),
        (
            "balancer: {idle: 2h}",
            "2 balancer/idle: input should be less than or equal to 4000, not '2h'",
        ),
        ("scaling: {cpu: 95}", "2 scaling/cpu: input should be less than or equal to 90, not 95"),
        (
            "replacement: {bake: 3d}",
            "2 replacement/bake: input should be less than or equal to 172800, not '3d'",
        ),
        ("alarms: {notify: [pager]}", "2 alarms/notify/0: 'pager' is no ARN of sns"),
        (
            "ingress: [{port: 1, from: 10.0.0.0/8}, {port: 1, from: 10.0.0.0/8}]",
            "2 ingress: port 1 from 10.0.0.0/8 stands twice",
        ),
        ("key_name: café", "2 key_name: 'café' is no name of a key pair"),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: autoscaled-service\n{text}\n") == [problem]
