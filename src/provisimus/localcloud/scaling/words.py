"""The sentences of scaling activities, as AWS words them. Pure.

Source: EC2 Auto Scaling user guide, "Verify a scaling activity for an Auto Scaling group" and its
examples of DescribeScalingActivities.
"""

from __future__ import annotations

from datetime import UTC, datetime


def at(now: float) -> str:
    return f"At {datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"


def launching(instance: str = "") -> str:
    return (
        f"Launching a new EC2 instance: {instance}" if instance else "Launching a new EC2 instance"
    )


def failed(message: str) -> str:
    return (
        f"Launching a new EC2 instance.  Status Reason: {message}  Launching EC2 instance failed."
    )


def terminating(instance: str) -> str:
    return f"Terminating EC2 instance: {instance}"


def grows(now: float, actual: int, wanted: int, why: str) -> str:
    """Why an instance is launched: there are fewer than desired."""
    lead = f"{why}  " if why else ""
    return (
        f"{lead}{at(now)} an instance was started in response to a difference between desired and "
        f"actual capacity, increasing the capacity from {actual} to {wanted}."
    )


def replaces(now: float) -> str:
    return (
        f"{at(now)} an instance was launched in response to an unhealthy instance needing to be "
        "replaced."
    )


def shrinks(now: float, actual: int, wanted: int, why: str, instance: str) -> str:
    lead = f"{why}  " if why else ""
    return (
        f"{lead}{at(now)} an instance was taken out of service in response to a difference between "
        f"desired and actual capacity, shrinking the capacity from {actual} to {wanted}.  "
        f"{at(now)} instance {instance} was selected for termination."
    )


def sick(now: float, reason: str) -> str:
    return f"{at(now)} an instance was taken out of service in response to {reason}."


def asked(now: float, what: str, before: int, after: int) -> str:
    """Why the desired capacity changed: a user asked for it."""
    return (
        f"{at(now)} a user request {what} changing the desired capacity from {before} to {after}."
    )


def alarmed(now: float, alarm: str, state: str, policy: str, before: int, after: int) -> str:
    return (
        f"{at(now)} a monitor alarm {alarm} in state {state} triggered policy {policy} changing "
        f"the desired capacity from {before} to {after}."
    )


def by_request(now: float, instance: str, before: int, after: int) -> str:
    shrunk = f", shrinking the capacity from {before} to {after}" if after < before else ""
    return (
        f"{at(now)} instance {instance} was taken out of service in response to a user request"
        f"{shrunk}."
    )


def refreshed(now: float) -> str:
    return f"{at(now)} an instance was taken out of service in response to an instance refresh."


def refreshing(now: float) -> str:
    return f"{at(now)} an instance was launched in response to an instance refresh."


def rebalanced(now: float) -> str:
    return f"{at(now)} an instance was launched to aid in balancing the group's zones."


def abandoned(now: float, instance: str) -> str:
    return (
        f"{at(now)} an instance was taken out of service in response to a lifecycle action of "
        f"{instance} that was abandoned."
    )
