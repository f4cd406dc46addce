"""Where the cases run: a local cloud of their own, another endpoint, or AWS itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.contract.localcloud.conftest import LocalCloud
from tests.ports import free_port

LOCAL, ENDPOINT, AWS = "the local cloud", "an endpoint", "AWS"


@dataclass
class Target:
    """One place, and the clients that speak to it."""

    kind: str
    session: boto3.Session
    url: str | None = None
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    """Part of every name that a case gives, so that two runs are not in each other's way."""
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @cached_property
    def account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def patience(self) -> float:
        return {AWS: 1800.0, LOCAL: 60.0}.get(self.kind, 3.0)

    @property
    def pause(self) -> float:
        return 5.0 if self.kind == AWS else 0.05

    def client(self, service: str) -> Any:
        if service not in self._clients:
            retries: Any = {"mode": "adaptive"} if self.kind == AWS else {"max_attempts": 0}
            self._clients[service] = self.session.client(
                service, endpoint_url=self.url, config=Config(retries=retries)
            )
        return self._clients[service]


def kind_of(config: pytest.Config) -> str:
    """What was asked for on the command line. Raises UsageError when that is two things at once."""
    profile, endpoint = config.getoption("--aws-profile"), config.getoption("--aws-endpoint")
    if profile and endpoint:
        raise pytest.UsageError("give --aws-profile or --aws-endpoint, not both")
    return AWS if profile else ENDPOINT if endpoint else LOCAL


@contextmanager
def opened(config: pytest.Config, folder: Path) -> Iterator[Target]:
    """The target of this run; a local cloud is started for it, in this folder, and ended."""
    kind, region = kind_of(config), config.getoption("--aws-region")
    if kind == AWS:
        profile = config.getoption("--aws-profile")
        yield Target(kind, boto3.Session(profile_name=profile, region_name=region))
        return
    session = boto3.Session("test", "test", region_name=region)
    if kind == ENDPOINT:
        yield Target(kind, session, config.getoption("--aws-endpoint"))
        return
    cloud = LocalCloud(folder / "cloud", free_port(), free_port())
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PROVISIMUS_LOCAL_MINUTE", "1")
            cloud.start()
        yield Target(kind, session, cloud.url)
    finally:
        cloud.stop()
