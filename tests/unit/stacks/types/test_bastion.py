"""Stack type `bastion`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other, other
from tests.unit.stacks.types.told import told

from provisimus.stacks.network import in_stack
from provisimus.stacks.types.bastion import TYPE
from provisimus.stacks.types.interface import Network, OtherStack, WantedStack
from provisimus.workspace.definitions.stack import InNetwork, StackDefinition
from provisimus.workspace.definitions.stacks.bastion import AMAZON_LINUX, BastionDefinition
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.problems import parse

MAIN = other(NetworkDefinition, "main")
OTHERS = {
    "main": MAIN,
    "orders-db": OtherStack("acme-local-orders-db", StackDefinition(type="database")),
}


def wanted(**given: Any) -> WantedStack[BastionDefinition]:
    definition = parse(BastionDefinition, {"type": "bastion", **given})
    network = Network("vpc-1", "subnet-1", "eu-west-1a")
    if isinstance(definition.network, InNetwork):
        network = in_stack(MAIN, definition.network)
    return WantedStack("way-in", "", definition, network, others=OTHERS)


CASES = {
    "plain": wanted(),
    "with-all": wanted(
        network={"stack": "main", "zone": "b"}, instance_type="t4g.nano", databases=["orders-db"]
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("databases: [a, a]", "2 databases: a database stands twice"),
        ("instance_type: nano", "2 instance_type: 'nano' is no instance type"),
        ("network: {vpc: vpc-1, subnet: main}", "2 network/subnet: 'main' is no id of its kind"),
        (
            f"instance_type: t4g.nano\nimage: {AMAZON_LINUX}",
            "3 image: a t4g.nano does not run this image",
        ),
        ("image: ami-0123456789abcdef0", "2 image: 'ami-0123456789abcdef0' is no SSM parameter"),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: bastion\n{text}\n") == [problem]


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [
        ("t3.nano", "x86_64"),
        ("t4g.nano", "arm64"),
        ("c7gn.medium", "arm64"),
        ("g4dn.xlarge", "x86_64"),
    ],
)
def test_its_image_is_of_the_architecture_of_its_type(
    instance_type: str, architecture: str
) -> None:
    given = TYPE.parameters(wanted(instance_type=instance_type))
    assert given["MachineImage"].endswith(f"-{architecture}")
