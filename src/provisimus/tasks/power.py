"""Starting, stopping and rebooting an instance, until it is what was asked for."""

from __future__ import annotations

from typing import Literal

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import Refused, StillRunning
from provisimus.events import Tell, step
from provisimus.stacks.follow import Deadline, Pace
from provisimus.stacks.instances import instance_state

Power = Literal["start", "stop", "reboot"]
_ENDS = {"start": "running", "stop": "stopped", "reboot": "running"}
_FROM = {"start": ("stopped",), "stop": ("running", "pending"), "reboot": ("running",)}


def has_it(power: Power, state: str) -> bool:
    """Whether nothing needs to be done."""
    return power != "reboot" and state == _ENDS[power]


def check_power(power: Power, instance: str, state: str) -> None:
    """Raises Refused where the instance's state does not let it."""
    if not has_it(power, state) and state not in _FROM[power]:
        raise Refused(
            f"{instance} is {state}, so it cannot be told to {power}",
            hint="see: provisimus instance list",
        )


def change_power(
    environment: Environment, instance: str, power: Power, tell: Tell, deadline: Deadline
) -> str:
    """Returns the state that it has then. Raises StillRunning."""
    environment.cloud.check_account()
    ec2 = environment.cloud.ec2
    with step(tell, f"{power} {instance}", "asked for") as outcome:
        with speaking(environment.cloud, f"{power} {instance}"):
            if power == "start":
                ec2.start_instances(InstanceIds=[instance])
            elif power == "stop":
                ec2.stop_instances(InstanceIds=[instance])
            else:
                ec2.reboot_instances(InstanceIds=[instance])
        pace = Pace(environment)
        while (state := instance_state(environment, instance)) != _ENDS[power]:
            if deadline.passed:
                raise StillRunning(f"{instance} is still {state}")
            pace.pause()
        outcome.result = state
    return state
