"""The process itself: its directory, its ports, its children, and what survives it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError
from tests.ports import free_port

from provisimus.localcloud.bridge import remove_bridge

from .conftest import LocalCloud


def eventually(condition, within=20.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_status_tells_what_runs(shared_cloud):
    status = shared_cloud.status()
    assert status["ready"]
    assert (status["pid"], status["endpoint"]) == (shared_cloud.process.pid, shared_cloud.url)
    assert (status["region"], status["account"]) == ("eu-west-1", "123456789012")
    assert [service["name"] for service in status["services"]] == ["registry", "docker"]
    assert status["services"][0]["state"] == "running"
    assert (status["instances"], status["bases"]) == ([], [])


def test_the_registry_answers(shared_cloud):
    answer = httpx.get(f"http://127.0.0.1:{shared_cloud.registry_port}/v2/")
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_a_registry_that_dies_is_started_again(cloud):
    first = cloud.status()["services"][0]["pid"]
    os.kill(first, 9)
    eventually(lambda: cloud.status()["services"][0]["pid"] not in (None, first))


def test_a_second_one_in_the_same_directory_is_refused(shared_cloud):
    second = LocalCloud(shared_cloud.directory, shared_cloud.port + 1, shared_cloud.registry_port)
    done = second.run()
    assert done.returncode == 1
    assert (
        f"runs in {shared_cloud.directory} already (process {shared_cloud.process.pid})"
        in done.stderr
    )


def test_a_taken_port_is_an_error(stopped_cloud):
    with socket.socket() as other:
        other.bind(("127.0.0.1", stopped_cloud.port))
        other.listen()
        done = stopped_cloud.run()
    assert done.returncode == 1
    assert f"port {stopped_cloud.port} of 127.0.0.1 cannot be taken" in done.stderr
    assert "hint: " in done.stderr


def test_a_registry_port_taken_by_something_else_is_an_error(stopped_cloud):
    with socket.socket() as other:
        other.bind(("127.0.0.1", stopped_cloud.registry_port))
        other.listen()
        done = stopped_cloud.run()
    assert done.returncode == 1
    assert "taken by something that is not a registry" in done.stderr


def test_a_registry_that_is_there_is_used(shared_cloud, tmp_path):
    second = LocalCloud(tmp_path / "second", shared_cloud.port + 1, shared_cloud.registry_port)
    try:
        second.start()
        assert second.status()["services"][0]["state"] == "external"
    finally:
        second.stop()


def test_shutdown_leaves_no_process(cloud):
    children = cloud.children()
    assert children
    assert cloud.post("shutdown").status_code == 200
    assert cloud.process.wait(30) == 0
    eventually(lambda: not any(alive(pid) for pid in children))


def test_killed_it_leaves_no_process(cloud):
    children = cloud.children()
    cloud.kill()
    eventually(lambda: not any(alive(pid) for pid in children))


def test_what_was_made_is_there_after_a_kill(cloud):
    ec2, iam = cloud.client("ec2"), cloud.client("iam")
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    ec2.create_key_pair(KeyName="me")
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1, Encrypted=True)["VolumeId"]
    iam.create_role(RoleName="greeter", AssumeRolePolicyDocument="{}")
    eventually(lambda: cloud.status()["saved"])
    cloud.kill()
    cloud.start()
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert ec2.describe_key_pairs(KeyNames=["me"])["KeyPairs"]
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Encrypted"]
    assert iam.get_role(RoleName="greeter")
    assert (cloud.directory / "disks" / f"{volume}.qcow2").exists()
    ec2.delete_volume(VolumeId=volume)
    assert not (cloud.directory / "disks" / f"{volume}.qcow2").exists()


def test_what_the_environment_says_to_moto_is_not_for_us(cloud, monkeypatch):
    volume = cloud.client("ec2").create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    eventually(lambda: cloud.status()["saved"])
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "000000000000")
    cloud.stop()
    cloud.start()
    assert cloud.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"]
    assert (cloud.directory / "disks" / f"{volume}.qcow2").exists()


def test_a_state_that_cannot_be_read_is_set_aside(cloud):
    cloud.stop()
    (cloud.directory / "state.pickle").write_bytes(b"nonsense")
    cloud.start()
    assert list(cloud.directory.glob("state.pickle.unreadable-*"))
    assert "it was set aside" in (cloud.directory / "log").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="making a base needs root")
@pytest.mark.parametrize("end", [LocalCloud.kill, LocalCloud.stop])
def test_a_base_that_is_being_made_ends_with_it(stopped_cloud, tmp_path, monkeypatch, end):
    """With all that mmdebstrap had started and mounted, which it clears away only by itself."""
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\nfor root; do :; done\nmkdir -p $root/sys\nmount -t tmpfs none $root/sys\n"
        f"setsid sleep 86400.{stopped_cloud.port} &\ntouch {tmp_path}/begun\nwait\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    stopped_cloud.start()
    order = {"name": "a-base", "owner": "136693071363", "kind": "tiny"}
    asking = threading.Thread(target=ask_until_hung_up, args=(stopped_cloud, order))
    asking.start()
    eventually((tmp_path / "begun").exists)
    started = f"86400.{stopped_cloud.port}".encode()
    eventually(lambda: any(started in each for each in command_lines()))
    end(stopped_cloud)
    asking.join(20)
    eventually(lambda: not any(started in each for each in command_lines()))
    assert f"{stopped_cloud.directory}/" not in Path("/proc/mounts").read_text()


def ask_until_hung_up(cloud, order):
    with contextlib.suppress(httpx.TransportError):
        cloud.post("bases", order)


def command_lines():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes()


def test_an_order_that_is_wrong_is_answered_with_the_key(shared_cloud):
    answer = shared_cloud.post("bases", {"name": "x"})
    assert "name 'x' is not valid" in answer.json()["error"]


@contextlib.contextmanager
def shortly_named():
    """In a directory whose name leaves room for the engine's sockets."""
    with tempfile.TemporaryDirectory(prefix="local-", ignore_cleanup_errors=True) as folder:
        cloud = LocalCloud(Path(folder), free_port(), free_port())
        cloud.start()
        yield cloud
        cloud.stop()
        remove_bridge(Path(folder))  # one that was killed left it


@pytest.fixture
def short_cloud():
    with shortly_named() as cloud:
        yield cloud


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a Docker Engine")
@pytest.mark.skipif(shutil.which("dockerd") is None, reason="docker.io is not installed")
@pytest.mark.timeout(240)
def test_an_engine_of_its_own_dies_with_it(short_cloud):
    cloud = short_cloud
    host = cloud.post("docker").json()["host"]
    if not host.startswith(f"unix://{cloud.directory}"):
        pytest.skip(f"an engine answers already at {host}")
    assert cloud.post("docker").json() == {"host": host}
    assert cloud.status()["services"][1]["state"] == "running"
    children = cloud.children()
    names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in children}
    assert {"dockerd", "containerd"} <= names
    cloud.kill()
    eventually(lambda: not any(alive(pid) for pid in children))


@pytest.fixture
def another():
    with shortly_named() as cloud:
        yield cloud


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a Docker Engine")
@pytest.mark.skipif(shutil.which("dockerd") is None, reason="docker.io is not installed")
@pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox is not installed")
@pytest.mark.timeout(240)
def test_an_engine_keeps_its_network_when_another_one_ends(short_cloud, another, tmp_path):
    hosts = [each.post("docker").json()["host"] for each in (short_cloud, another)]
    if hosts[0] == hosts[1]:
        pytest.skip(f"an engine answers already at {hosts[0]}")
    shutil.copy(shutil.which("busybox"), tmp_path / "busybox")
    subprocess.run(("tar", "-cf", "../image.tar", "busybox"), cwd=tmp_path, check=True)

    def docker(*arguments):
        return subprocess.run(
            ("docker", "--host", hosts[0], *arguments), capture_output=True, text=True, check=True
        ).stdout

    docker("import", str(tmp_path.parent / "image.tar"), "box")
    addresses = ("run", "--rm", "box", "/busybox", "ip", "address", "show", "dev", "eth0")
    assert "inet 10.197." in docker(*addresses)
    another.stop()
    assert "inet 10.197." in docker(*addresses)


def test_an_unknown_image_is_refused(shared_cloud):
    with pytest.raises(ClientError, match=r"InvalidAMIID\.NotFound"):
        shared_cloud.client("ec2").run_instances(ImageId="ami-0123456789", MinCount=1, MaxCount=1)
