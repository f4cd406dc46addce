"""The boot test against EC2; what the machine says is given, since nothing runs behind this one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisimus.aws import as_tags
from provisimus.environment import Environment
from provisimus.errors import Unhealthy
from provisimus.events import silence
from provisimus.machines import ImageInput, MachinePlan, bake, boot_test, plan_machine, tags
from provisimus.model import Commits, MachineImage
from provisimus.workspace import open_workspace
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.problems import parse

RUN = "20260101T000000-abcdef"
REFERENCE = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
HEALTHY = ["[ 30.1] provisimus-health[9]: healthy: http://127.0.0.1:8080/health after 31 s"]
UNHEALTHY = [
    "[ 99.0] provisimus-health[9]: unhealthy: http://127.0.0.1:8080/health (no) after 300 s",
    "[ 99.1] provisimus-health[9]: container greeter: Exited (1) 2 minutes ago",
]
RUNS = ["provisimus-bootstrap[7]: every container runs after 20 s"]
Plan = Callable[[], MachinePlan]


@pytest.fixture
def plan(environment: Environment, tmp_path: Path) -> Plan:
    """Plans a machine that was baked and never tested."""
    root = tmp_path / "acme"
    (root / "packer/greeter").mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        'project: acme\nbases: {debian-12: {aws: {owner: "123456789012", name: "debian-12-*"}}}\n'
    )
    (root / "packer/greeter/machine.yaml").write_text(
        f'base: debian-12\nmain: {{image: "{REFERENCE}", name: greeter}}\n'
        "volumes: [{mount: /data}]\nhealth: {http: {port: 8080}}\n"
    )
    image = ImageInput("greeter", None, REFERENCE)
    workspace = open_workspace(root)

    def again() -> MachinePlan:
        return plan_machine(workspace, environment, "greeter", "1.0.0", {"greeter": image})

    ec2: Any = environment.cloud.ec2
    made = ec2.register_image(
        Name="baked",
        RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}],
    )["ImageId"]
    lineage = tags.image_tags(
        *("acme", "greeter", "1.0.0", again().fingerprint),
        inputs={},
        images={},
        commits=Commits({}),
        base="ami-1",
        run=RUN,
    )
    ec2.create_tags(Resources=[made], Tags=as_tags(lineage))
    return again


def run(plan: MachinePlan, environment: Environment) -> MachineImage:
    return bake(plan, environment, {"greeter": REFERENCE}, Commits({}), silence, RUN)


def standing(environment: Environment) -> dict[str, int]:
    """How much of each kind there is now."""
    ec2: Any = environment.cloud.ec2
    instances = [
        each
        for group in ec2.describe_instances()["Reservations"]
        for each in group["Instances"]
        if each["State"]["Name"] != "terminated"
    ]
    return {
        "instances": len(instances),
        "volumes": len(ec2.describe_volumes()["Volumes"]),
        "groups": len(ec2.describe_security_groups()["SecurityGroups"]),
        "images": len(ec2.describe_images(Owners=["self"])["Images"]),
    }


def test_what_becomes_healthy_is_tagged_as_usable(
    environment: Environment, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def console(_: Environment, instance: str) -> list[str]:
        ec2: Any = environment.cloud.ec2
        [about] = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
        [group] = ec2.describe_security_groups(
            GroupIds=[each["GroupId"] for each in about["SecurityGroups"]]
        )["SecurityGroups"]
        seen.append((about, group, ec2.describe_volumes()["Volumes"]))
        return HEALTHY if len(seen) > 1 else []

    monkeypatch.setattr(boot_test, "console_of", console)
    image = run(plan(), environment)
    assert image.tags[tags.HEALTHY_AFTER] == "31"
    assert plan().image is not None
    assert standing(environment) == {"instances": 0, "volumes": 0, "groups": 1, "images": 1}

    about, group, volumes = seen[0]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])
    assert not about.get("KeyName")
    marks = {each["Key"]: each["Value"] for each in about["Tags"]}
    assert marks[tags.RUN] == RUN
    assert tags.EXPIRES in marks
    assert len(volumes) == 2, "the root disk, and one for /data"


def test_what_does_not_become_healthy_is_removed_and_the_console_told(
    environment: Environment, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot_test, "console_of", lambda *_: UNHEALTHY)
    before = environment.cloud.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert len(before) == 1
    with pytest.raises(Unhealthy, match="it is unhealthy after 300 s") as caught:
        run(plan(), environment)
    assert "container greeter: Exited" in caught.value.tail[-1]
    assert standing(environment) == {"instances": 0, "volumes": 0, "groups": 1, "images": 0}
    assert environment.cloud.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_interrupted_it_leaves_the_image_for_the_next_run(
    environment: Environment, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(boot_test, "console_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(plan(), environment)
    assert standing(environment) == {"instances": 0, "volumes": 0, "groups": 1, "images": 1}
    assert plan().reason.endswith("was baked and never tested")


CHECKED = ["provisimus-containers[8]: every container is healthy after 44 s"]
SICK = ["provisimus-containers[8]: container broker is unhealthy after 90 s"]


@pytest.mark.parametrize(
    ("lines", "more", "answer"),
    [
        (HEALTHY, {"health": True}, ("healthy", 31)),
        (UNHEALTHY, {"health": True}, ("unhealthy", 300)),
        (["provisimus-health[9]: starting: http://x (no) after 12 s"], {"health": True}, None),
        (RUNS, {"health": True}, None),
        (RUNS, {}, ("healthy", 20)),
        ([], {}, None),
        (RUNS, {"checked": True}, None),
        (CHECKED, {"checked": True}, ("healthy", 44)),
        (HEALTHY, {"health": True, "checked": True}, None),
        (HEALTHY + CHECKED, {"health": True, "checked": True}, ("healthy", 44)),
        (HEALTHY + SICK, {"health": True, "checked": True}, ("unhealthy", 90)),
    ],
)
def test_what_a_console_says(
    lines: list[str], more: dict[str, bool], answer: tuple[str, int] | None
) -> None:
    said: dict[str, Any] = {"base": "debian-12", "main": "app", "side_carts": ["broker"]}
    if more.get("health"):
        said["health"] = {"http": {"port": 8080}}
    if more.get("checked"):
        said["containers"] = {"broker": {"health": {"run": ["true"]}}}
    patterns = boot_test.awaited(parse(Machine, said))
    assert boot_test.verdict(lines, patterns) == answer


def test_the_console_is_heard_as_long_as_the_slowest_check_takes() -> None:
    plain = {"base": "debian-12", "main": "app"}
    assert boot_test.patience(parse(Machine, plain)) == 300 + 120
    slow = {"app": {"health": {"run": ["true"], "within": "10m", "every": "30s"}}}
    machine = parse(Machine, {**plain, "containers": slow})
    assert boot_test.patience(machine) == 600 + 4 * 35 + 120
