"""A cloud for the session, a workspace for each test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.contract.stacks.desk import desk, desk_cloud
from tests.contract.stacks.patience import Patience

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.events import Event, Started, Tell, silence
from provisimus.model import Commits, Digest, MachineImage, Stack, fingerprint
from provisimus.release import await_interrupted
from provisimus.stacks import StackPlan, apply_stack, plan_stack
from provisimus.stacks.delete import delete_stack, plan_delete
from provisimus.workspace import Workspace, open_workspace

__all__ = ["desk", "desk_cloud"]

APP_PORT = 18080
WELL_WITHIN = "60s"
"""How long an instance may take that is well, however busy this computer is."""
COMMITS = Commits({"services": "a" * 40, "docker": "b" * 40 + "-dirty", "packer": "unknown"})


@pytest.fixture(scope="session")
def cloud_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture
def held(cloud_folder: Path) -> Iterator[Path]:
    """While this file is there, the stack engine launches no instance."""
    hold = cloud_folder / "hold"
    hold.touch()
    yield hold
    hold.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def endpoint(cloud_folder: Path) -> Iterator[str]:
    ready, log = cloud_folder / "ready", cloud_folder / "log"
    environment = {**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("cloud.py")), str(ready)],
            stdout=out,
            stderr=out,
            env=environment,
        )
    try:
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield json.loads(ready.read_text())["endpoint"]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@dataclass
class Scene:
    """One service in a project of its own, with hands to release it."""

    root: Path
    environment: Environment
    events: list[Event] = field(default_factory=list)
    last_run: str = ""
    tell: Tell = silence
    patience: Patience = field(default_factory=Patience)

    @property
    def workspace(self) -> Workspace:
        return open_workspace(self.root)

    @property
    def ec2(self) -> Any:
        return self.environment.cloud.ec2

    def define(self, text: str, *, within: str = WELL_WITHIN) -> None:
        (self.root / "stacks/greeter.yaml").write_text(text)
        (self.root / "packer/greeter/machine.yaml").write_text(
            "base: debian-12\nmain: greeter\n"
            f"health: {{http: {{port: {APP_PORT}, path: /health}}, within: {within}}}\n"
        )

    def image(self, version: str, *, sick: bool = False) -> MachineImage:
        name = f"{self.workspace.name}-{version}" + ("-sick" if sick else "")
        found = self.ec2.describe_images(Filters=[{"Name": "name", "Values": [name]}])["Images"]
        ami = (
            found[0]["ImageId"]
            if found
            else self.ec2.register_image(
                Name=name,
                RootDeviceName="/dev/xvda",
                BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}],
            )["ImageId"]
        )
        return MachineImage("greeter", version, ami, name, machine(version, sick))

    def plan(self, version: str, *, sick: bool = False) -> StackPlan:
        return plan_stack(
            self.workspace,
            self.environment,
            "greeter",
            version,
            machine(version, sick),
        )

    def release(self, version: str, *, sick: bool = False, **options: Any) -> Stack:
        return self.carry_out(self.plan(version, sick=sick), sick=sick, **options)

    def carry_out(
        self,
        plan: StackPlan,
        *,
        sick: bool = False,
        stop_at: str = "-",
        run: str | None = None,
        **options: Any,
    ) -> Stack:
        """Apply a plan; `stop_at` interrupts it when a step of that name begins."""

        def tell(event: Event) -> None:
            self.hear(event)
            self.tell(event)
            if isinstance(event, Started) and event.step.startswith(stop_at):
                raise KeyboardInterrupt

        self.last_run = run or f"run-{uuid.uuid4().hex[:8]}"
        image = self.image(plan.version, sick=sick)
        with self.patience.kept():
            return apply_stack(
                plan, self.environment, image, COMMITS, tell, self.last_run, **options
            )

    def hear(self, event: Event) -> None:
        self.events.append(event)
        self.patience.hear(event)

    # Stacks without a machine, and any stack's end.

    def declare(self, name: str, text: str) -> None:
        (self.root / f"stacks/{name}.yaml").write_text(text)

    def planned(self, name: str) -> StackPlan:
        return plan_stack(self.workspace, self.environment, name, "", None)

    def applied(self, name: str) -> Stack:
        plan = self.planned(name)
        run = f"run-{uuid.uuid4().hex[:8]}"
        return apply_stack(plan, self.environment, None, COMMITS, self.events.append, run)

    def deleted(self, name: str) -> None:
        found, _ = plan_delete(self.environment, self.workspace.name, name)
        delete_stack(self.environment, found, name, self.events.append, "run-delete")

    def killed(self, moment: str, version: str, *, sick: bool = False) -> list[str]:
        """Release in a process of its own, killed outright at a moment; the moments until then.

        The process waits at each moment until it is told to go on, so nothing is left to chance.
        """
        self.image(version, sick=sick)
        self.last_run = f"run-{uuid.uuid4().hex[:8]}"
        argv = [sys.executable, str(Path(__file__).with_name("releasing.py"))]
        endpoint = str(self.environment.cloud.endpoint)
        passed: list[str] = []
        with subprocess.Popen(
            [*argv, str(self.root), endpoint, version, "sick" if sick else "well", self.last_run],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            for line in process.stdout:
                passed.append(line.rstrip())
                if passed[-1] == moment:
                    process.kill()
                    break
                process.stdin.write("go on\n")
                process.stdin.flush()
        return passed

    def go_on(self, version: str, *, sick: bool = False) -> Stack:
        """What the command line does after a run that was killed on this machine."""
        journal = self.workspace.state / "journal"
        journal.mkdir(parents=True, exist_ok=True)
        (journal / f"{self.last_run}.ndjson").touch()
        await_interrupted(self.workspace, self.environment, "greeter", self.events.append)
        return self.release(version, sick=sick)

    def answer(self, stack: Stack) -> dict[str, str]:
        import httpx

        from provisimus.stacks.instances import service_url

        url = service_url(self.environment, stack)
        assert url is not None
        answer: dict[str, str] = httpx.get(url, trust_env=False).json()
        return answer


def machine(version: str, sick: bool = False) -> Digest:
    return fingerprint({"machine": version, "sick": sick})


@pytest.fixture(scope="session")
def cloud(endpoint: str) -> Cloud:
    """One for all tests: making boto3's clients takes longer than most questions to them."""
    return Cloud("eu-west-1", None, endpoint, None, ("test", "test"))


@pytest.fixture
def scene(cloud: Cloud, tmp_path: Path) -> Scene:
    for folder in ("stacks", "packer/greeter", "docker"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "provisimus.yaml").write_text(f"project: t{uuid.uuid4().hex[:8]}\n")
    made = Scene(tmp_path, Environment("local", cloud, "127.0.0.1:5000"))
    made.define(
        f"ingress: [{{port: {APP_PORT}, from: 0.0.0.0/0}}]\n"
        "data_volumes: [{mount: /data, size: 1 GiB}]\n"
    )
    return made
