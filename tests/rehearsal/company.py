"""The example company whole: its artifacts delivered, its stacks by name, nothing left of it."""

from __future__ import annotations

import subprocess
from typing import Any

import boto3
from tests.rehearsal.house import ACTIVEMQ, House

MEMBERS = {"hazelcasts-1", "hazelcasts-2", "hazelcasts-3"}
SERVICES = {
    *("activemq", "catalog", "catalog-db", "greeter", "greeters", "hazelcast", "hazelcasts"),
    *("main", "names", "public", "tls"),
}
STACKS = {f"acme-local-{name}" for name in (SERVICES - {"hazelcasts"}) | MEMBERS}


def deliver(house: House) -> None:
    """Every artifact into the binary repository: built here, or imported as its vendor has it."""
    commit = house.commit("acme", "The first of acme")
    house.publish("1.0.0", commit)
    house.provisimus("artifact", "import", "com.hazelcast:hazelcast:5.3.8")
    house.provisimus("artifact", "import", *ACTIVEMQ)
    service = house.root / "services/catalog"
    subprocess.run(
        ["mvn", "-q", "-B", "package", "-Drevision=1.0.0", f"-Dcommit={commit}"],
        cwd=service,
        check=True,
    )
    jar = service / "target/catalog-1.0.0.jar"
    house.provisimus("artifact", "publish", str(jar), "--coordinates", "com.acme:catalog:1.0.0")


def bring_up(house: House) -> None:
    """All of it by one command, and by the same once more nothing."""
    up = house.data("stack", "apply", "--all", "--env", "local", "--yes")
    assert {each["service"]: each["outcome"] for each in up["stacks"]} == dict.fromkeys(
        SERVICES, "changed"
    )
    listed = house.data("stack", "list")
    assert {each["name"]: each["status"] for each in listed} == dict.fromkeys(
        STACKS, "CREATE_COMPLETE"
    )
    again = house.data("stack", "apply", "--all", "--yes")
    assert {each["outcome"] for each in again["stacks"]} == {"kept"}


def take_down(house: House) -> None:
    """All of it by one command; of data, snapshots stay, and of everything else nothing."""
    down = house.data("stack", "delete", "--all", "--env", "local", "--yes")
    assert down["keep"] == {}
    assert set(down["snapshots_of"]) >= {"/data"}
    assert house.data("stack", "list") == []
    ec2 = client(house, "ec2")
    states = {
        each["State"]["Name"]
        for group in ec2.describe_instances()["Reservations"]
        for each in group["Instances"]
    }
    assert states <= {"terminated"}
    assert ec2.describe_volumes()["Volumes"] == []
    assert [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]] == []
    assert client(house, "rds").describe_db_instances()["DBInstances"] == []
    assert client(house, "elbv2").describe_load_balancers()["LoadBalancers"] == []


def client(house: House, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=f"http://127.0.0.1:{house.environment['PROVISIMUS_LOCAL_PORT']}",
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
