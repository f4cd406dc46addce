"""The life of every stack type that runs machines, with real ones, tiny (tests/life.py)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.life import PROJECT, Change, Desk, Failure, Life, cached, live
from tests.rehearsal.lives import client
from tests.rehearsal.stand_in import baked

from provisimus.environment import open_environment
from provisimus.workspace import open_workspace

RESTARTED = (
    "the machine stops and starts: about a minute without answers; "
    "perhaps replaced: that is known when it happens"
)
MACHINES = {"greeter": "volumes: [{mount: /data}]\n", "stateless": ""}
AT_ONCE = "change: takes effect at once, connections that stand go on"
SWAPPED = {
    "Instance": "replace: the machine is swapped: about a minute without answers; its data volumes "
    "are snapshotted and move over",
    "AttachDataVolumeData": "perhaps replace: the volume moves to the new machine",
}

OPEN = "ingress: [{port: 8080, from: 0.0.0.0/0}]\n"
OPENER = "ingress: [{port: 8080, from: 0.0.0.0/0}, {port: 9100, from: 10.0.0.0/8}]\n"
NO_ROOM = {
    "calls": "ec2:RunInstances",
    "kind": "fail",
    "code": "InsufficientInstanceCapacity",
    "times": 1,
}


def bastion(image: str, size: str = "t3.nano") -> str:
    return f"type: bastion\nimage: /life/{image}\ninstance_type: {size}\n"


def service(version: str, more: str) -> str:
    return (
        f"type: service\nmachine: greeter\nversion: {version}\ninstance_type: t2.nano\n"
        f"data_volumes: [{{mount: /data, size: 1 GiB}}]\n{more}"
    )


def cluster(version: str, more: str) -> str:
    return service(version, more).replace("type: service", "type: cluster\nmembers: 2")


def autoscaled(version: str, most: int, balancer: str = "") -> str:
    return (
        f"type: autoscaled-service\nmachine: stateless\nversion: {version}\n"
        f"instance_type: t2.nano\ninstances: {{min: 1, max: {most}}}\n"
        f"replacement: {{warmup: 1s}}\n{balancer}"
    )


LIVES = {
    "autoscaled-service": Life(
        autoscaled("1.0.0", 2),
        Change(
            autoscaled("1.0.0", 3),
            {"Instances": "change: instances come or go as it says, none is replaced"},
        ),
        Change(
            autoscaled("1.0.1", 3),
            {
                "LaunchTemplate": "change: for instances that start from now on",
                "Instances": "change: one healthy instance after another takes an old one's "
                "place: no interruption",
            },
        ),
        Failure(
            # Another load balancer is there already, and goes again.
            autoscaled("1.0.1", 3, "balancer: {public: false}\n"),
            r"Listener \(AWS::ElasticLoadBalancingV2::Listener\).*AccessDenied",
            {
                "calls": "elasticloadbalancing:CreateListener",
                "kind": "fail",
                "code": "AccessDenied",
                "times": 1,
            },
        ),
    ),
    "bastion": Life(
        bastion("one"),
        Change(
            bastion("one", "t3.micro"),
            {"Instance": f"perhaps replace: {RESTARTED}"},
        ),
        Change(
            bastion("two", "t3.micro"),
            {"Instance": "replace: the machine is swapped: about a minute without answers"},
        ),
        Failure(
            bastion("one", "t3.micro"),
            r"Instance \(AWS::EC2::Instance\).*InsufficientInstanceCapacity",
            NO_ROOM,
        ),
    ),
    "cluster": Life(
        cluster("1.0.0", OPEN),
        Change(cluster("1.0.0", OPENER), {"SecurityGroup": AT_ONCE}),
        Change(cluster("1.0.1", OPENER), SWAPPED),
        Failure(
            # Of the first member; the second is not touched.
            cluster("1.0.0", OPENER),
            r"Instance\w+ \(AWS::EC2::Instance\).*InsufficientInstanceCapacity",
            NO_ROOM,
            back="UPDATE_COMPLETE",
            stray={"snapshot of a volume": 1},
        ),
        # Of two members: of two swaps, and the last one.
        stays={"snapshot of a volume": 6},
    ),
    "service": Life(
        service("1.0.0", OPEN),
        Change(service("1.0.0", OPENER), {"SecurityGroup": AT_ONCE}),
        Change(service("1.0.1", OPENER), SWAPPED),
        Failure(
            service("1.0.0", OPENER),
            r"Instance\w+ \(AWS::EC2::Instance\).*InsufficientInstanceCapacity",
            NO_ROOM,
            back="UPDATE_COMPLETE",
            stray={"snapshot of a volume": 1},
        ),
        # Of two swaps, and the last one.
        stays={"snapshot of a volume": 3},
    ),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with baked(tmp_path_factory.mktemp("lives"), PROJECT, MACHINES, tmp_path_factory) as made:
        yield made


@pytest.fixture
def desk(root: Path) -> Iterator[Desk]:
    environment = open_environment(open_workspace(root), "local", start=True)
    asked = cached(partial(client, environment))
    made = Desk(root, str(environment.cloud.endpoint), asked)
    yield made
    made.heal()


@pytest.mark.parametrize("kind", sorted(LIVES))
def test_the_life_of(kind: str, desk: Desk, long: bool) -> None:
    if not long:
        pytest.skip("boots one machine after the other; runs with --all")
    images = desk.client("ec2").describe_images(Owners=["self"])["Images"]
    for name, image in zip(("one", "two"), (each["ImageId"] for each in images), strict=False):
        desk.client("ssm").put_parameter(
            Name=f"/life/{name}", Value=image, Type="String", Overwrite=True
        )
    desk.service = kind
    live(desk, LIVES[kind])
