"""What a plan would do to a stack, resource by resource, for whoever has to say yes to it.

For a stack that is there a change set tells it, with values, and is removed again; for one that is
not, or where no change set may be made, the templates do. Nothing of the stack changes. How changes
are found stands in `review_changes`, which a stack that stays as it is does not load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from provisimus.environment import Environment
from provisimus.stacks.plan import StackPlan

if TYPE_CHECKING:
    from provisimus.stacks.property_changes import PropertyChange
    from provisimus.stacks.security import SecurityChange
    from provisimus.stacks.three_way import ThreeWay

Compared = Literal["nothing", "change set", "templates"]


@dataclass(frozen=True)
class ReviewedChange:
    """One resource: what is done to it, what that means (`effect`), and its values."""

    action: str
    logical_id: str
    kind: str
    physical_id: str
    effect: str
    holds_data: bool
    values: tuple[PropertyChange, ...]


@dataclass(frozen=True)
class Review:
    """A stack's change in full. `compared` is what tells it; `stopped` what holds data and would be
    lost, which forbids the change; `drift` None where nobody asked."""

    service: str
    stack: str
    change: str
    reason: str
    compared: Compared
    changes: tuple[ReviewedChange, ...] = ()
    security: tuple[SecurityChange, ...] = ()
    stopped: Mapping[str, str] = field(default_factory=dict)
    drift: tuple[ThreeWay, ...] | None = None

    def refuse(self) -> None:
        """Raises Refused when data would be lost that nobody allowed to go."""
        if self.stopped:
            from provisimus.stacks.change_set import refused_loss

            raise refused_loss(self.service, self.stack, self.stopped)


def review_stack(
    plan: StackPlan,
    environment: Environment,
    image: str | None,
    run: str,
    *,
    allow: Iterable[str] = (),
    change_set: bool = True,
    drift: bool = False,
) -> Review:
    """`image` is the AMI of the plan's machine image, None while there is none. `allow` names what
    holds data and may go. Without `change_set` templates alone are compared.

    Raises ProvisimusError when CloudFormation refuses the change, or its drift is not found out.
    """
    if plan.change == "none" and not drift:
        return Review(plan.service, plan.name, plan.change, plan.reason, "nothing")
    from provisimus.stacks.review_changes import changes_of, reviewed

    compared, changes = changes_of(plan, environment, image, run, change_set=change_set)
    found = reviewed(plan, changes, compared, allow)
    if drift and plan.live is not None:
        from provisimus.stacks.drift import detect
        from provisimus.stacks.follow import Deadline
        from provisimus.stacks.three_way import three_way

        seen = detect(environment, plan.live, Deadline.after(None))
        return replace(found, drift=three_way(seen, changes))
    return found
