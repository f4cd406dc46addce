"""A review of a stack's change as text: resources, values, security, what stops it, drift."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisimus.stacks.review import Review, ReviewedChange


def review_lines(review: Review) -> list[str]:
    """Nothing for a stack that stays as it is and about which nothing more was asked."""
    lines = [*_changes(review), *_security(review), *_stopped(review), *_drift(review)]
    return [f"{review.stack}: {review.change}", *lines] if lines else []


def _changes(review: Review) -> Iterator[str]:
    for each in review.changes:
        yield _head(each)
        if each.action not in ("create", "delete"):
            yield from (f"      {one.line}" for one in each.values)
    if review.change != "none" and review.compared == "templates" and review.change != "create":
        yield "  (templates were compared, so what is replaced is not known)"


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
