"""A moto server of the tests' own with the engine mounted, and a stack's story driven by boto3.

The cases can be pointed at another endpoint, to see whether it does the same:

    PROVISIMUS_TEST_ENDPOINT=http://127.0.0.1:4800 PROVISIMUS_TEST_IMAGES=ami-1,ami-2 \\
        pytest tests/contract/cloudformation

The endpoint speaks for all services (`aws` means AWS's own, with the usual credentials; pytest's
`--allow-hosts` must then be widened); the images are two that an instance can be made of. Cases
that look into the engine, restart it or make its calls fail are skipped there. This has been run
against the engine in another process, and **never against AWS**: that AWS answers as these cases
expect is what its documentation says, not what anybody has seen.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from provisimus.localcloud.cloudformation import mount
from provisimus.localcloud.cloudformation.engine import Engine

REGION, ACCOUNT = "eu-west-1", "000000000000"
SERVICE = (Path(__file__).parent / "service.yaml").read_text()
ELSEWHERE = os.environ.get("PROVISIMUS_TEST_ENDPOINT")
PATIENCE, PAUSE = (1800.0, 5.0) if ELSEWHERE == "aws" else (30.0, 0.05)
"""Seconds: until a stack must have settled, and between two looks at it."""
_numbers = itertools.count(1)


@dataclass
class Faults:
    """What goes wrong with the engine's own calls: `ec2.RunInstances` → an error code and text.

    While `pending` is set, instances that run are told to be pending; while `lingering` is set,
    those that are terminated are told to be shutting down.
    """

    errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    pending: threading.Event = field(default_factory=threading.Event)
    lingering: threading.Event = field(default_factory=threading.Event)

    def clear(self) -> None:
        self.errors.clear()
        self.pending.clear()
        self.lingering.clear()

    def watch(self, client: Any) -> Any:
        service = client.meta.service_model.service_name
        client.meta.events.register(f"before-call.{service}", self._before)
        client.meta.events.register("after-call.ec2.DescribeInstances", self._after)
        return client

    def _before(self, model: Any, **_: Any) -> None:
        found = self.errors.get(f"{model.service_model.service_name}.{model.name}")
        if found:
            code, message = found
            answer = {
                "Error": {"Code": code, "Message": message},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }
            raise ClientError(answer, model.name)  # type: ignore[arg-type]

    def _after(self, parsed: Any, **_: Any) -> None:
        told = {}
        if self.pending.is_set():
            told["running"] = "pending"
        if self.lingering.is_set():
            told["terminated"] = "shutting-down"
        for reservation in parsed.get("Reservations", []):
            for instance in reservation["Instances"]:
                state = instance["State"]
                state["Name"] = told.get(state["Name"], state["Name"])


@dataclass
class Inside:
    """What is in this process when the endpoint is the tests' own."""

    engine: Engine
    faults: Faults


@dataclass
class World:
    """A running endpoint and what stacks in it refer to."""

    client: Callable[[str], Any]
    url: str | None
    network: Mapping[str, str]
    images: list[str]
    inside: Inside | None = None

    @property
    def engine(self) -> Engine:
        return self._inner.engine

    @property
    def faults(self) -> Faults:
        return self._inner.faults

    @property
    def _inner(self) -> Inside:
        if self.inside is None:
            pytest.skip("looks into the engine, or makes its calls fail")
        return self.inside

    @property
    def cloudformation(self) -> Any:
        return self.client("cloudformation")

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def restart(self, lose: str | None = None) -> None:
        """The engine ends in the middle of what it does; another takes up what was saved.

        With `lose`, it ended before the physical id of that resource was saved.
        """
        saved = json.loads(self.engine.save())
        for stack in saved["stacks"]:
            if lose in stack["resources"] and stack["status"] == "CREATE_IN_PROGRESS":
                stack["resources"][lose].update(
                    physical_id=None, settling=False, status="CREATE_IN_PROGRESS"
                )
        state = json.dumps(saved)
        for run in list(self.engine.runs.values()):
            run.supersede()
            run.join()
        self._inner.engine = mount(lambda s: self.faults.watch(self.client(s)), REGION, ACCOUNT)
        self.engine.restore(json.loads(state))

    def parameters(self, **changed: str) -> list[dict[str, str]]:
        """The service template's parameters."""
        values = {"ImageId": self.images[0], **self.network, **changed}
        return [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]


@dataclass
class Story:
    """One stack, from outside."""

    world: World
    name: str
    stack_id: str = ""
    seen: int = 0

    def change(
        self,
        body: str,
        kind: str = "UPDATE",
        tags: Mapping[str, str] | None = None,
        **changed: str,
    ) -> dict[str, Any]:
        """Make a change set and wait until it is there or refused."""
        api = self.world.cloudformation
        made = api.create_change_set(
            StackName=self.name,
            ChangeSetName=f"change-{next(_numbers)}",
            ChangeSetType=kind,
            TemplateBody=body,
            Parameters=self.world.parameters(**changed) if "ImageId: {Type" in body else [],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": k, "Value": v} for k, v in (tags or {}).items()],
        )
        self.stack_id = made["StackId"]
        self.wait_while(
            lambda: api.describe_change_set(ChangeSetName=made["Id"])["Status"],
            "CREATE_PENDING",
            "CREATE_IN_PROGRESS",
        )
        return dict(api.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=True))

    def apply(self, body: str, kind: str = "UPDATE", **given: Any) -> str:
        """A change set, executed to its end; returns the stack's status."""
        told = self.change(body, kind, **given)
        assert told["Status"] == "CREATE_COMPLETE", told.get("StatusReason")
        self.world.cloudformation.execute_change_set(ChangeSetName=told["ChangeSetId"])
        return self.settle()

    def create(self, body: str, **given: Any) -> str:
        made = self.world.cloudformation.create_stack(
            StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"], **given
        )
        self.stack_id = made["StackId"]
        return self.settle()

    def update(self, body: str, **given: Any) -> str:
        self.world.cloudformation.update_stack(
            StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"], **given
        )
        return self.settle()

    def delete(self, **given: Any) -> str:
        self.world.cloudformation.delete_stack(StackName=self.name, **given)
        return self.settle()

    def reach(self, logical_id: str, status: str) -> None:
        """Wait for an event."""

        def reached() -> str:
            told = self.events()
            found = any(
                (e["LogicalResourceId"], e["ResourceStatus"]) == (logical_id, status) for e in told
            )
            return "there" if found else "not yet"

        self.wait_while(reached, "not yet")

    def begun(self, logical_id: str, other_than: str = "none") -> str:
        """The physical id of a resource as soon as there is one."""

        def known() -> str:
            api = self.world.cloudformation
            told = api.list_stack_resources(StackName=self.stack_id)["StackResourceSummaries"]
            found = [
                e.get("PhysicalResourceId") for e in told if e["LogicalResourceId"] == logical_id
            ]
            return (found and found[0]) or "none"

        return self.wait_while(known, "none", other_than)

    def events(self) -> list[dict[str, Any]]:
        """All events, oldest first."""
        pages = self.world.cloudformation.get_paginator("describe_stack_events")
        told = [e for p in pages.paginate(StackName=self.stack_id) for e in p["StackEvents"]]
        return told[::-1]

    @property
    def lives(self) -> bool:
        """Whether there is a stack of the name."""
        try:
            self.world.cloudformation.describe_stacks(StackName=self.name)
        except ClientError:
            return False
        return True

    def settle(self) -> str:
        """Wait until no operation runs; returns the status."""
        running = [s for s in IN_PROGRESS if s != "REVIEW_IN_PROGRESS"]
        return self.wait_while(lambda: self.described["StackStatus"], *running)

    @property
    def described(self) -> dict[str, Any]:
        return dict(self.world.cloudformation.describe_stacks(StackName=self.stack_id)["Stacks"][0])

    @property
    def described_by_name(self) -> dict[str, Any]:
        return dict(self.world.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0])

    @property
    def outputs(self) -> dict[str, str]:
        return {o["OutputKey"]: o["OutputValue"] for o in self.described.get("Outputs", [])}

    def physical(self, logical_id: str) -> str:
        told = self.world.cloudformation.describe_stack_resource(
            StackName=self.stack_id, LogicalResourceId=logical_id
        )
        return str(told["StackResourceDetail"]["PhysicalResourceId"])

    def news(self) -> list[str]:
        """`NAME STATUS [reason]` of the events since last asked, oldest first."""
        events = self.events()
        fresh = events[self.seen :]
        self.seen = len(events)
        return [
            " ".join(
                part
                for part in (
                    "STACK" if e["LogicalResourceId"] == self.name else e["LogicalResourceId"],
                    e["ResourceStatus"],
                    f"[{e['ResourceStatusReason']}]" if e.get("ResourceStatusReason") else "",
                )
                if part
            )
            for e in fresh
        ]

    @staticmethod
    def wait_while(status: Callable[[], str], *running: str) -> str:
        pause = threading.Event()
        for _ in range(int(PATIENCE / PAUSE)):
            now = status()
            if now not in running:
                return now
            pause.wait(PAUSE)
        raise AssertionError(f"still {status()} after {PATIENCE:.0f} seconds")


IN_PROGRESS = [
    "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS", "ROLLBACK_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS",
]  # fmt: skip


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if ELSEWHERE:
        yield elsewhere(ELSEWHERE)
        return
    before = dict(os.environ)
    os.environ.update(MOTO_ACCOUNT_ID=ACCOUNT, MOTO_EC2_LOAD_DEFAULT_AMIS="false")
    from moto import settings
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    from provisimus.localcloud.hooks import balancers, certificates, templates, vpc

    # Not by the environment: it is read on import, and another test may have imported moto before.
    settings.ENABLE_AMI_VALIDATION = True
    templates.install()
    vpc.install()
    balancers.install_records()
    certificates.install(tmp_path_factory.mktemp("authority"))

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )

    faults = Faults()
    engine = mount(lambda service: faults.watch(client(service)), REGION, ACCOUNT)
    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=type("Quiet", (MotoRequestHandler,), {"log_request": lambda *_, **__: 0}),
    )
    url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    ec2 = client("ec2")
    images = [ec2.register_image(Name=f"image-{number}")["ImageId"] for number in (1, 2)]
    yield World(client, url, network_of(ec2), images, Inside(engine, faults))
    server.shutdown()
    serving.join()
    os.environ.clear()
    os.environ.update(before)


def elsewhere(endpoint: str) -> World:
    """Another endpoint that is running already."""
    url = None if endpoint == "aws" else endpoint

    def client(service: str) -> Any:
        return boto3.client(service, endpoint_url=url, region_name=REGION)

    images = os.environ.get("PROVISIMUS_TEST_IMAGES", "").split(",")
    assert len(images) == 2, "PROVISIMUS_TEST_IMAGES names two images, with a comma between them"
    return World(client, url, network_of(client("ec2")), images)


def network_of(ec2: Any) -> dict[str, str]:
    """The first subnet there is, as the service template's parameters."""
    subnet = ec2.describe_subnets()["Subnets"][0]
    return {key: subnet[key] for key in ("SubnetId", "VpcId", "AvailabilityZone")}


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    told = Story(
        world, f"story-{os.getpid()}-{next(_numbers)}" if ELSEWHERE else f"story-{next(_numbers)}"
    )
    yield told
    if world.inside:
        world.faults.clear()
    if told.lives:
        told.stack_id = told.described_by_name["StackId"]
        world.cloudformation.update_termination_protection(
            StackName=told.stack_id, EnableTerminationProtection=False
        )
        told.delete()


@pytest.fixture
def service() -> str:
    return SERVICE
