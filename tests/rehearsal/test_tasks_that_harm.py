"""The tasks that harm, on a service with a real machine: what they promise is seen from inside it.

Each is carried out whole, and killed outright on its way and asked for once more: both ways lead to
the same end, and nothing is left beside it.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.life import cached
from tests.rehearsal.lives import client
from tests.rehearsal.stand_in import baked
from tests.rehearsal.tiny import eventually
from tests.world import more, world_of

from provisimus.environment import open_environment
from provisimus.http import httpx
from provisimus.workspace import open_workspace

PROJECT = "harm"
STACK = f"{PROJECT}-local-greeter"
SERVICE = """\
type: service
machine: greeter
version: 1.0.0
instance_type: t2.nano
ingress: [{port: 8080, from: 0.0.0.0/0}]
data_volumes: [{mount: /data, size: 1 GiB}]
"""
MAIN = [sys.executable, "-c", "from provisimus.cli import main; main()"]
UNDER_WAY = r"  \| UPDATE_IN_PROGRESS "
"""CloudFormation's first event of a change."""


@dataclass
class Desk:
    """The command line in a workspace whose one service runs."""

    root: Path
    client: Callable[[str], Any]
    stays: int = 1
    """How many snapshots are there when the service is gone: one of the volume that went last."""

    @property
    def file(self) -> Path:
        return self.root / "stacks/greeter.yaml"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*MAIN, *arguments], cwd=self.root, capture_output=True, text=True, check=False
        )
        print(f"$ {' '.join(arguments)}", done.stderr[-4000:], sep="\n")  # noqa: T201 - read when it fails
        assert done.returncode == 0, done.stderr[-4000:]
        return done

    def data(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def carry_out(self, until: tuple[str, ...], *arguments: str) -> str:
        """Run a command to its end; with `until`, kill it first as soon as lines of what it tells
        matched these, one after the other. Gives what it told at last."""
        if until:
            self.kill(until, *arguments)
        return self.run(*arguments).stderr

    def kill(self, until: tuple[str, ...], *arguments: str) -> None:
        command = [*MAIN, *arguments]
        with subprocess.Popen(command, cwd=self.root, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            awaited = list(until)
            for line in process.stderr:
                if re.match(awaited[0], line):
                    awaited.pop(0)
                if not awaited:
                    process.kill()
                    break
        assert (process.returncode, awaited) == (-signal.SIGKILL, [])

    def instance(self) -> Any:
        """The one that there is."""
        groups = self.client("ec2").describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]}]
        )["Reservations"]
        [found] = [each for group in groups for each in group["Instances"]]
        return found

    def volume(self) -> Any:
        """The one data volume that there is, attached to the instance."""
        volumes = self.client("ec2").describe_volumes(
            Filters=[{"Name": "tag:provisimus:mount", "Values": ["/data"]}]
        )["Volumes"]
        [found] = volumes
        [attached] = found["Attachments"]
        assert attached["InstanceId"] == self.instance()["InstanceId"]
        return found

    def get(self, path: str) -> str:
        """What the machine answers, once there is an answer."""

        def ask() -> str:
            url = f"http://{self.instance().get('PublicIpAddress')}:8080{path}"
            try:
                found = httpx.get(url, timeout=10, trust_env=False)
            except httpx.HTTPError:
                return ""
            return found.text if found.status_code == 200 else ""

        return str(eventually(ask, f"no answer to {path}"))

    def keep(self, word: str) -> None:
        """Write a line on the data volume."""
        told = self.get(f"/cgi-bin/keep?{word}")
        assert told.split()[-1] == word

    def kept(self) -> list[str]:
        return self.get("/data/kept").split()

    def kernel(self, path: str) -> str:
        return self.get(f"/cgi-bin/ask?{path}")

    def disk(self) -> int:
        """GiB of the data volume's disk, as the machine sees it. It answers before it mounts."""

        def mounted() -> list[str]:
            return re.findall(r"^/dev/(\S+) /data ", self.kernel("/proc/mounts"), re.MULTILINE)

        [name] = eventually(mounted, "no data volume is mounted")
        return int(self.kernel(f"/sys/block/{name}/size")) * 512 // 1024**3

    def memory(self) -> int:
        """MiB."""
        return int(self.kernel("/proc/meminfo").split()[1]) // 1024

    def snapshots(self, volume: str) -> list[str]:
        """Of a volume, the oldest first."""
        found = self.client("ec2").describe_snapshots(
            Filters=[{"Name": "volume-id", "Values": [volume]}]
        )["Snapshots"]
        return [each["SnapshotId"] for each in sorted(found, key=lambda each: each["StartTime"])]

    def at_rest(self, *command: str) -> None:
        """The stack is as its file says, nothing waits to be carried out, and to ask once more
        changes nothing."""
        assert {each["change"] for each in self.data("stack", "plan", "greeter")["stacks"]} == {
            "none"
        }
        formation = self.client("cloudformation")
        sets = formation.list_change_sets(StackName=STACK)["Summaries"]
        assert {each["ExecutionStatus"] for each in sets} <= {"EXECUTE_COMPLETE"}
        assert [path.name for path in (self.root / "stacks").iterdir()] == [self.file.name]
        before = world_of(self.client), self.file.read_text(), self.instance()["InstanceId"]
        assert not self.data(*command)["changed"]
        assert before == (
            world_of(self.client),
            self.file.read_text(),
            self.instance()["InstanceId"],
        )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    machines = {"greeter": "volumes: [{mount: /data}]\n"}
    with baked(tmp_path_factory.mktemp("harm"), PROJECT, machines, tmp_path_factory) as made:
        yield made


@pytest.fixture
def desk(root: Path, long: bool) -> Iterator[Desk]:
    """A service that runs; when it is gone, nothing is left of it but its snapshots."""
    if not long:
        pytest.skip("boots one machine after the other; runs with --all")
    environment = open_environment(open_workspace(root), "local", start=True)
    made = Desk(root, cached(partial(client, environment)))
    before = world_of(made.client)
    made.file.write_text(SERVICE)
    made.run("stack", "apply", "greeter", "--yes")
    yield made
    made.run("stack", "delete", "greeter", "--yes")
    left = more(world_of(made.client), before)
    assert {kind: len(names) for kind, names in left.items()} == {
        "snapshot of a volume": made.stays
    }


@pytest.mark.parametrize("until", [(), ("· update ", UNDER_WAY)], ids=["whole", "killed"])
def test_a_volume_grows(desk: Desk, until: tuple[str, ...]) -> None:
    desk.keep("before")
    instance, volume = desk.instance()["InstanceId"], desk.volume()["VolumeId"]
    grow = ("volume", "grow", "greeter", "--to", "2 GiB", "--yes")
    told = desk.carry_out(until, *grow)
    assert "size: 2 GiB" in desk.file.read_text()
    found = desk.volume()
    assert (found["VolumeId"], found["Size"]) == (volume, 2)

    # The machine does not see it while it runs, and what is to be done is said.
    assert desk.disk() == 1
    assert f"{instance} has not grown yet: {instance} declares no user to log in as" in told
    assert "it grows when the machine starts: provisimus instance stop greeter, then start" in told
    desk.run("instance", "stop", "greeter", "--yes")
    desk.run("instance", "start", "greeter", "--yes")
    assert desk.disk() == 2
    assert desk.kept() == ["before"]
    assert desk.instance()["InstanceId"] == instance
    desk.at_rest(*grow)


@pytest.mark.parametrize("until", [(), ("· update ", UNDER_WAY)], ids=["whole", "killed"])
def test_an_instance_gets_another_type(desk: Desk, until: tuple[str, ...]) -> None:
    desk.keep("before")
    instance, memory = desk.instance()["InstanceId"], desk.memory()
    resize = ("instance", "resize", "greeter", "--type", "t2.micro", "--yes")
    desk.carry_out(until, *resize)
    found = desk.instance()
    assert (found["InstanceId"], found["InstanceType"]) == (instance, "t2.micro")
    # Half a GiB, and one; a kernel keeps some of it for itself.
    assert desk.memory() > memory * 1.8
    assert desk.kept() == ["before"]
    desk.at_rest(*resize)


@pytest.mark.parametrize(
    "until",
    [(), ("· release the volumes ", UNDER_WAY), ("· swap the instance ", UNDER_WAY)],
    ids=["whole", "killed-before-the-swap", "killed-in-the-swap"],
)
def test_a_service_is_put_back_on_a_snapshot(desk: Desk, until: tuple[str, ...]) -> None:
    desk.keep("before")
    first = desk.volume()["VolumeId"]
    snapshot = desk.data("snapshot", "create", "greeter")["snapshot"]
    desk.keep("after")
    restore = ("snapshot", "restore", snapshot, "--service", "greeter", "--yes")
    desk.carry_out(until, *restore)
    assert f"made_of: {snapshot}" in desk.file.read_text()
    second = desk.volume()
    assert (second["SnapshotId"], second["VolumeId"] == first) == (snapshot, False)
    assert desk.kept() == ["before"]
    desk.at_rest(*restore)

    # Of the volume that went, all is in the snapshot that stays.
    kept = desk.snapshots(first)
    assert kept[0] == snapshot
    desk.run("snapshot", "restore", kept[-1], "--service", "greeter", "--yes")
    assert desk.kept() == ["before", "after"]
    # The first, and of each swap one at rest and one of the volume that went.
    desk.stays += 1 + 2 * 2
