"""An autoscaled service with real machines: created, kept, replaced behind its load balancer."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.in_sync import differing
from tests.ports import free_port
from tests.rehearsal.bases import shared_bases
from tests.rehearsal.test_stack import images_of

from provisimus.environment import Environment, open_environment
from provisimus.errors import Unhealthy
from provisimus.events import Event, Finished, Said
from provisimus.model import Commits, MachineImage, Stack, fingerprint
from provisimus.release.lineage import trace_service
from provisimus.stacks import StackPlan, apply_stack, find_stack, plan_stack
from provisimus.stacks.delete import delete_stack, plan_delete
from provisimus.stacks.diagnosis import diagnose
from provisimus.workspace import open_workspace

GREETERS = """\
type: autoscaled-service
machine: greeter
network: main
instance_type: t2.nano
instances: {min: 1, max: 2}
replacement: {warmup: 1s}
"""


CACHE = """\
type: cluster
machine: greeter
members: 2
instance_type: t2.nano
ingress: [{port: 8080, from: 0.0.0.0/0}]
data_volumes: [{mount: /data, size: 1 GiB}]
"""


@dataclass
class Scene:
    root: Path
    environment: Environment
    images: dict[str, str]
    runs: int = 0

    def plan(self, name: str, version: str = "") -> StackPlan:
        machine = fingerprint({"version": version}) if version else None
        return plan_stack(open_workspace(self.root), self.environment, name, version, machine)

    def apply(self, name: str, version: str = "") -> Stack:
        self.runs += 1
        image = MachineImage("greeter", version, self.images[version], version) if version else None
        return apply_stack(
            self.plan(name, version),
            self.environment,
            image,
            Commits({"services": "unknown"}),
            tell,
            f"rehearsal-{self.runs}",
        )

    def delete(self, name: str) -> None:
        found, _ = plan_delete(self.environment, "acme", name)
        delete_stack(self.environment, found, name, tell, f"rehearsal-{name}")

    def instances(self, stack: Stack) -> list[str]:
        found = self.environment.cloud.autoscaling.describe_auto_scaling_groups(
            AutoScalingGroupNames=[stack.outputs["AutoScalingGroup"]]
        )["AutoScalingGroups"]
        return [each["InstanceId"] for group in found for each in group["Instances"]]


def tell(event: Event) -> None:
    if isinstance(event, Finished | Said):
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} {event}\n")


@pytest.fixture
def scene(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    root = tmp_path / "acme"
    for folder in ("stacks", "packer/greeter", "docker"):
        (root / folder).mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        "project: acme\n"
        "bases:\n"
        "  tiny:\n"
        '    aws: {owner: "136693071363", name: "tiny-*"}\n'
        "    local: {tiny: true}\n"
    )
    (root / "packer/greeter/machine.yaml").write_text(
        "base: tiny\nmain: greeter\nhealth: {http: {port: 8080, path: /health}, within: 180s}\n"
    )
    (root / "stacks/main.yaml").write_text("type: network\n")
    (root / "stacks/greeters.yaml").write_text(GREETERS)
    monkeypatch.setenv("PROVISIMUS_LOCAL_DIR", str(tmp_path / "cloud"))
    monkeypatch.setenv("PROVISIMUS_LOCAL_PORT", str(free_port()))
    monkeypatch.setenv("PROVISIMUS_LOCAL_REGISTRY_PORT", str(free_port()))
    workspace = open_workspace(root)
    with shared_bases(tmp_path / "cloud", tmp_path_factory):
        environment = open_environment(workspace, "local", start=True)
        assert environment.local is not None
        try:
            environment.ensure_base("tiny", workspace.base("tiny"), tell)
            yield Scene(root, environment, images_of(environment))
        finally:
            environment.local.down()


def test_the_life_of_an_autoscaled_service(scene: Scene) -> None:
    scene.apply("main")
    first = scene.apply("greeters", "1.0.0")
    assert first.status == "CREATE_COMPLETE"
    [one] = scene.instances(first)
    formation = scene.environment.cloud.cloudformation
    assert {name: differing(formation, f"acme-local-{name}") for name in ("main", "greeters")} == {
        "main": {},
        "greeters": {},
    }
    assert answer(scene, first) == "ok"
    assert scene.plan("greeters", "1.0.0").change == "none"

    # Another version: another instance takes over before the old one goes.
    second = scene.apply("greeters", "1.0.1")
    assert second.status == "UPDATE_COMPLETE"
    assert one not in scene.instances(second)
    assert answer(scene, second) == "ok"

    scene.delete("greeters")
    scene.delete("main")
    found = scene.environment.cloud.ec2.describe_instances()["Reservations"]
    states = {each["State"]["Name"] for group in found for each in group["Instances"]}
    assert states <= {"terminated"}


def test_a_group_that_does_not_answer_says_why(scene: Scene, long: bool) -> None:
    if not long:
        pytest.skip("boots more machines; runs with --all")
    path = scene.root / "packer/greeter/machine.yaml"
    sick = path.read_text().replace("/health}, within: 180s", "/nothing-here}, within: 5s")
    path.write_text(sick)
    scene.apply("main")
    with pytest.raises(Unhealthy) as failed:
        scene.apply("greeters", "1.0.0")
    stack = find_stack(scene.environment, "acme-local-greeters")
    assert stack is not None
    seen = diagnose(scene.environment, stack)
    [machine] = seen.machines[:1]
    assert machine.target.startswith(("unhealthy", "unused", "draining"))
    assert machine.instance in "".join(failed.value.tail)
    assert any("tiny: serving" in line for each in seen.machines for line in each.console)
    assert "at the load balancer" in seen.first_cause or seen.activities
    lineages = trace_service(scene.environment, "acme", ["greeters"])
    assert {each.machine_image.image_id for each in lineages} == {scene.images["1.0.0"]}
    scene.delete("greeters")
    scene.delete("main")


def test_members_of_a_cluster_are_as_they_were_asked_for(scene: Scene, long: bool) -> None:
    if not long:
        pytest.skip("boots more machines; runs with --all")
    (scene.root / "stacks/cache.yaml").write_text(CACHE)
    (scene.root / "stacks/main.yaml").unlink()
    formation = scene.environment.cloud.cloudformation
    for name in ("cache-1", "cache-2"):
        assert scene.apply(name, "1.0.0").status == "CREATE_COMPLETE"
        assert differing(formation, f"acme-local-{name}") == {}
    for name in ("cache-1", "cache-2"):
        scene.delete(name)


def answer(scene: Scene, stack: Stack) -> str:
    """What the load balancer answers, at the address that its name has."""
    name = stack.outputs["LoadBalancerDnsName"]
    balancers = scene.environment.cloud.elbv2.describe_load_balancers()["LoadBalancers"]
    assert name in {each["DNSName"] for each in balancers}
    return httpx.get(f"{stack.outputs['Url']}health", timeout=10, trust_env=False).text.strip()
