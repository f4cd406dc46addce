"""Stack type `database`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other, other
from tests.unit.stacks.types.told import told

from provisimus.stacks.network import over_stack, uses_of_network
from provisimus.stacks.types.database import TYPE
from provisimus.stacks.types.interface import Network, WantedStack
from provisimus.workspace.definitions.stacks.database import DatabaseDefinition
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.problems import parse

MAIN = other(NetworkDefinition, "main")


def wanted(**given: Any) -> WantedStack[DatabaseDefinition]:
    definition = parse(DatabaseDefinition, {"type": "database", **given})
    network = Network("vpc-1", subnets=("subnet-1", "subnet-2"))
    if definition.network == "main":
        network = over_stack(MAIN, uses_of_network(definition))
    return WantedStack("orders-db", "", definition, network, others={"main": MAIN})


CASES = {
    "plain": wanted(),
    "with-all": wanted(
        network="main",
        engine_version="16.4",
        instance_class="db.m6g.large",
        storage={"size": "100 GiB", "max": "1 TiB"},
        name="orders",
        user="orders",
        standby=True,
        backups={"keep": "35d", "at": "23:45"},
        maintenance="sun 23:00",
        parameters={"log_min_duration_statement": "500"},
        clients=["10.0.0.0/8"],
        alarms={
            "cpu": 80,
            "storage": 20,
            "connections": 200,
            "notify": ["arn:aws:sns:eu-west-1:111122223333:pager"],
        },
    ),
    "mysql": wanted(engine="mysql", engine_version="8.4", protect=False),
    "restored": wanted(restore="orders-final-2030-01-02", protect=False),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


def test_a_window_may_end_on_the_next_day() -> None:
    late = wanted(backups={"at": "12:00"}, maintenance="sun 23:45")
    properties = TYPE.build(late)["Resources"]["Database"]["Properties"]
    assert properties["PreferredMaintenanceWindow"] == "sun:23:45-mon:00:15"
    assert properties["PreferredBackupWindow"] == "12:00-12:30"


TOPIC = "arn:aws:sns:eu-west-1:111122223333:pager"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("engine: oracle", "2 engine: input should be 'postgres' or 'mysql', not 'oracle'"),
        (
            "engine: mysql\nengine_version: '8'",
            "3 engine_version: a version of MySQL has two parts at least",
        ),
        ("engine_version: '9.6'", "2 engine_version: PostgreSQL before 10 is no longer to be had"),
        ("user: admin", "2 user: 'admin' is kept by the engine"),
        ("instance_class: t3.small", "2 instance_class: 't3.small' is no instance class"),
        ("storage: {size: 10 GiB}", "2 storage/size: RDS gives 20 GiB at least"),
        (
            "storage: {size: 100 GiB, max: 105 GiB}",
            "2 storage/max: it must be a tenth more than 100 GiB at least, or RDS does not grow it",
        ),
        ("backups: {keep: 40d}", "2 backups/keep: backups are kept for whole days, 1d to 35d"),
        ("backups: {at: '25:00'}", "2 backups/at: '25:00' is no time of day"),
        (
            "backups: {at: '03:10'}",
            "1 : maintenance at sun 03:30 overlaps the backups at 03:10",
        ),
        ("maintenance: sunday 03:00", "2 maintenance: 'sunday 03:00' is no moment of a week"),
        ("storage: {size: 65 TiB}", "2 storage/size: RDS gives 64 TiB at most"),
        ("storage: {max: 65 TiB}", "2 storage/max: RDS gives 64 TiB at most"),
        (
            "engine: mysql\nengine_version: '8.4'\nuser: the_owner_of_orders",
            "4 user: a user of MySQL has 16 characters at most",
        ),
        ("name: template1", "2 name: 'template1' is a database of the engine's"),
        ("restore: last one", "2 restore: 'last one' names no snapshot"),
        ("restore: rds:orders--1", "2 restore: 'rds:orders--1' names no snapshot"),
        ("clients: [10.0.0.0/8, 10.0.0.0/8]", "2 clients: 10.0.0.0/8 stands twice"),
        ("alarms: {notify: [pager]}", "2 alarms/notify/0: 'pager' is no ARN of sns"),
        (
            f"alarms: {{notify: [{', '.join(f'{TOPIC}{n}' for n in range(6))}]}}",
            "2 alarms/notify: here belong at most 5",
        ),
        (
            "alarms: {storage: 95}",
            "2 alarms/storage: input should be less than or equal to 90, not 95",
        ),
        (
            "network: {vpc: vpc-1, subnets: [subnet-1, subnet-1]}",
            "2 network/subnets: subnet-1 stands twice",
        ),
        (
            "network: {vpc: main, subnets: [subnet-1, subnet-2]}",
            "2 network/vpc: 'main' is no id of its kind",
        ),
        ("name: orders-db", "2 name: 'orders-db' is no name here"),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: database\n{text}\n") == [problem]
