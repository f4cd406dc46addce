"""Making a stack what its plan says. The story of every change, the way back included.

A change ends with an instance that runs and answers; when it does not, the stack is brought back
to what it was, and the error carries what the instance said. Killed at any point, the next run
sees from the stack itself how far the change came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import (
    NotFound,
    ProvisimusError,
    Refused,
    RolledBack,
    StillRunning,
    Unhealthy,
    Unreachable,
)
from provisimus.events import Said, Skipped, Tell
from provisimus.model import Commits, MachineImage, Stack
from provisimus.stacks import live
from provisimus.stacks.change_set import Deployment, Operation, clear_leftover, deploy
from provisimus.stacks.follow import Deadline
from provisimus.stacks.gate import check_template
from provisimus.stacks.health import wait_healthy
from provisimus.stacks.instances import (
    last_words,
    make_running,
)
from provisimus.stacks.plan import StackPlan
from provisimus.stacks.swap import release_volumes
from provisimus.stacks.template import (
    attached,
    is_detached,
    needs_swap,
)
from provisimus.stacks.types.interface import IMAGE_ID, ROOT_DEVICE, Template


def apply_stack(
    plan: StackPlan,
    environment: Environment,
    machine_image: MachineImage,
    commits: Commits,
    tell: Tell,
    run: str,
    *,
    timeout: float | None = None,
) -> Stack:
    """Carry the plan out and return the stack as it answers. `timeout` in seconds.

    Raises Refused when the stack moved since it was planned, RolledBack, Unhealthy, StillRunning.
    """
    operation = Operation(environment, plan.service, plan.name, run, tell, Deadline.after(timeout))
    now = live.find_stack(environment, plan.name)
    check_fresh(plan, now)
    if plan.change == "none":
        assert now is not None
        tell(Skipped(plan.name, plan.reason))
        _answering(operation, plan, now, plan.template)
        return now
    wanted = _wanted(plan, machine_image, commits, environment, run)
    if plan.change == "create":
        return _make(operation, plan, wanted)
    assert now is not None
    return _change(operation, plan, now, wanted)


def check_fresh(plan: StackPlan, now: Stack | None) -> None:
    """Raises Refused when the stack is no longer what the plan was made from."""
    if now is not None and live.state_of(now.status) == "leftover":
        now = None
    seen = (plan.live.stack_id, plan.live.status, dict(plan.live.tags)) if plan.live else None
    here = (now.stack_id, now.status, dict(now.tags)) if now else None
    if seen != here:
        raise Refused(
            f"the stack {plan.name} changed since this was planned",
            where=now.stack_id if now else plan.name,
            hint="plan again and look at what it says now",
        )


def _make(operation: Operation, plan: StackPlan, wanted: Deployment) -> Stack:
    """A first version has nothing to return to: it stays as it is, for a look at it."""
    clear_leftover(operation)
    title = f"create {plan.name}"
    made = deploy(operation, wanted, create=True, number=1, title=title, reason=plan.reason)
    environment = operation.environment
    if environment.protect:
        with speaking(environment.cloud, f"protect the stack {plan.name}"):
            environment.cloud.cloudformation.update_termination_protection(
                StackName=made.stack_id, EnableTerminationProtection=True
            )
    try:
        _answering(operation, plan, made, wanted.template)
    except Unhealthy:
        for line in last_words(environment, made.outputs.get("InstanceId")):
            operation.tell(Said(title, line))
        raise
    return made


# ---- a change, and the way back ------------------------------------------------------------------


@dataclass(frozen=True)
class _Before:
    """What a stack was before the change began."""

    deployment: Deployment
    version: str


def _change(operation: Operation, plan: StackPlan, now: Stack, wanted: Deployment) -> Stack:
    # Refused now, a faulty template costs nothing; half-way through a swap it costs a return.
    check_template(wanted.template)
    running = live.template_of(operation.environment, now)
    before = _before(now, running)
    title = f"update {plan.name}"
    if plan.change == "update":
        # CloudFormation waits for an instance that it changes to run.
        make_running(operation.environment, now, operation.tell, operation.deadline)
        made = deploy(operation, wanted, create=False, number=1, title=title, reason=plan.reason)
    else:
        if now.tags.get(live.FINGERPRINT) == str(plan.fingerprint):
            # Interrupted half-way, and now the version from before is wanted again.
            return _put_back(operation, plan, before, number=3)
        if not is_detached(running):
            release_volumes(operation, now, before.deployment, plan.reason, number=1)
        title = f"swap the instance of {plan.name}"
        reason = "the new instance takes the data volumes over"
        try:
            made = deploy(operation, wanted, create=False, number=2, title=title, reason=reason)
        except (StillRunning, Unreachable):
            raise
        except ProvisimusError as failure:
            _put_back(operation, plan, before, number=3)
            raise RolledBack(
                f"{failure.message}; version {before.version} runs again",
                where=failure.where,
                hint=failure.hint,
            ) from failure
    try:
        _answering(operation, plan, made, wanted.template)
    except Unhealthy as failure:
        said = last_words(operation.environment, made.outputs.get("InstanceId"))
        for line in said:
            operation.tell(Said(title, line))
        outcome = f"version {before.version} runs again"
        try:
            _return(operation, plan, made, before)
        except Unhealthy:
            outcome = f"version {before.version} was brought back and does not answer either"
        raise Unhealthy(
            f"{failure.message}; {outcome}",
            where=f"instance {made.outputs.get('InstanceId')}, which is gone now",
            hint="the last lines of its console: " + " | ".join(said[-5:])
            if said
            else failure.hint,
        ) from failure
    return made


def _before(now: Stack, running: Mapping[str, object]) -> _Before:
    whole = attached(running) if is_detached(running) else running
    return _Before(
        Deployment(whole, now.parameters, now.tags), now.tags.get(live.VERSION, "unknown")
    )


def _put_back(operation: Operation, plan: StackPlan, before: _Before, *, number: int) -> Stack:
    """Give the volumes back to the old instance, which still stands, and start it."""
    back = deploy(
        operation,
        before.deployment,
        create=False,
        number=number,
        title=f"return {plan.name} to version {before.version}",
        reason="the change was rolled back",
    )
    _answering(operation, plan, back, before.deployment.template)
    return back


def _return(operation: Operation, plan: StackPlan, made: Stack, before: _Before) -> Stack:
    """Bring back what ran before a change that was made and does not answer."""
    new = Deployment(live.template_of(operation.environment, made), made.parameters, made.tags)
    old = before.deployment
    if needs_swap(new.template, new.parameters, old.template, old.parameters):
        release_volumes(operation, made, new, "the new version does not answer", number=4)
    return _put_back(operation, plan, before, number=5)


def _answering(operation: Operation, plan: StackPlan, stack: Stack, template: Template) -> None:
    environment, tell = operation.environment, operation.tell
    address = make_running(environment, stack, tell, operation.deadline)
    wait_healthy(environment, stack, address, template, plan.health, tell)


# ---- what is submitted ---------------------------------------------------------------------------


def _wanted(
    plan: StackPlan,
    image: MachineImage,
    commits: Commits,
    environment: Environment,
    run: str,
) -> Deployment:
    parameters = {
        **plan.parameters,
        IMAGE_ID: image.image_id,
        ROOT_DEVICE: _root_device(environment, image),
    }
    return Deployment(plan.template, parameters, tags_for(plan, commits, run))


def tags_for(plan: StackPlan, commits: Commits, run: str) -> dict[str, str]:
    """The stack's tags, which CloudFormation hands on to its resources."""
    return {
        **plan.ours,
        live.VERSION: plan.version,
        live.FINGERPRINT: str(plan.fingerprint),
        live.MACHINE: str(plan.machine_fingerprint),
        live.RUN: run,
        **commits.as_tags(),
    }


def _root_device(environment: Environment, image: MachineImage) -> str:
    """The name under which the AMI knows its root disk; encryption must name the same."""
    with speaking(environment.cloud, f"look at machine image {image.image_id}"):
        found = environment.cloud.ec2.describe_images(ImageIds=[image.image_id])["Images"]
    if not found:
        raise NotFound(
            f"the machine image {image.image_id} is gone",
            hint=f"bake it again: provisimus machine bake {image.machine}",
        )
    name = found[0].get("RootDeviceName")
    if not name:
        raise ProvisimusError(f"the machine image {image.image_id} tells no root device")
    return str(name)
