"""The service APIs as handlers see them: clients, waiting, errors in words.

The only place of the engine that calls a service API directly is a handler, through this.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from provisimus.localcloud.cloudformation.errors import OperationCancelled, ResourceFailed

POLL = 0.2
"""Seconds between two looks at a resource that is becoming what it should be."""


class Cloud:
    """What a handler may reach: clients by service, and a way to wait that can be cancelled."""

    def __init__(
        self,
        client: Callable[[str], Any],
        region: str,
        account: str,
        cancelled: threading.Event | None = None,
    ) -> None:
        self._client = client
        self.region = region
        self.account = account
        self._cancelled = cancelled or threading.Event()
        self.no_networks: Callable[[], str | None] = lambda: None
        """Why networks are records only on this computer, where they are."""

    def client(self, service: str) -> Any:
        """One client for each service, shared by all threads."""
        return self._client(service)

    @property
    def autoscaling(self) -> Any:
        return self._client("autoscaling")

    @property
    def ec2(self) -> Any:
        return self._client("ec2")

    @property
    def iam(self) -> Any:
        return self._client("iam")

    @property
    def ssm(self) -> Any:
        return self._client("ssm")

    @property
    def secretsmanager(self) -> Any:
        return self._client("secretsmanager")

    @property
    def kms(self) -> Any:
        return self._client("kms")

    @property
    def logs(self) -> Any:
        return self._client("logs")

    @property
    def sns(self) -> Any:
        return self._client("sns")

    @property
    def cloudwatch(self) -> Any:
        return self._client("cloudwatch")

    @property
    def rds(self) -> Any:
        return self._client("rds")

    @property
    def s3(self) -> Any:
        return self._client("s3")

    @property
    def ecr(self) -> Any:
        return self._client("ecr")

    @property
    def dlm(self) -> Any:
        return self._client("dlm")

    @property
    def elbv2(self) -> Any:
        return self._client("elbv2")

    @property
    def acm(self) -> Any:
        return self._client("acm")

    @property
    def route53(self) -> Any:
        return self._client("route53")

    def cancellable(self, cancelled: threading.Event) -> Cloud:
        """The same cloud whose waits end when this event is set."""
        made = Cloud(self._client, self.region, self.account, cancelled)
        made.no_networks = self.no_networks
        return made

    def until(self, reached: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait until `reached()`.

        Raises ResourceFailed after the given seconds, OperationCancelled when told to stop.
        """
        deadline = time.monotonic() + seconds
        while not reached():
            if self._cancelled.wait(POLL):
                raise OperationCancelled("Resource creation cancelled")
            if time.monotonic() > deadline:
                raise ResourceFailed(f"Exceeded {seconds:.0f} seconds waiting for {what}")

    def wait_for_endpoint(self, seconds: float = 60) -> None:
        """Wait until the service APIs answer; after a restart, operations go on before they do."""

        def answers() -> bool:
            try:
                self.ec2.describe_availability_zones()
            except BotoCoreError:
                return False
            return True

        self.until(answers, "the local cloud's endpoint to answer", seconds)


def in_words(error: BaseException) -> str:
    """A failure as the ResourceStatusReason that AWS would show."""
    if isinstance(error, ClientError):
        detail, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        service = getattr(error, "operation_name", "") or "unknown operation"
        return (
            f'Resource handler returned message: "{detail.get("Message", "")} '
            f"(Operation: {service}, Status Code: {meta.get('HTTPStatusCode', 'unknown')}, "
            f'Error Code: {detail.get("Code", "unknown")})"'
        )
    if isinstance(error, BotoCoreError):
        return f'Resource handler returned message: "{error}" (HandlerErrorCode: InvalidRequest)'
    if isinstance(error, ResourceFailed | OperationCancelled):
        return str(error)
    return f"Internal Failure: {type(error).__name__}: {error}"


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
