"""The instance of a stack at the EC2 API: what CloudFormation does not declare — running or not."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from provisimus.aws import CloudFault, as_tags, speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, ProvisimusError, StillRunning
from provisimus.events import Tell, step
from provisimus.model import Stack
from provisimus.stacks.follow import Deadline, Pace

REQUEST = "provisimus:request"
"""Tag of a snapshot: which request made it."""


def resources_by_id(environment: Environment, stack: Stack) -> dict[str, str]:
    """Physical ids by logical id."""
    cloud = environment.cloud
    with speaking(cloud, f"list the resources of {stack.name}"):
        pages = cloud.cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=stack.stack_id
        )
        return {
            each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
            for page in pages
            for each in page["StackResourceSummaries"]
            if each["ResourceStatus"] != "DELETE_COMPLETE"
        }


def resources_by_kind(environment: Environment, stack: str) -> dict[str, list[str]]:
    """Physical ids of a stack's resources by type; those of what is gone are left out."""
    cloud = environment.cloud
    found: dict[str, list[str]] = {}
    with speaking(cloud, f"list the resources of {stack}"):
        pages = cloud.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for page in pages:
            for each in page["StackResourceSummaries"]:
                if each["ResourceStatus"] != "DELETE_COMPLETE" and each.get("PhysicalResourceId"):
                    found.setdefault(each["ResourceType"], []).append(each["PhysicalResourceId"])
    return found


def instance_state(environment: Environment, instance: str) -> str:
    """`running`, `stopped` …; `terminated` for one that is gone."""
    found = find_instance(environment, instance)
    return str(found["State"]["Name"]) if found else "terminated"


def find_instance(environment: Environment, instance: str) -> Any:
    """What EC2 says of an instance; None when there is none."""
    try:
        with speaking(environment.cloud, f"look at instance {instance}"):
            found = environment.cloud.ec2.describe_instances(InstanceIds=[instance])
    except CloudFault as fault:
        if fault.code.startswith("InvalidInstanceID"):
            return None
        raise
    instances = [each for group in found["Reservations"] for each in group["Instances"]]
    return instances[0] if instances else None


def make_running(
    environment: Environment, stack: Stack, tell: Tell, deadline: Deadline
) -> str | None:
    """Start the stack's instance where it is stopped; returns its address as it is now.

    A start may give another public address than the one in the stack's outputs.
    """
    instance = stack.outputs.get("InstanceId")
    if not instance:
        return None
    found = find_instance(environment, instance)
    state = str(found["State"]["Name"]) if found else "terminated"
    if state == "terminated":
        raise NotFound(
            f"the instance {instance} of {stack.name} is gone",
            where=stack.stack_id,
            hint="it was terminated outside of CloudFormation; delete the stack and release again",
        )
    if state == "running":
        return address_of(found)
    with step(tell, f"start {instance}", f"it is {state}"):
        if state == "stopping":
            _until(environment, instance, "stopped", deadline)
        if state != "pending":
            with speaking(environment.cloud, f"start instance {instance}"):
                environment.cloud.ec2.start_instances(InstanceIds=[instance])
        _until(environment, instance, "running", deadline)
    return address_of(find_instance(environment, instance))


def address_of(instance: Any) -> str | None:
    """Where an instance is reached: its public address, else its private one."""
    return (instance or {}).get("PublicIpAddress") or (instance or {}).get("PrivateIpAddress")


def service_url(environment: Environment, stack: Stack) -> str | None:
    """Where the service of a stack answers now; None when it has no address.

    The stack's own `Url` goes stale when its instance is stopped and started.
    """
    url, instance = stack.outputs.get("Url"), stack.outputs.get("InstanceId")
    if url is None or instance is None:
        return url
    address = address_of(find_instance(environment, instance))
    if address is None:
        return None
    return re.sub(r"//[^:/]+", f"//{address}", url)


def make_stopped(
    environment: Environment, instance: str, tell: Tell, deadline: Deadline, reason: str
) -> bool:
    """Stop an instance and wait until it is. Returns False when it was stopped already."""
    state = instance_state(environment, instance)
    if state in ("stopped", "terminated"):
        return False
    with step(tell, f"stop {instance}", reason):
        if state == "pending":
            _until(environment, instance, "running", deadline)
        with speaking(environment.cloud, f"stop instance {instance}"):
            environment.cloud.ec2.stop_instances(InstanceIds=[instance])
        _until(environment, instance, "stopped", deadline)
    return True


def _until(environment: Environment, instance: str, wanted: str, deadline: Deadline) -> None:
    pace = Pace(environment)
    while (state := instance_state(environment, instance)) != wanted:
        if state in ("terminated", "shutting-down"):
            raise ProvisimusError(f"instance {instance} is {state}; it was to be {wanted}")
        if deadline.passed:
            raise StillRunning(
                f"instance {instance} is {state} after {deadline.seconds:g} s, not {wanted}",
                hint="the same command goes on from here",
            )
        pace.pause()


def snapshot(environment: Environment, volume: str, tags: Mapping[str, str]) -> str:
    """Begin a snapshot of a volume; a finished call is its point in time, the copying goes on."""
    note = f"{tags.get('Name', volume)} before its instance is swapped"
    return begin_snapshot(environment, volume, note, tags)


def begin_snapshot(
    environment: Environment, volume: str, note: str, tags: Mapping[str, str]
) -> str:
    """The id of one new snapshot. CreateSnapshot takes no token: where the answer to it was lost,
    the request that repeats it makes another one, and that goes again."""
    cloud, request = environment.cloud, uuid.uuid4().hex
    with speaking(cloud, f"take a snapshot of {volume}"):
        made = cloud.ec2.create_snapshot(
            VolumeId=volume,
            Description=note,
            TagSpecifications=[
                {"ResourceType": "snapshot", "Tags": as_tags({**tags, REQUEST: request})}
            ],
        )
        repeated = made["ResponseMetadata"]["RetryAttempts"] > 0
        same: Any = [{"Name": f"tag:{REQUEST}", "Values": [request]}]
        found = (
            cloud.ec2.describe_snapshots(Filters=same, OwnerIds=["self"])["Snapshots"]
            if repeated
            else []
        )
    for each in found:
        if each["SnapshotId"] != made["SnapshotId"]:
            remove_snapshot(environment, each["SnapshotId"])
    return str(made["SnapshotId"])


def remove_snapshot(environment: Environment, snapshot_id: str) -> None:
    """Delete a snapshot. One that is gone already is what a request finds that comes twice."""
    try:
        with speaking(environment.cloud, f"delete {snapshot_id}"):
            environment.cloud.ec2.delete_snapshot(SnapshotId=snapshot_id)
    except CloudFault as fault:
        if fault.code != "InvalidSnapshot.NotFound":
            raise
