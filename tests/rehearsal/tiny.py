"""A local cloud of a test's own with tiny machines, which answer seconds after power-on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from tests.ports import free_port
from tests.rehearsal.bases import shared_bases

PATIENCE = 240.0
"""Seconds to wait for what a machine does; emulated on a busy computer it takes its time."""


def eventually(condition: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@dataclass
class Cloud:
    directory: Path
    port: int
    registry_port: int
    process: subprocess.Popen[bytes] | None = None
    image: str = ""
    path: str = field(default_factory=lambda: os.environ["PATH"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                (
                    sys.executable, "-m", "provisimus.localcloud", "serve",
                    "--dir", str(self.directory), "--port", str(self.port),
                    "--registry-port", str(self.registry_port),
                ),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "PATH": self.path},
            )  # fmt: skip
        eventually(self.status, "the local cloud did not start", 60)

    def status(self) -> Any:
        try:
            return httpx.get(f"{self.url}/_localcloud/status", timeout=10).json()
        except httpx.HTTPError:
            return None

    def make_base(self) -> None:
        order = {"name": "tiny-rehearsal", "owner": "136693071363", "kind": "tiny"}
        answer = httpx.post(f"{self.url}/_localcloud/bases", json=order, timeout=600)
        last = answer.text.splitlines()[-1]
        assert "image_id" in last, answer.text
        self.image = str(self.ec2.describe_images(Owners=["136693071363"])["Images"][0]["ImageId"])

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def client(self, service: str, **keys: str) -> Any:
        keys = keys or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name="eu-west-1",
            **keys,
        )

    def make_role(self) -> str:
        """A role in an instance profile of the same name."""
        name, iam = f"rehearsal-{time.monotonic_ns()}", self.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return name

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(90)


@contextmanager
def open_cloud(
    tmp_path_factory: pytest.TempPathFactory, path: str | None = None
) -> Iterator[Cloud]:
    """A cloud with a tiny base. ``path`` is where it finds programs."""
    kept = os.environ.get("PROVISIMUS_REHEARSAL_DIR")
    directory = Path(kept) if kept else tmp_path_factory.mktemp("cloud")
    made = Cloud(directory, free_port(), free_port())
    made.path = path or made.path
    with shared_bases(directory, tmp_path_factory):
        made.start()
        try:
            made.make_base()
            yield made
        finally:
            made.end()


@dataclass
class Instance:
    """One machine and what a client sees of it."""

    cloud: Cloud
    identifier: str
    group: str

    def described(self) -> Any:
        found = self.cloud.ec2.describe_instances(InstanceIds=[self.identifier])
        return found["Reservations"][0]["Instances"][0]

    def state(self) -> str:
        return str(self.described()["State"]["Name"])

    def reach(self, state: str) -> None:
        eventually(lambda: self.state() == state, f"it did not become {state}")

    def get(self, path: str) -> str | None:
        address = self.described().get("PublicIpAddress")
        if not address:
            return None
        try:
            answer = httpx.get(f"http://{address}:8080{path}", timeout=3)
        except httpx.HTTPError:
            return None
        return answer.text if answer.status_code == 200 else None

    def boots(self) -> int:
        """How often a machine came up with the data volume; 0 while none is mounted."""
        return (self.get("/data/boots") or "").count("i-")

    def ask(self, what: str) -> str:
        """What a path of its metadata service, or another URL, answers to the guest itself."""
        return eventually(lambda: self.get(f"/cgi-bin/ask?{what}"), f"no answer about {what}", 60)

    def console(self) -> str:
        return str(self.cloud.ec2.get_console_output(InstanceId=self.identifier).get("Output", ""))


@contextmanager
def launching(cloud: Cloud, **of_group: str) -> Iterator[Callable[..., Instance]]:
    """Gives what launches instances; they are terminated at the end."""
    made: list[Instance] = []

    def run(image: str = "", ports: tuple[int, ...] = (8080,), **more: Any) -> Instance:
        ec2 = cloud.ec2
        group = ec2.create_security_group(
            GroupName=f"rehearsal-{time.monotonic_ns()}", Description="rehearsal", **of_group
        )["GroupId"]
        for port in ports:
            allow(cloud, group, port)
        identifier = ec2.run_instances(
            ImageId=image or cloud.image, MinCount=1, MaxCount=1, InstanceType="t2.nano",
            SecurityGroupIds=[group], **more,
        )["Instances"][0]["InstanceId"]  # fmt: skip
        instance = Instance(cloud, identifier, group)
        made.append(instance)
        instance.reach("running")
        return instance

    yield run
    for instance in made:
        cloud.ec2.terminate_instances(InstanceIds=[instance.identifier])
        instance.reach("terminated")
        cloud.ec2.delete_security_group(GroupId=instance.group)


def allow(cloud: Cloud, group: str, port: int) -> None:
    cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions(port))


def permissions(port: int) -> list[dict[str, Any]]:
    return [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port,
         "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ]  # fmt: skip
