"""An EC2 that behaves like AWS's as far as calls and tags go, in a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.contract.machines.pushing import HTPASSWD, PASSWORD
from tests.ports import free_port

from provisimus.aws import Cloud
from provisimus.environment import Environment

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

SERVER = Path(__file__).parent / "ec2.py"


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """moto's server. Its models are global to a process, so it gets one for itself."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, str(SERVER), "-H", "127.0.0.1", "-p", str(port)],
        env={
            **os.environ,
            "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
            "MOTO_ACCOUNT_ID": "123456789012",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            await_answer(url)
            yield url
        finally:
            server.terminate()


@pytest.fixture
def environment(endpoint: str) -> Environment:
    """An environment on an empty EC2, without the local cloud around it."""
    httpx.post(f"{endpoint}/moto-api/reset", trust_env=False).raise_for_status()
    cloud = Cloud("eu-west-1", None, endpoint, None, ("test", "test"))
    give_way_out(cloud.ec2)
    return Environment("staging", cloud, "127.0.0.1:5000", ssh_from=("198.51.100.0/24",))


@pytest.fixture
def guarded(
    tmp_path: Path, serve_registry: Serve, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A real registry that wants user and password, which Docker's configuration has."""
    folder = tmp_path / "registry"
    folder.mkdir()
    users = folder / "htpasswd"
    users.write_text(HTPASSWD)
    auth = {"auth": {"htpasswd": {"realm": "here", "path": str(users)}}}
    with serve_registry(folder, auth) as url:
        config = tmp_path / "docker"
        config.mkdir()
        pair = base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
        (config / "config.json").write_text(json.dumps({"auths": {url: {"auth": pair}}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(config))
        yield url


def give_way_out(ec2: Any) -> None:
    """The default VPC leads to an internet gateway, as that of a real account does."""
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "association.main", "Values": ["true"]}])
    ec2.create_route(
        RouteTableId=table["RouteTables"][0]["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=gateway,
    )


def await_answer(url: str, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/moto-api/data.json", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing answers at {url} after {within:g} s")
