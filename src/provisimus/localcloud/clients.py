"""Clients of this cloud itself: what acts for its users does so through the same API as they."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def clients_of(endpoint: str, region: str) -> Callable[[str], Any]:
    """What makes a boto3 client of a service, imported when the first one is made."""

    def client(service: str) -> Any:
        import boto3

        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return client
