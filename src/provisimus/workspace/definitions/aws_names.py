"""What AWS names, and how: types of instances, ids, ARNs. Checked by form alone, without a call."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from provisimus.workspace.definitions.common import checked_name
from provisimus.workspace.definitions.outputs import output_of
from provisimus.workspace.definitions.rules import after, limits

_ARM = re.compile(r"(a1|[a-z]+\d+g[a-z-]*)\.")
"""Instance types with a Graviton processor ("Amazon EC2 instance type naming conventions")."""


def _instance_type(value: str) -> str:
    if not output_of(value) and not re.fullmatch(r"[a-z][a-z0-9-]*\.[a-z0-9][a-z0-9-]*", value):
        raise ValueError(f"{value!r} is no instance type — write t3.small")
    return value


InstanceType = Annotated[str, after(_instance_type)]


def architecture_of(instance_type: str) -> str:
    """The architecture of an instance type's processor, as machine images name it: `arm64` or
    `x86_64`. It stands in the type's name."""
    return "arm64" if _ARM.match(instance_type) else "x86_64"


def _key_name(value: str) -> str:
    if not value.isascii() or not value.isprintable() or not 1 <= len(value) <= 255:
        raise ValueError(f"{value!r} is no name of a key pair — 1 to 255 ASCII characters")
    return value


KeyName = Annotated[str, after(_key_name)]
"""CreateKeyPair, KeyName."""


def _id_of(prefix: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not output_of(value) and not re.fullmatch(rf"{prefix}-[0-9a-f]{{1,17}}", value):
            raise ValueError(f"{value!r} is no id of its kind — write {prefix}-0123456789abcdef0")
        return value

    return check


VpcId = Annotated[str, after(_id_of("vpc"))]
SubnetId = Annotated[str, after(_id_of("subnet"))]


def arn_of(service: str, what: str = ".+") -> Callable[[str], str]:
    """A check for the ARN of something of a service, or an output of a stack that is one."""

    def check(value: str) -> str:
        if output_of(value):
            return value
        if not re.fullmatch(rf"arn:aws[a-z-]*:{service}:[a-z0-9-]*:(\d*|aws):{what}", value):
            raise ValueError(f"{value!r} is no ARN of {service} — arn:aws:{service}:REGION:…")
        return value

    return check


def stack_or_arn_of(service: str) -> Callable[[str], str]:
    """As `arn_of`; what is no ARN is the name of a stack that gives one."""
    arn = arn_of(service)
    return lambda value: arn(value) if value.startswith(("arn:", "${")) else checked_name(value)


Topics = Annotated[tuple[Annotated[str, after(arn_of("sns"))], ...], limits(max_length=5)]
"""ARNs of SNS topics. An alarm tells five at most (PutMetricAlarm, AlarmActions)."""
