"""Making a stack what its plan says. The story of every change, the way back included.

A change ends with an instance that runs and answers; when it does not, the stack is brought back
to what it was, and the error carries what the instance said. Killed at any point, the next run
sees from the stack itself how far the change came.
"""

from __future__ import annotations

from dataclasses import replace

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import (
    GaveWay,
    NotFound,
    ProvisimusError,
    Refused,
    RolledBack,
    StillRunning,
    Unhealthy,
    Unreachable,
)
from provisimus.events import Skipped, Tell
from provisimus.model import Commits, MachineImage, Stack
from provisimus.stacks import live
from provisimus.stacks.change_set import (
    Deployment,
    Operation,
    clear_leftover,
    deploy,
    refused_loss,
)
from provisimus.stacks.follow import Deadline
from provisimus.stacks.gate import check_template, expect_template
from provisimus.stacks.health import wait_healthy
from provisimus.stacks.instances import make_running
from provisimus.stacks.plan import StackPlan
from provisimus.stacks.protection import protect_stack
from provisimus.stacks.resource_change import allowed_of, between, endangered
from provisimus.stacks.submission import check_size
from provisimus.stacks.swap import release_volumes
from provisimus.stacks.targets import wait_targets
from provisimus.stacks.template import (
    attached,
    is_detached,
    needs_swap,
    volumes_gone,
)
from provisimus.stacks.tokens import wish_of
from provisimus.stacks.types.interface import IMAGE_ID, ROOT_DEVICE, Template
from provisimus.stacks.users import check_used, check_users
from provisimus.stacks.way_back import accept, is_accepted, remembered, remembering, way_back
from provisimus.stacks.witness import hear_machines


def apply_stack(
    plan: StackPlan,
    environment: Environment,
    machine_image: MachineImage | None,
    commits: Commits,
    tell: Tell,
    run: str,
    *,
    timeout: float | None = None,
    allow: frozenset[str] = frozenset(),
) -> Stack:
    """Carry the plan out and return the stack as it answers. `timeout` in seconds. A stack without
    a machine has no machine image. `allow` names what holds data and may be replaced or deleted.

    Raises NotFound when a stack is not there that it takes outputs of, Refused when the stack moved
    since it was planned, RolledBack, GaveWay, Unhealthy, StillRunning.
    """
    deadline = Deadline.after(timeout)
    may_go = allowed_of(plan.service, allow)
    wish = wish_of(environment.name, plan.name, str(plan.fingerprint))
    operation = Operation(
        environment, plan.service, plan.name, run, tell, deadline, may_go, wish=wish
    )
    now = live.find_stack(environment, plan.name)
    check_fresh(plan, now)
    if plan.change == "none":
        assert now is not None
        tell(Skipped(plan.name, plan.reason))
        _settle(operation, plan, now)
        return now
    expect_template()
    environment.cloud.check_account()
    check_used(environment, plan)
    check_users(environment, plan)
    wanted = _wanted(plan, machine_image, commits, environment, run)
    if plan.change == "create":
        return _make(operation, plan, wanted)
    assert now is not None
    return _change(replace(operation, seen=now), plan, now, wanted)


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
    _settle(operation, plan, made)
    return made


# ---- a change, and the way back ------------------------------------------------------------------


def _change(operation: Operation, plan: StackPlan, now: Stack, wanted: Deployment) -> Stack:
    running = live.template_of(operation.environment, now)
    before = Deployment(
        attached(running) if is_detached(running) else running, now.parameters, now.tags
    )
    # Refused before the first of two updates: half-way through a swap it would cost a return.
    removed = between(before.template, before.parameters, plan.template, plan.parameters)
    if lost := endangered(removed, operation.allow):
        raise refused_loss(plan.service, plan.name, lost)
    if plan.change == "resume" and now.tags.get(live.FINGERPRINT) == str(plan.fingerprint):
        # Interrupted half-way, and now what was there before is wanted again.
        made = _deploy_again(operation, before, number=3, reason=plan.reason)
        _settle(operation, plan, made)
        return made
    if not _of_one_instance(plan):
        # What CloudFormation calls done is done, and it goes back itself: instances behind a load
        # balancer are replaced behind its health checks.
        title = f"update {plan.name}"
        made = deploy(operation, wanted, create=False, number=1, title=title, reason=plan.reason)
        _settle(operation, plan, made)
        return made
    accepted = is_accepted(operation.environment, now)
    target = way_back(before, str(plan.fingerprint), accepted=accepted)
    wanted = replace(wanted, template=remembering(wanted.template, target))
    # Refused now, a faulty template costs nothing; half-way through a swap it costs a return.
    check_template(wanted.template)
    check_size(operation.environment, wanted.template)
    if plan.change == "update":
        # CloudFormation waits for an instance that it changes to run.
        make_running(operation.environment, now, operation.tell, operation.deadline)
        title = f"update {plan.name}"
        made = deploy(operation, wanted, create=False, number=1, title=title, reason=plan.reason)
    else:
        if not is_detached(running):
            release_volumes(operation, now, before, plan.reason, number=1)
        made = _take_over(operation, plan, wanted, before)
    _settle(operation, plan, made)
    return made


def _take_over(
    operation: Operation, plan: StackPlan, wanted: Deployment, before: Deployment
) -> Stack:
    """The second half of a swap; where it fails, the old instance gets its volumes back."""
    title = f"swap the instance of {plan.name}"
    reason = "the new instance takes the data volumes over"
    try:
        return deploy(operation, wanted, create=False, number=2, title=title, reason=reason)
    except (StillRunning, Unreachable):
        raise
    except ProvisimusError as failure:
        _put_back(operation, plan, before, number=3)
        raise RolledBack(
            f"{failure.message}; version {_version(before)} runs again",
            tail=failure.tail if isinstance(failure, RolledBack) else (),
            where=failure.where,
            hint=failure.hint,
        ) from failure


def _settle(operation: Operation, plan: StackPlan, made: Stack) -> None:
    """Wait until the stack answers. One that never did gives way to what it was before.

    What that was stands in the stack itself, so it does not matter which run made the change.
    """
    environment = operation.environment
    if environment.protect and not made.protected:
        # A run that made it may have ended before it came here.
        protect_stack(environment, made, on=True)
    try:
        _answering(operation, plan, made, plan.template)
    except Unhealthy as failure:
        said = hear_machines(environment, made, operation.tell)
        if not _of_one_instance(plan):
            raise Unhealthy(
                failure.message, tail=said, where=failure.where, hint=failure.hint
            ) from failure
        new = Deployment(live.template_of(environment, made), made.parameters, made.tags)
        before = remembered(new.template)
        if before is None or is_accepted(environment, made):
            raise Unhealthy(
                failure.message, tail=said, where=failure.where, hint=failure.hint
            ) from failure
        if gone := volumes_gone(before.template, new.template):
            # Brought back, it would be mounted empty.
            raise Unhealthy(
                f"{failure.message}; it stays so, for its data volume of "
                f"{', '.join(sorted(gone))} went with this change",
                tail=said,
                where=failure.where,
                hint="a snapshot of it stays, to be put back on: "
                f"provisimus snapshot list {operation.service}",
            ) from failure
        kind: type[Unhealthy] = GaveWay
        outcome = f"version {_version(before)} runs again"
        try:
            _return(operation, plan, made, new, before)
        except Unhealthy:
            kind = Unhealthy
            outcome = f"version {_version(before)} was brought back and does not answer either"
        raise kind(
            f"{failure.message}; {outcome}",
            tail=said,
            where=f"instance {made.outputs.get('InstanceId')}, which is gone now",
            hint=f"what it said is kept: provisimus stack diagnose {operation.service}",
        ) from failure


def _return(
    operation: Operation, plan: StackPlan, made: Stack, new: Deployment, before: Deployment
) -> None:
    """Bring back what was there before a change that was made and does not answer."""
    if needs_swap(new.template, new.parameters, before.template, before.parameters):
        release_volumes(operation, made, new, "the new version does not answer", number=4)
    _put_back(operation, plan, before, number=5)


def _put_back(operation: Operation, plan: StackPlan, before: Deployment, *, number: int) -> None:
    """Make the stack what it was, volumes and all, and wait until it answers."""
    back = _deploy_again(operation, before, number=number, reason="the change was rolled back")
    _answering(operation, plan, back, before.template)


def _deploy_again(operation: Operation, before: Deployment, *, number: int, reason: str) -> Stack:
    title = f"return {operation.name} to version {_version(before)}"
    operation = replace(operation, going_back=True)
    return deploy(operation, before, create=False, number=number, title=title, reason=reason)


def _version(deployment: Deployment) -> str:
    return deployment.tags.get(live.VERSION, "unknown")


def _answering(operation: Operation, plan: StackPlan, stack: Stack, template: Template) -> None:
    environment, tell = operation.environment, operation.tell
    if "TargetGroupArn" in stack.outputs and plan.health is not None:
        wait_targets(environment, stack, plan.health.within, tell)
        return
    if not _of_one_instance(plan):
        return
    address = make_running(environment, stack, tell, operation.deadline)
    wait_healthy(environment, stack, address, template, plan.health, tell)
    accept(environment, stack)


def _of_one_instance(plan: StackPlan) -> bool:
    return "InstanceId" in plan.template.get("Outputs", {})


# ---- what is submitted ---------------------------------------------------------------------------


def _wanted(
    plan: StackPlan,
    image: MachineImage | None,
    commits: Commits,
    environment: Environment,
    run: str,
) -> Deployment:
    parameters = dict(plan.parameters)
    if image is not None:
        parameters[IMAGE_ID] = image.image_id
        parameters[ROOT_DEVICE] = _root_device(environment, image)
    return Deployment(plan.template, parameters, tags_for(plan, commits, run))


def tags_for(plan: StackPlan, commits: Commits, run: str) -> dict[str, str]:
    """The stack's tags, which CloudFormation hands on to its resources."""
    of_the_machine = {
        live.VERSION: plan.version,
        live.MACHINE: str(plan.machine_fingerprint),
    }
    return {
        **plan.company,
        **plan.ours,
        **(of_the_machine if plan.machine_fingerprint else {}),
        live.FINGERPRINT: str(plan.fingerprint),
        **({live.USES: " ".join(sorted(plan.uses))} if plan.uses else {}),
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
