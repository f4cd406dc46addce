"""A moto server of the tests' own with the engine mounted, to be looked into and made to fail.

What needs neither is a case of `tests/contract/localcloud/conformance`.
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
from tests.contract.stories import Story

from provisimus.localcloud.cloudformation import mount
from provisimus.localcloud.cloudformation.engine import Engine
from provisimus.localcloud.cloudformation.saving import Texts

REGION, ACCOUNT = "eu-west-1", "000000000000"
_numbers = itertools.count(1)
SERVICE = (Path(__file__).parent / "service.yaml").read_text()


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
class World:
    """A running endpoint and what stacks in it refer to."""

    client: Callable[[str], Any]
    url: str
    network: Mapping[str, str]
    images: list[str]
    engine: Engine
    faults: Faults
    patience: float = 30.0
    pause: float = 0.05

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
        self.engine = mount(lambda s: self.faults.watch(self.client(s)), REGION, ACCOUNT)
        self.engine.restore(json.loads(state))

    def parameters(self, **changed: str) -> list[dict[str, str]]:
        """The service template's parameters."""
        values = {"ImageId": self.images[0], **self.network, **changed}
        return [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
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
    yield World(client, url, network_of(ec2), images, engine, faults)
    server.shutdown()
    serving.join()
    os.environ.clear()
    os.environ.update(before)


def network_of(ec2: Any) -> dict[str, str]:
    """The first subnet there is, as the service template's parameters."""
    subnet = ec2.describe_subnets()["Subnets"][0]
    return {key: subnet[key] for key in ("SubnetId", "VpcId", "AvailabilityZone")}


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    told = Story(world, f"story-{next(_numbers)}")
    yield told
    world.faults.clear()
    everything_is_saved(world.engine)
    if told.lives:
        told.stack_id = told.described_by_name["StackId"]
        world.cloudformation.update_termination_protection(
            StackName=told.stack_id, EnableTerminationProtection=False
        )
        told.delete()


def everything_is_saved(engine: Engine) -> None:
    """Whatever a test did to its stacks, the next save has it."""
    with engine.lock:
        told = Texts().whole(engine.stacks.values())
        assert json.loads(engine.save()) == json.loads(told)


@pytest.fixture
def service() -> str:
    return SERVICE
