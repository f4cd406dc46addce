"""Asking a service for what may not be there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from provisimus.localcloud.cloudformation.cloud import code_of


def unless_absent(call: Callable[[], Any], *codes: str) -> Any:
    """The call's answer, or None when the service says that there is no such thing."""
    try:
        return call()
    except ClientError as error:
        if code_of(error) in codes:
            return None
        raise


def first(call: Callable[[], Any], key: str, *codes: str) -> dict[str, Any] | None:
    """The first thing that a describing call tells under `key`; None where there is none."""
    found = unless_absent(call, *codes)
    return dict(found[key][0]) if found and found[key] else None
