"""AWS::CloudFormation::WaitCondition with a CreationPolicy: nothing but the wait for signals.

With a WaitConditionHandle, which signals go to by way of a presigned URL, it is not simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Wanted


class WaitCondition(Handler):
    type = "AWS::CloudFormation::WaitCondition"
    honoured: ClassVar[frozenset[str]] = frozenset()
    attributes: ClassVar[frozenset[str]] = frozenset()
    signals = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        return wanted.generated_name

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        """There is nothing to remove."""


HANDLER = WaitCondition()
