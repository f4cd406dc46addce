"""Instance types: one that there is not is refused, and none changes while its instance runs.

Sources: API reference, RunInstances; "Change the instance type for your Amazon EC2 instance".
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import InstanceBackend

from provisimus.localcloud.hooks.cloud import Cloud, replace, wrong_state

WHILE_STOPPED = ("instance_type", "user_data")
"""What ModifyInstanceAttribute changes of a stopped instance only."""

_moto_modify = InstanceBackend.modify_instance_attribute


def install(cloud: Cloud) -> None:
    """Replace moto's method."""

    def modify(backend: Any, instance_id: str, key: str, value: Any) -> Any:
        with cloud.changes:
            instance = backend.get_instance(instance_id)
            if key in WHILE_STOPPED and instance._state.name != "stopped":
                raise wrong_state(f"The instance '{instance_id}' is not in the 'stopped' state.")
            if key == "instance_type":
                check_type(value, instance.architecture)
            return _moto_modify(backend, instance_id, key, value)

    replace(InstanceBackend, "modify_instance_attribute", modify)


def check_type(name: str | None, architecture: str | None) -> None:
    """Whether there is such a type, for images of the architecture. Raises EC2ClientError."""
    if not name:
        return
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    known = INSTANCE_TYPES.get(name)
    if known is None:
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")
    runs = known.get("ProcessorInfo", {}).get("SupportedArchitectures")
    if runs and architecture and architecture not in runs:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"The architecture '{','.join(runs)}' of the specified instance type does not match "
            f"the architecture '{architecture}' of the specified AMI. Specify an instance type and "
            "an AMI that have matching architectures, and try again.",
        )
