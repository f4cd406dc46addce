"""What the local cloud takes, beside moto's own server, which fakes all that it says.

    python benchmarks/localcloud/figures.py [--rounds 5] [--only start,stack,many,blocks,boots]
                                            [--boots 50] [--keep FOLDER]

    start   process to first answer, first call, resident memory       both, interleaved
    stack   a stack of 30 resources, created and deleted               both, interleaved
    many    describe with 1,000 stacks                                  both
    blocks  512 KiB blocks of a snapshot put, listed, compared, got     ours; moto's are not real
    boots   RunInstances to the kernel's first word, and to an answer   ours; moto has no machines

Every server is a process of its own with a fresh directory on free loopback ports. `boots` needs
QEMU and makes the tiny base first (`--keep` keeps it for the next run). Asserts nothing.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from provisimus.http import httpx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.ports import free_port  # noqa: E402 - not installed

KINDS = ("start", "stack", "many", "blocks", "boots")
OURS, MOTO = "local cloud", "moto_server"
MANY = 1000
BLOCK = 512 * 1024


@dataclass
class Server:
    """One running server. ``started`` is how many seconds it took to answer."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    started: float

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service, endpoint_url=self.url, region_name="eu-west-1",
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(max_pool_connections=32, retries={"total_max_attempts": 1}),
        )  # fmt: skip

    @property
    def memory(self) -> int:
        """MiB resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024


@contextmanager
def running(name: str, folder: Path) -> Iterator[Server]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    if name == OURS:
        asked = f"{url}/_localcloud/status"
        argv = [
            *(sys.executable, "-m", "provisimus.localcloud", "serve", "--dir", str(folder)),
            *("--port", str(port), "--registry-port", str(free_port())),
        ]
    else:
        asked = f"{url}/moto-api/data.json"
        argv = [str(Path(sys.executable).with_name("moto_server")), "-p", str(port)]
    began = time.monotonic()
    environment = {**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    process = subprocess.Popen(
        argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                if httpx.get(asked, timeout=5, trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended") from None
                time.sleep(0.01)
        yield Server(name, url, process, time.monotonic() - began)
    finally:
        process.terminate()
        process.wait(120)


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def settle(formation: Any, name: str, gone: bool = False) -> None:
    while True:
        try:
            [stack] = formation.describe_stacks(StackName=name)["Stacks"]
        except formation.exceptions.ClientError:
            return
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            if gone or stack["StackStatus"].endswith("CREATE_COMPLETE"):
                return
            raise RuntimeError(stack["StackStatus"])
        time.sleep(0.02)


def template(count: int) -> str:
    """A third each of security groups, volumes and parameters that refer to them."""
    resources: dict[str, Any] = {}
    for number in range(count // 3):
        resources[f"Group{number}"] = {
            "Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "a group"},
        }  # fmt: skip
        resources[f"Volume{number}"] = {
            "Type": "AWS::EC2::Volume", "DeletionPolicy": "Delete",
            "Properties": {"AvailabilityZone": "eu-west-1a", "Size": 1, "VolumeType": "gp3"},
        }  # fmt: skip
        resources[f"Parameter{number}"] = {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Name": f"/bench/{number}", "Type": "String", "Value": {"Ref": f"Volume{number}"},
            },
        }  # fmt: skip
    return json.dumps({"Resources": resources})


def start(rounds: int) -> None:
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name in (OURS, MOTO):
            with tempfile.TemporaryDirectory() as folder, running(name, Path(folder)) as server:
                first = timed(lambda server=server: server.client("ec2").describe_instances())
                second = timed(lambda server=server: server.client("ec2").describe_instances())
                for what, value in (
                    ("answers", server.started), ("first call", first),
                    ("another call", second), ("MiB resident", server.memory),
                ):  # fmt: skip
                    found.setdefault((what, name), []).append(value)
    table(("answers", "first call", "another call", "MiB resident"), found)


def stack(rounds: int) -> None:
    found: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name in (OURS, MOTO):
                with running(name, Path(folder) / f"{name}-{number}") as server:
                    formation = server.client("cloudformation")

                    def made(formation: Any = formation) -> None:
                        formation.create_stack(StackName="one", TemplateBody=template(30))
                        settle(formation, "one")

                    def gone(formation: Any = formation) -> None:
                        formation.delete_stack(StackName="one")
                        settle(formation, "one", gone=True)

                    for what, work in (("30 resources made", made), ("removed", gone)):
                        found.setdefault((what, name), []).append(timed(work))
    table(("30 resources made", "removed"), found)


def many(rounds: int) -> None:
    def body(number: int) -> str:
        said = {"Name": f"/many/{number}", "Type": "String", "Value": "x"}
        return json.dumps({"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": said}}})

    found: dict[tuple[str, str], list[float]] = {}
    for name in (OURS, MOTO):
        with tempfile.TemporaryDirectory() as folder, running(name, Path(folder)) as server:
            formation = server.client("cloudformation")

            def make(number: int, formation: Any = formation) -> None:
                formation.create_stack(StackName=f"s{number}", TemplateBody=body(number))
                settle(formation, f"s{number}")

            # One after the other: moto's own stacks fail when several clients make some.
            def fill(make: Callable[[int], None] = make) -> None:
                for number in range(MANY):
                    make(number)

            found[f"{MANY} stacks made", name] = [timed(fill)]

            def pages(formation: Any = formation) -> None:
                told = formation.get_paginator("describe_stacks").paginate()
                assert sum(len(page["Stacks"]) for page in told) == MANY

            def one(formation: Any = formation) -> None:
                formation.describe_stacks(StackName=f"s{MANY // 2}")

            found["all described", name] = [timed(pages) for _ in range(rounds)]
            found["one described", name] = [timed(one) for _ in range(rounds)]
            found["MiB resident", name] = [float(server.memory)]
    table((f"{MANY} stacks made", "all described", "one described", "MiB resident"), found)


def blocks(rounds: int, count: int = 600) -> None:
    data = [os.urandom(BLOCK) for _ in range(16)]
    sums = [base64.b64encode(hashlib.sha256(each).digest()).decode() for each in data]
    found: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, running(OURS, Path(folder)) as server:
        direct = server.client("ebs")

        def written(indices: range, shift: int, **start: Any) -> tuple[str, float]:
            snapshot = direct.start_snapshot(VolumeSize=8, **start)["SnapshotId"]

            def put(index: int) -> None:
                which = (index + shift) % len(data)
                direct.put_snapshot_block(
                    SnapshotId=snapshot, BlockIndex=index, BlockData=data[which],
                    DataLength=BLOCK, Checksum=sums[which], ChecksumAlgorithm="SHA256",
                )  # fmt: skip

            with ThreadPoolExecutor(8) as pool:
                seconds = timed(lambda: list(pool.map(put, indices)))
            direct.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=len(indices))
            return snapshot, seconds

        for _ in range(rounds):
            base, seconds = written(range(count), 0)
            child, _ = written(range(0, count, 4), 1, ParentSnapshotId=base)
            told: list[Any] = []
            compared = timed(
                lambda base=base, child=child, told=told: told.extend(
                    direct.list_changed_blocks(FirstSnapshotId=base, SecondSnapshotId=child)[
                        "ChangedBlocks"
                    ]
                )
            )
            assert len(told) == len(range(0, count, 4))
            listed = direct.list_snapshot_blocks(SnapshotId=child)["Blocks"]

            def get(each: Any, child: str = child) -> None:
                direct.get_snapshot_block(
                    SnapshotId=child, BlockIndex=each["BlockIndex"], BlockToken=each["BlockToken"]
                )["BlockData"].read()

            with ThreadPoolExecutor(8) as pool:
                got = timed(lambda listed=listed, get=get, pool=pool: list(pool.map(get, listed)))
            for what, value in (
                (f"{count} blocks put", seconds), (f"{len(told)} changed found", compared),
                (f"{len(listed)} blocks got", got),
            ):  # fmt: skip
                found.setdefault((what, OURS), []).append(value)
    table(tuple(dict.fromkeys(what for what, _ in found)), found)


def boots(count: int, keep: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder, running(OURS, keep or Path(folder)) as server:
        order = {"name": "tiny-bench", "owner": "136693071363", "kind": "tiny"}
        lines = httpx.post(f"{server.url}/_localcloud/bases", json=order, timeout=900).text
        image = json.loads(lines.splitlines()[-1])["image_id"]
        ec2 = server.client("ec2")
        group = ec2.create_security_group(GroupName=f"b{time.time()}", Description="8080")
        ec2.authorize_security_group_ingress(
            GroupId=group["GroupId"], IpProtocol="tcp", FromPort=8080, ToPort=8080,
            CidrIp="0.0.0.0/0",
        )  # fmt: skip
        spoke, answered = [], []
        for _ in range(count):
            began = time.monotonic()
            instance = ec2.run_instances(
                ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.nano",
                SecurityGroupIds=[group["GroupId"]],
            )["Instances"][0]["InstanceId"]  # fmt: skip
            told = _until_running(ec2, instance)
            spoke.append(time.monotonic() - began)
            if _answers(told["PublicIpAddress"], began + 120):
                answered.append(time.monotonic() - began)
            ec2.terminate_instances(InstanceIds=[instance])
        print(f"\n{len(answered)} of {count} boots answered")
        rows = {
            ("the kernel speaks", OURS): spoke,
            ("answers over HTTP", OURS): answered,
            ("slowest answer", OURS): [max(answered, default=0)],
        }
        table(("the kernel speaks", "answers over HTTP", "slowest answer"), rows)


def _until_running(ec2: Any, instance: str) -> Any:
    while True:
        found = ec2.describe_instances(InstanceIds=[instance])
        told = found["Reservations"][0]["Instances"][0]
        if told["State"]["Name"] != "pending":
            return told
        time.sleep(0.05)


def _answers(address: str, deadline: float) -> bool:
    while time.monotonic() < deadline:
        try:
            url = f"http://{address}:8080/health"
            if httpx.get(url, timeout=1, trust_env=False).status_code == 200:
                return True
        except httpx.TransportError:
            time.sleep(0.05)
    return False


def table(rows: tuple[str, ...], found: dict[tuple[str, str], list[float]]) -> None:
    """Medians, and ours as a ratio of moto's where both are."""
    names = [name for name in (OURS, MOTO) if any(key[1] == name for key in found)]
    print("\n| | " + " | ".join(names) + (" | ratio |" if len(names) > 1 else " |"))
    print("|---" * (len(names) + 1 + (len(names) > 1)) + "|")
    for row in rows:
        middles = [statistics.median(found[row, name]) for name in names]
        cells = [f"{each:.0f}" if "MiB" in row else f"{each:.3f} s" for each in middles]
        ratio = [f"{middles[0] / middles[1]:.2f}"] if len(middles) > 1 else []
        print("| " + " | ".join([row, *cells, *ratio]) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--boots", type=int, default=50)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    wanted = asked.only.split(",")
    for kind, work in (("start", start), ("stack", stack), ("many", many), ("blocks", blocks)):
        if kind in wanted:
            try:
                work(asked.rounds)
            except (BotoCoreError, RuntimeError) as error:
                print(f"{kind}: {error}")
    if "boots" in wanted:
        boots(asked.boots, asked.keep)


if __name__ == "__main__":
    main()
