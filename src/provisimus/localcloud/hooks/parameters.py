"""Systems Manager: nothing is told of machine images that are not here, and no agent is connected.

moto has a copy of AWS's public parameters, and in it ids of machine images that this cloud does
not have; and it takes commands for instances on which no agent runs.

Sources: "Discovering public parameters in Parameter Store" in the Systems Manager User Guide; API
reference, StartSession and SendCommand.
"""

from __future__ import annotations

from typing import Any

from moto.ssm.exceptions import SSMException
from moto.ssm.models import ParameterDict
from moto.ssm.responses import SimpleSystemManagerResponse

from provisimus.localcloud.hooks.cloud import replace

OF_IMAGES = ("/aws/service/ami-", "/aws/service/ecs/optimized-ami")

_moto_load = ParameterDict._check_loading_status


def install() -> None:
    """Replace moto's methods."""

    def load(parameters: Any, name: str) -> None:
        if not str(name or "").startswith(OF_IMAGES):
            _moto_load(parameters, name)

    def start_session(response: Any) -> None:
        target = response._get_param("Target")
        raise SSMException(
            "TargetNotConnected",
            f"{target} is not connected: Session Manager is not simulated by this local cloud",
        )

    def send_command(response: Any) -> None:
        instances = ", ".join(response._get_param("InstanceIds") or ["none named"])
        raise SSMException(
            "InvalidInstanceId",
            f"Instances [{instances}] not in a valid state for account: Run Command is not "
            "simulated by this local cloud",
        )

    replace(ParameterDict, "_check_loading_status", load)
    replace(SimpleSystemManagerResponse, "send_command", send_command)
    setattr(SimpleSystemManagerResponse, "start_session", start_session)  # noqa: B010 - moto has none
