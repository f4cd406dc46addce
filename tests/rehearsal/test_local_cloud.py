"""Real machines behind the EC2 API: what boto3 asks for happens, and data outlives what it should.

One tiny machine at a time, which answers over HTTP seconds after power-on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from tests.ports import free_port

pytestmark = pytest.mark.timeout(900)
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


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    kept = os.environ.get("PROVISIMUS_REHEARSAL_DIR")
    directory = Path(kept) if kept else tmp_path_factory.mktemp("cloud")
    made = Cloud(directory, free_port(), free_port())
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


@pytest.fixture
def launch(cloud: Cloud) -> Iterator[Callable[..., Instance]]:
    made: list[Instance] = []

    def run(image: str = "", ports: tuple[int, ...] = (8080,), **more: Any) -> Instance:
        ec2 = cloud.ec2
        group = ec2.create_security_group(
            GroupName=f"rehearsal-{time.monotonic_ns()}", Description="rehearsal"
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


def make_volume(cloud: Cloud, instance: Instance) -> str:
    zone = instance.described()["Placement"]["AvailabilityZone"]
    return str(cloud.ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"])


def volume_state(cloud: Cloud, volume: str) -> str:
    return str(cloud.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"])


def test_an_instance_is_a_machine_that_knows_itself(cloud, launch):
    instance = launch(UserData="hello from the caller")
    text = eventually(lambda: instance.get("/"), "it did not answer")
    assert text.splitlines() == [f"instance {instance.identifier}", "hello from the caller"]
    assert instance.get("/health").strip() == "ok"
    assert f"tiny: serving as {instance.identifier}" in instance.console()
    described = instance.described()
    interface = described["NetworkInterfaces"][0]
    assert interface["Association"]["PublicIp"] == described["PublicIpAddress"]
    assert f"lease of {described['PrivateIpAddress']} obtained" in instance.console()
    listed = cloud.status()["instances"]
    assert [entry["state"] for entry in listed] == ["running"]
    user = Path(f"/proc/{listed[0]['pid']}/status").read_text()
    assert "\nUid:\t0\t" not in user or os.geteuid() != 0


def test_a_machine_asks_for_its_identity_its_keys_and_the_api(cloud, launch):
    role = cloud.make_role()
    instance = launch(
        UserData="hello from the caller",
        IamInstanceProfile={"Name": role},
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    eventually(lambda: instance.get("/health"), "it did not answer")
    assert instance.ask("/latest/meta-data/instance-id") == instance.identifier
    assert instance.ask("/latest/meta-data/public-ipv4") == instance.described()["PublicIpAddress"]
    assert instance.ask("/latest/meta-data/tags/instance/a") == "b"
    assert instance.ask("/latest/user-data") == "hello from the caller"
    assert "404 Not Found" in instance.ask("/latest/nonsense")
    assert "401 Unauthorized" in instance.ask("http://169.254.169.254/latest/meta-data/")

    keys = json.loads(instance.ask(f"/latest/meta-data/iam/security-credentials/{role}"))
    caller = cloud.client(
        "sts", aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["Token"],
    ).get_caller_identity()  # fmt: skip
    assert caller["Arn"].endswith(f"assumed-role/{role}/{instance.identifier}")

    api = instance.ask("/latest/meta-data/services/endpoint-url")
    assert "refused" not in instance.ask(f"{api}/")
    assert "403 Forbidden" in instance.ask(f"{api}/_localcloud/status")
    cloud.ec2.modify_instance_metadata_options(
        InstanceId=instance.identifier, HttpPutResponseHopLimit=2
    )
    assert instance.described()["MetadataOptions"]["HttpTokens"] == "required"
    cloud.ec2.modify_instance_metadata_options(
        InstanceId=instance.identifier, HttpEndpoint="disabled"
    )
    assert "403 Forbidden" in instance.ask("/latest/meta-data/instance-id")
    assert cloud.status()["ready"]


def test_only_what_a_security_group_opens_is_reached_while_it_runs(cloud, launch):
    instance = launch(ports=())
    eventually(lambda: "serving" in instance.console(), "it did not boot")
    assert instance.get("/health") is None
    allow(cloud, instance.group, 8080)
    assert eventually(lambda: instance.get("/health"), "the port did not open", 20)
    cloud.ec2.revoke_security_group_ingress(GroupId=instance.group, IpPermissions=permissions(8080))
    eventually(lambda: instance.get("/health") is None, "the port did not close", 20)


def test_a_volume_is_plugged_in_and_out_and_outlives_its_instance(cloud, launch):
    ec2 = cloud.ec2
    first = launch()
    eventually(lambda: first.get("/health"), "it did not answer")
    volume = make_volume(cloud, first)
    ec2.attach_volume(VolumeId=volume, InstanceId=first.identifier, Device="/dev/sdf")
    eventually(lambda: first.boots() == 1, "the volume was not mounted")

    with pytest.raises(ClientError, match="VolumeInUse"):
        ec2.attach_volume(VolumeId=volume, InstanceId=first.identifier, Device="/dev/sdg")
    with pytest.raises(ClientError, match="VolumeInUse"):
        ec2.delete_volume(VolumeId=volume)

    ec2.detach_volume(VolumeId=volume)
    eventually(lambda: volume_state(cloud, volume) == "available", "it was not released")
    # Linux refuses an NVMe disk while it still has one of the same serial number in use.
    eventually(lambda: "tiny: unmounted" in first.console(), "the guest did not let go of it")
    ec2.attach_volume(VolumeId=volume, InstanceId=first.identifier, Device="/dev/sdf")
    eventually(lambda: first.boots() == 2, "the volume was not mounted again")

    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.terminate_instances(InstanceIds=[first.identifier])
    first.reach("terminated")
    assert volume_state(cloud, volume) == "available"

    restored = ec2.create_volume(
        AvailabilityZone=first.described()["Placement"]["AvailabilityZone"], SnapshotId=snapshot
    )["VolumeId"]
    second = launch()
    ec2.attach_volume(VolumeId=restored, InstanceId=second.identifier, Device="/dev/sdf")
    eventually(lambda: second.boots() == 3, "the snapshot did not carry the data")
    assert first.identifier in second.get("/data/boots")


def test_stop_image_start_and_reboot(cloud, launch):
    ec2 = cloud.ec2
    instance = launch()
    eventually(lambda: instance.get("/health"), "it did not answer")
    volume = make_volume(cloud, instance)
    ec2.attach_volume(VolumeId=volume, InstanceId=instance.identifier, Device="/dev/sdf")
    eventually(lambda: instance.boots() == 1, "the volume was not mounted")

    began = time.monotonic()
    ec2.stop_instances(InstanceIds=[instance.identifier])
    assert instance.state() == "stopping"
    instance.reach("stopped")
    assert time.monotonic() - began < 29, "the guest did not power down by itself"

    image = ec2.create_image(InstanceId=instance.identifier, Name="of-a-stopped-one")["ImageId"]
    eventually(
        lambda: ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available",
        "the image was not made",
    )
    ec2.start_instances(InstanceIds=[instance.identifier])
    eventually(lambda: instance.boots() == 2, "it did not come up again with its volume")
    ec2.reboot_instances(InstanceIds=[instance.identifier])
    eventually(lambda: instance.boots() == 3, "it did not reboot")
    ec2.terminate_instances(InstanceIds=[instance.identifier])
    instance.reach("terminated")

    # The image carries both disks: the new instance finds the data as it was when it was made.
    copy = launch(image=image)
    eventually(lambda: copy.boots() == 2, "the image did not carry the data volume")
    assert copy.get("/data/boots").splitlines() == [instance.identifier, copy.identifier]


def test_killed_the_cloud_comes_back_with_its_instance(cloud, launch):
    instance = launch()
    eventually(lambda: instance.get("/health"), "it did not answer")
    volume = make_volume(cloud, instance)
    cloud.ec2.attach_volume(VolumeId=volume, InstanceId=instance.identifier, Device="/dev/sdf")
    eventually(lambda: instance.boots() == 1, "the volume was not mounted")
    before = instance.described()
    eventually(lambda: cloud.status()["saved"], "the state was not saved", 20)
    machine = cloud.status()["instances"][0]["pid"]
    cloud.process.kill()
    cloud.process.wait(10)
    eventually(lambda: not Path(f"/proc/{machine}").exists(), "the machine outlived it", 20)

    cloud.start()
    eventually(lambda: instance.boots() == 2, "the instance did not come back with its volume")
    after = instance.described()
    for key in ("PublicIpAddress", "PrivateIpAddress"):
        assert after[key] == before[key]


def test_a_machine_that_crashes_is_recovered(cloud, launch):
    instance = launch()
    eventually(lambda: instance.get("/health"), "it did not answer")
    before = instance.described()["PublicIpAddress"]
    os.kill(cloud.status()["instances"][0]["pid"], signal.SIGSEGV)
    eventually(lambda: instance.get("/health") is None, "it still answered", 20)
    eventually(lambda: instance.get("/health"), "it was not recovered")
    assert instance.state() == "running"
    assert instance.described()["PublicIpAddress"] == before
