"""A new version behind a load balancer whose machine never answers: the one before stays, and what
the load balancer found is told.

Its machine image is no more than a boot sector: the machine runs, and nothing listens on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from tests.contract.blocks import BLOCK, written
from tests.contract.localcloud.conformance.world import SPEAKS
from tests.life import PROJECT, Desk, cached, unchanged
from tests.rehearsal.lives import client
from tests.rehearsal.stand_in import baked, stand_in

from provisimus.environment import open_environment
from provisimus.errors import RolledBack
from provisimus.workspace import open_workspace

DEAD = "2.0.0"
UNHEALTHY = r"instance (i-[0-9a-f]+) is running, of ami-[0-9a-f]+, unhealthy \(.+\) at the load"


def greeters(version: str) -> str:
    return (
        f"type: autoscaled-service\nmachine: stateless\nversion: {version}\n"
        "instance_type: t2.nano\ninstances: {min: 1, max: 2}\nreplacement: {warmup: 1s}\n"
    )


@pytest.fixture
def desk(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, long: bool
) -> Iterator[Desk]:
    if not long:
        pytest.skip("boots two machines, of which one never answers; runs with --all")
    # An instance refresh that does not get on gives up after an hour: of a minute, here.
    monkeypatch.setenv("PROVISIMUS_LOCAL_MINUTE", "1")
    folder, machines = tmp_path_factory.mktemp("targets"), {"stateless": ""}
    with baked(folder, PROJECT, machines, tmp_path_factory) as root:
        workspace = open_workspace(root)
        environment = open_environment(workspace, "local", start=True)
        asked = cached(partial(client, environment))
        deaf = written(asked("ebs"), {0: SPEAKS.ljust(BLOCK, b"\0")})
        stand_in(workspace, environment, "stateless", DEAD, deaf)
        yield Desk(root, str(environment.cloud.endpoint), asked, "greeters")


def test_a_version_that_never_answers_its_load_balancer_gives_way(desk: Desk) -> None:
    desk.declare(greeters("1.0.0"))
    desk.apply()
    before, there = desk.resources(), running(desk)

    desk.declare(greeters(DEAD))
    failed = desk.apply(fails=RolledBack).exception
    assert isinstance(failed, RolledBack)
    told = re.search(UNHEALTHY, "\n".join(failed.tail))
    assert told, failed.tail
    assert told[1] not in there

    # Perhaps another instance, for the launch template has another version: of the same image.
    assert desk.status() == {"UPDATE_ROLLBACK_COMPLETE"}
    assert desk.resources() == before
    assert [*running(desk).values()] == [*there.values()]
    seen = desk.data("diagnose", desk.service)
    assert re.search(r"Instances \(AWS::AutoScaling::AutoScalingGroup\)", seen["first_cause"])
    assert told[0] in "\n".join(seen["kept"]["lines"])

    desk.declare(greeters("1.0.0"))
    unchanged(desk)
    desk.as_declared()
    url = desk.data("outputs", desk.service)["Url"]
    assert httpx.get(f"{url}health", timeout=30, trust_env=False).text.strip() == "ok"
    desk.run("delete", desk.service, "--yes", "--quiet")
    assert running(desk) == {}


def running(desk: Desk) -> dict[str, str]:
    """Instances that run, and of which image each is."""
    groups = desk.client("ec2").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]}]
    )["Reservations"]
    return {e["InstanceId"]: e["ImageId"] for group in groups for e in group["Instances"]}
