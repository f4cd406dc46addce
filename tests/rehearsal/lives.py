"""What a machine does for its service in one life, and what another finds of it in the next."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import httpx

from provisimus.environment import Environment
from provisimus.evidence import evidence
from provisimus.model import MachineImage
from provisimus.user_data import (
    ENVIRONMENT_FILE,
    PUBLISH_FILE,
    SNAPSHOTS_FILE,
    user_data_of,
)

if TYPE_CHECKING:
    from tests.rehearsal.test_bake import Scene

SECRET = "hunter2-" + time.strftime("%H%M%S")


def first_life(scene: Scene, image: MachineImage, mounts: dict[str, str]) -> str:
    """All that a machine does for its service; returns a snapshot that it took of /data."""
    # There is nothing to pull from: on the machine, the registry's address is the machine's own.
    with launched(scene, image, mounts) as (instance, address):
        assert answer(address, 8080, within=600).strip() == "hello from greeter"
        assert answer(address, 9100, within=60).strip() == "hello from metrics"

        report = "grep -w healthy /run/provisimus/health"
        told = poll(lambda: ssh(scene, "ops", address, report), within=120, what="health report")
        assert json.loads(told)["status"] == "healthy"
        its_users_are_let_in(scene, address)
        it_has_the_settings_of_its_stack_in_memory_alone(scene, address)
        snapshot = it_takes_snapshots(scene, address, mounts)
        it_tells_when_its_service_turns(scene, instance, address)
        return snapshot


def its_users_are_let_in(scene: Scene, address: str) -> None:
    assert ssh(scene, "ops", address, "sudo -n id -u") == "0"
    credentials = "sudo -n find / -xdev -path '*/.docker/config.json'"
    assert ssh(scene, "ops", address, credentials) == ""
    assert ssh(scene, "guest", address, "sudo -n id -u") is None
    assert ssh(scene, "guest", address, "id -un") == "guest"
    assert ssh(scene, "leaver", address, "true") is None, "the account has expired"


def it_has_the_settings_of_its_stack_in_memory_alone(scene: Scene, address: str) -> None:
    # The stack's mode instead of the baked one, the length of the password, what is only baked.
    assert answer(address, 8080, "settings", within=10) == f"blue {len(SECRET)} baked\n"
    where = "/etc /var /root /home /bootstrap /opt /usr/local /tmp"
    # So written, the pattern does not find itself in what sudo logs.
    everywhere = f"sudo -n grep -rlE '[{SECRET[0]}]{SECRET[1:]}' {where}; true"
    assert ssh(scene, "ops", address, everywhere) == ""
    assert ssh(scene, "ops", address, f"sudo -n grep -c {SECRET[:7]} /run/provisimus/environment")
    assert ssh(scene, "guest", address, "cat /run/provisimus/environment") is None


def it_takes_snapshots(scene: Scene, address: str, mounts: dict[str, str]) -> str:
    """By the hook for /data, by freezing for /copy; both are written to afterwards."""
    keep = "sudo -n sh -c 'echo kept >/data/kept'"
    assert ssh(scene, "ops", address, keep) == ""
    taken = "sudo -n systemctl start provisimus-snapshots@now"
    assert ssh(scene, "ops", address, taken) == "", "see the console"
    assert ssh(scene, "ops", address, "cat /run/flushed") == "begin /data\nend /data"
    assert ssh(scene, "ops", address, "sudo -n touch /data/on /copy/on; ls /copy/on") == "/copy/on"
    ec2 = scene.environment.cloud.ec2
    found = {}
    for mount, volume in mounts.items():
        filters = [{"Name": "tag:provisimus:policy", "Values": [f"{scene.workspace.name}:{mount}"]}]
        (snapshot,) = ec2.describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]
        assert snapshot["VolumeId"] == volume
        found[mount] = snapshot["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(
        SnapshotIds=list(found.values()), WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    return found["/data"]


def it_tells_when_its_service_turns(scene: Scene, instance: str, address: str) -> None:
    asked = "curl -s -w '%{http_code}' http://127.0.0.1:9180/"
    assert str(ssh(scene, "ops", address, asked)).endswith("200")
    # The next check finds out, and the console tells, to whoever cannot log in.
    stopped = "sudo -n docker stop --time 0 greeter >/dev/null"
    assert ssh(scene, "ops", address, stopped) == ""
    assert ssh(scene, "ops", address, "sudo -n systemctl start provisimus-health") is None
    assert str(ssh(scene, "ops", address, asked)).endswith("503")
    telling = "\n".join(evidence(console(scene, instance).splitlines()))
    assert "]: healthy: http://127.0.0.1:8080/health" in telling
    assert "]: unhealthy: http://127.0.0.1:8080/health" in telling
    assert "container greeter: Exited" in telling
    metrics = client(scene.environment, "cloudwatch")
    found = metrics.get_metric_statistics(
        Namespace="Provisimus",
        MetricName="Healthy",
        Dimensions=[
            {"Name": "InstanceId", "Value": instance},
            {"Name": "Service", "Value": "greeter"},
        ],
        StartTime=time.time() - 3600,
        EndTime=time.time() + 3600,
        Period=7200,
        Statistics=["Minimum", "Maximum"],
    )["Datapoints"]
    assert min(each["Minimum"] for each in found) == 0
    assert max(each["Maximum"] for each in found) == 1


def second_life(scene: Scene, image: MachineImage, mounts: dict[str, str]) -> None:
    """Another instance has the data; a volume made of the snapshot has it too, and more room."""
    with launched(scene, image, mounts) as (instance, address):
        assert answer(address, 8080, "kept", within=600).strip() == "kept"
        assert ssh(scene, "ops", address, "cat /copy/kept") == "kept"
        room = ssh(scene, "ops", address, "df --block-size=1M --output=size /copy | tail -n 1")
        assert room is not None
        assert int(room) > 1800, "the file system grew to its volume"
        assert "making a file system" not in console(scene, instance)


def client(environment: Environment, service: str) -> Any:
    """Of a service that Provisimus itself has nothing to ask."""
    cloud = environment.cloud
    assert cloud.credentials is not None
    return boto3.client(
        service,
        region_name=cloud.region,
        endpoint_url=cloud.endpoint,
        aws_access_key_id=cloud.credentials[0],
        aws_secret_access_key=cloud.credentials[1],
    )


def furnish(environment: Environment, project: str) -> None:
    """A role for the machine, and what its settings refer to."""
    iam = client(environment, "iam")
    iam.create_role(RoleName=project, AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName=project)
    iam.add_role_to_instance_profile(InstanceProfileName=project, RoleName=project)
    environment.cloud.ssm.put_parameter(Name=f"/{project}/mode", Value="blue", Type="String")
    client(environment, "secretsmanager").create_secret(
        Name=f"{project}/greeter", SecretString=json.dumps({"password": SECRET})
    )


def ssh(scene: Scene, user: str, address: str, command: str) -> str | None:
    """What the command says, or None when it failed or the user was not let in."""
    done = subprocess.run(
        [
            "ssh", "-i", str(scene.key), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "ConnectTimeout=20", f"{user}@{address}", command,
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    print(f"ssh {user}: {command} → {done.returncode} {done.stdout}{done.stderr}")  # noqa: T201
    return None if done.returncode else done.stdout.strip()


@contextmanager
def launched(
    scene: Scene, image: MachineImage, mounts: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """An instance of the image, and its public address; its console is shown on failure."""
    ec2 = scene.environment.cloud.ec2
    instance, group = launch(scene, image, mounts)
    try:
        yield instance, public_address(ec2, instance)
    except AssertionError:
        print(console(scene, instance)[-6000:])  # noqa: T201
        raise
    finally:
        ec2.terminate_instances(InstanceIds=[instance])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance])
        ec2.delete_security_group(GroupId=group)


@contextmanager
def volumes(scene: Scene) -> Iterator[Callable[..., str]]:
    """Makes volumes, which outlive their instances and not the test."""
    ec2 = scene.environment.cloud.ec2
    made: list[str] = []

    def make(**about: Any) -> str:
        made.append(ec2.create_volume(AvailabilityZone="eu-west-1a", **about)["VolumeId"])
        tag = {"Key": "provisimus:snapshots", "Value": "every=86400 keep=3"}
        ec2.create_tags(Resources=made[-1:], Tags=[tag])
        return made[-1]

    try:
        yield make
    finally:
        for volume in made:
            ec2.delete_volume(VolumeId=volume)


def console(scene: Scene, instance: str) -> str:
    assert scene.environment.local is not None
    return scene.environment.local.console(instance)


def launch(scene: Scene, image: MachineImage, mounts: dict[str, str]) -> tuple[str, str]:
    """Instance and security group. The instance is told what a stack tells it."""
    ec2 = scene.environment.cloud.ec2
    group = ec2.create_security_group(GroupName=f"open-{image.image_id}", Description="test")[
        "GroupId"
    ]
    for port in (22, 8080, 9100):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
        )
    told = {
        ENVIRONMENT_FILE: {
            "GREETER_MODE": f"${{ssm:/{scene.workspace.name}/mode}}",
            "GREETER_PASSWORD": f"${{secret:{scene.workspace.name}/greeter#password}}",
        },
        PUBLISH_FILE: {"service": "greeter", "stack": "none", "metric": True, "signal": ""},
        SNAPSHOTS_FILE: [
            {
                "mount": mount,
                "volume": volume,
                "tags": {"provisimus:policy": f"{scene.workspace.name}:{mount}"},
            }
            for mount, volume in mounts.items()
        ],
    }
    started = ec2.run_instances(
        ImageId=image.image_id,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        SecurityGroupIds=[group],
        Placement={"AvailabilityZone": "eu-west-1a"},
        IamInstanceProfile={"Name": scene.workspace.name},
        MetadataOptions={"HttpTokens": "required"},
        UserData=user_data_of(((volume, mount) for mount, volume in mounts.items()), told),
    )
    instance = str(started["Instances"][0]["InstanceId"])
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance])
    for letter, volume in zip("fg", mounts.values(), strict=True):
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=f"/dev/sd{letter}")
    return instance, group


def public_address(ec2: Any, instance: str) -> str:
    def address() -> str | None:
        found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return found.get("PublicIpAddress")

    return poll(address, within=60, what="a public address")


def answer(address: str, port: int, path: str = "health", *, within: float) -> str:
    def ask() -> str | None:
        try:
            found = httpx.get(f"http://{address}:{port}/{path}", timeout=5, trust_env=False)
        except httpx.TransportError:
            return None
        return found.text if found.status_code == 200 else None

    return poll(ask, within=within, what=f"an answer from {address}:{port}")


def poll(ask: Any, *, within: float, what: str) -> Any:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"no {what} within {within:g} s")
