"""GetConsoleOutput answers with what the machine really wrote to its serial line."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.responses.general import General

from provisimus.localcloud.hooks.cloud import Cloud, replace

MOST = 64 * 1024
"""Bytes from the end, as EC2 gives them."""


def install(cloud: Cloud) -> None:
    """Replace moto's response."""

    def get_console_output(response: Any) -> ActionResult:
        instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
        text = read_console(cloud, instance.id)
        return ActionResult(
            {
                "InstanceId": instance.id,
                "Timestamp": utcnow(),
                "Output": Base64EncodedString.from_raw_string(text),
            }
        )

    replace(General, "get_console_output", get_console_output)


def read_console(cloud: Cloud, identifier: str) -> str:
    """The end of an instance's serial log; empty before its first boot."""
    path = cloud.layout.console(identifier)
    if not path.exists():
        return ""
    return path.read_bytes()[-MOST:].decode(errors="replace")
