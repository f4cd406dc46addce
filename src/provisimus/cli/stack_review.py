"""A review of a stack's change as text: resources, values, security, what stops it, drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisimus.stacks.review import Review, ReviewedChange


ORDER = ("delete", "replace", "perhaps replace", "change", "create")
"""What is done to resources, the gravest first."""
COUNTED = {
    "delete": "to delete",
    "replace": "to replace",
    "perhaps replace": "perhaps to replace",
    "change": "to change",
    "create": "to create",
}
FEW = 2
"""So many of those that only follow others are told one by one."""


def review_lines(review: Review) -> list[str]:
    """Nothing for a stack that stays as it is and about which nothing more was asked."""
    lines = [*_changes(review), *_security(review), *_stopped(review), *_drift(review)]
    if not lines:
        return []
    return [": ".join(filter(None, (review.stack, review.change, _counts(review)))), *lines]


def _counts(review: Review) -> str:
    """How many resources each thing is done to, the gravest first."""
    done = Counter(each.action for each in review.changes)
    return ", ".join(f"{done[each]} {COUNTED.get(each, each)}" for each in _ordered(done))


def _ordered(actions: Iterable[str]) -> list[str]:
    return sorted(actions, key=_gravity)


def _gravity(action: str) -> int:
    return ORDER.index(action) if action in ORDER else len(ORDER)


def _changes(review: Review) -> Iterator[str]:
    following = [each for each in review.changes if _only_follows(each)]
    if len(following) <= FEW:
        following = []
    told = [each for each in review.changes if each not in following]
    for each in sorted(told, key=lambda one: _gravity(one.action)):
        yield _head(each)
        if each.action not in ("create", "delete"):
            yield from (f"      {one.line}" for one in each.values)
    if following:
        yield f"  {len(following)} more only follow: they refer to what is made anew"
        for action in _ordered({each.action for each in following}):
            names = ", ".join(each.logical_id for each in following if each.action == action)
            yield f"      {action}: {names}"
    if review.change != "none" and review.compared == "templates" and review.change != "create":
        yield "  (templates were compared, so what is replaced is not known)"


def _only_follows(change: ReviewedChange) -> bool:
    """Whether nothing of it changes but what refers to something that is still to be made. What is
    surely replaced or holds data is told by itself all the same."""
    from provisimus.stacks.resource_change import NOT_MADE_YET

    return (
        change.action in ("perhaps replace", "change")
        and not change.holds_data
        and bool(change.values)
        and all(one.after == NOT_MADE_YET[1] for one in change.values)
    )


def _head(change: ReviewedChange) -> str:
    what = f"  {change.action:<15} {change.logical_id} ({change.kind})"
    return f"{what}: {change.effect}" if change.effect else what


def _security(review: Review) -> Iterator[str]:
    if review.security:
        yield "  security"
    for each in review.security:
        yield f"    {'+' if each.way == 'wider' else '-'} {each.logical_id}: {each.text}"


def _stopped(review: Review) -> Iterator[str]:
    if review.stopped:
        yield "  stopped, for data would be lost"
    for name, what in review.stopped.items():
        yield f"    {name} would be {what}; if it may: --allow {name}"


def _drift(review: Review) -> Iterator[str]:
    if review.drift is None:
        return
    yield "  drift" if review.drift else "  drift: none, everything is as it was deployed"
    for each in review.drift:
        yield f"    {each.line}"
