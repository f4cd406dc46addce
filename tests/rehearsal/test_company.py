"""The example company: one command brings all of it up, another takes it down, nothing is left.

Its stacks are the example's own. Tiny machine images stand in for those that take an hour to bake:
they answer at 8080, whatever they are called, so what is looked at is the stacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from tests.rehearsal.house import House, open_house
from tests.rehearsal.stand_in import NEVER_PULLED, TINY, stand_in

from provisimus.environment import open_environment
from provisimus.workspace import open_workspace

STACKS = {
    *("activemq", "catalog", "catalog-db", "greeter", "greeters", "hazelcast", "hazelcasts"),
    *("main", "names", "public", "tls"),
}
MEMBERS = {"hazelcasts-1", "hazelcasts-2", "hazelcasts-3"}


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with open_house(tmp_path) as house:
        furnish(house)
        for key, value in house.environment.items():
            monkeypatch.setenv(key, value)
        workspace = open_workspace(house.root)
        environment = open_environment(workspace, "local", start=True)
        environment.ensure_base("tiny", workspace.base("tiny"))
        for machine, version in machines(house).items():
            stand_in(workspace, environment, machine, version)
        yield house


def furnish(house: House) -> None:
    """Tiny machines, and stacks that wait for no more than those can tell."""
    project = house.root / "provisimus.yaml"
    project.write_text(project.read_text().replace("\nbases:", f"\nbases:\n{TINY}", 1))
    for path in (house.folder / "acme-packer").glob("*/machine.yaml"):
        before = yaml.safe_load(path.read_text())
        small = {
            "base": "tiny",
            "main": {"image": NEVER_PULLED},
            "health": {"http": {"port": 8080, "path": "/health"}, "within": "600s"},
            **({"volumes": before["volumes"]} if "volumes" in before else {}),
        }
        path.write_text(yaml.safe_dump(small))
    for path in (house.root / "stacks").glob("*.yaml"):
        stack = yaml.safe_load(path.read_text())
        if "version" not in stack:
            continue
        stack["instance_type"] = "t2.nano"
        if path.stem in ("activemq", "hazelcasts"):
            # Nobody is there who would tell the stack.
            del stack["health"]
        if path.stem == "greeters":
            stack["replacement"] = {"warmup": "1s"}
        path.write_text(yaml.safe_dump(stack))


def machines(house: House) -> dict[str, str]:
    """The version of each machine that a stack runs."""
    workspace = open_workspace(house.root)
    found: dict[str, str] = {}
    for name in workspace.services():
        machine = workspace.machine_of(name, "local")
        if machine is not None:
            found[machine] = str(getattr(workspace.stack(name, "local"), "version", ""))
    return found


def client(environment: dict[str, str], service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=f"http://127.0.0.1:{environment['PROVISIMUS_LOCAL_PORT']}",
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.mark.timeout(1500)
def test_one_command_brings_the_company_up_and_another_takes_it_down(
    company: House, long: bool
) -> None:
    if not long:
        pytest.skip("boots nine machines; runs with --all")
    up = company.data("stack", "apply", "--all", "--env", "local", "--yes")
    assert {each["service"]: each["outcome"] for each in up["stacks"]} == dict.fromkeys(
        STACKS, "changed"
    )
    listed = company.data("stack", "list")
    assert {each["status"] for each in listed} == {"CREATE_COMPLETE"}
    assert {each["name"] for each in listed} == {
        f"acme-local-{name}" for name in (STACKS - {"hazelcasts"}) | MEMBERS
    }

    again = company.data("stack", "apply", "--all", "--yes")
    assert {each["outcome"] for each in again["stacks"]} == {"kept"}

    down = company.data("stack", "delete", "--all", "--env", "local", "--yes")
    assert down["keep"] == {}
    assert set(down["snapshots_of"]) >= {"/data"}
    assert company.data("stack", "list") == []
    ec2 = client(company.environment, "ec2")
    states = {
        each["State"]["Name"]
        for group in ec2.describe_instances()["Reservations"]
        for each in group["Instances"]
    }
    assert states <= {"terminated"}
    assert ec2.describe_volumes()["Volumes"] == []
    assert [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]] == []
    assert client(company.environment, "rds").describe_db_instances()["DBInstances"] == []
    balancers = client(company.environment, "elbv2").describe_load_balancers()["LoadBalancers"]
    assert balancers == []
