"""The changes behind a review: from a change set or from templates, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable

from provisimus.aws import CloudFault
from provisimus.environment import Environment
from provisimus.events import silence
from provisimus.stacks import live
from provisimus.stacks.change_set import Deployment, Operation, read_changes
from provisimus.stacks.effects import effect_of
from provisimus.stacks.follow import Deadline
from provisimus.stacks.gate import check_template
from provisimus.stacks.plan import StackPlan
from provisimus.stacks.property_changes import property_changes
from provisimus.stacks.resource_change import (
    ResourceChange,
    allowed_of,
    between,
    endangered,
    paired,
    with_groups,
    with_new_image,
)
from provisimus.stacks.review import Compared, Review, ReviewedChange
from provisimus.stacks.security import security_changes
from provisimus.stacks.template import HOLDING_DATA, attached, is_detached
from provisimus.stacks.types.interface import FROM_THE_IMAGE, IMAGE_ID

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def reviewed(
    plan: StackPlan, changes: Iterable[ResourceChange], compared: Compared, allow: Iterable[str]
) -> Review:
    """The review of changes. Pure."""
    told = paired(changes)
    own = plan.live.tags if plan.live else {}
    return Review(
        plan.service,
        plan.name,
        plan.change,
        plan.reason,
        compared,
        tuple(_reviewed(plan, each, tuple(own)) for each in told),
        security_changes(told),
        endangered(told, allowed_of(plan.service, allow)),
    )


def _reviewed(plan: StackPlan, change: ResourceChange, own_tags: tuple[str, ...]) -> ReviewedChange:
    own = plan.kind.effect(change, plan.template) if plan.kind else None
    return ReviewedChange(
        change.verb,
        change.logical_id,
        change.kind,
        change.physical_id,
        effect_of(change) if own is None else own,
        change.kind in HOLDING_DATA,
        property_changes(change.before, change.after, own_tags),
    )


def changes_of(
    plan: StackPlan, environment: Environment, image: str | None, run: str, *, change_set: bool
) -> tuple[Compared, list[ResourceChange]]:
    if plan.change == "none":
        return "nothing", []
    if plan.live is None:
        check_template(plan.template)
        return "templates", between({}, {}, plan.template, plan.parameters)
    running = plan.live.parameters.get(IMAGE_ID) if _of_a_machine(plan) else None
    if change_set and (running or not _of_a_machine(plan)):
        wanted = Deployment(plan.template, _parameters(plan, image or running), plan.live.tags)
        operation = Operation(
            environment, plan.service, plan.live.stack_id, run, silence, Deadline.after(None)
        )
        try:
            changes = read_changes(operation, wanted)
        except CloudFault as fault:
            if fault.code not in DENIED:
                raise
            check_template(plan.template)
        else:
            moved = running and image is None and _other_machine(plan)
            if moved:
                changes = with_new_image(changes, plan.template, str(running))
            return "change set", with_groups(changes, plan.template)
    assert plan.running is not None
    before = attached(plan.running) if is_detached(plan.running) else plan.running
    return "templates", between(before, plan.live.parameters, plan.template, plan.parameters)


def _of_a_machine(plan: StackPlan) -> bool:
    # A template of somebody's own may have a parameter of the same name.
    return plan.machine_fingerprint is not None


def _other_machine(plan: StackPlan) -> bool:
    assert plan.live is not None
    return plan.live.tags.get(live.MACHINE) != str(plan.machine_fingerprint)


def _parameters(plan: StackPlan, image: str | None) -> dict[str, str]:
    """Those of the plan, and what is read from the machine image: of the one that runs, where
    another is not known yet."""
    assert plan.live is not None
    if not _of_a_machine(plan):
        return dict(plan.parameters)
    declared = plan.template.get("Parameters", {})
    known = {
        name: plan.live.parameters[name]
        for name in FROM_THE_IMAGE
        if name in declared and name in plan.live.parameters
    }
    named = {IMAGE_ID: image} if image and IMAGE_ID in declared else {}
    return {**plan.parameters, **known, **named}
