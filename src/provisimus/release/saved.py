"""A plan that was saved: what it saw, and what of that moved since. Pure but for `bound`.

A saved plan is applied only while everything holds that it was made from: the definitions, by their
fingerprints, and each stack as it stood (its id, status, tags, template, and when it was last
updated). What was reviewed is then what happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisimus.environment import Environment
from provisimus.errors import Refused
from provisimus.model import Stack, fingerprint
from provisimus.release.plan import ReleasePlan


def bound(made: ReleasePlan, environment: Environment) -> dict[str, Any]:
    """What a plan is bound to, as a JSON value. Costs a call for each stack that stays as it is."""
    from provisimus.stacks.live import template_of

    plans = made.members or ((made.stack,) if made.stack else ())
    return {
        "service": made.plan.service,
        "version": made.plan.version,
        "environment": made.plan.environment,
        "account": environment.cloud.account,
        "region": environment.cloud.region,
        "fingerprints": dict(made.plan.fingerprints),
        "stacks": {
            each.name: each.live
            and seen(each.live, each.running or template_of(environment, each.live))
            for each in plans
        },
    }


def seen(stack: Stack, template: Mapping[str, Any]) -> dict[str, Any]:
    """A stack as it stands, without what only describes it."""
    return {
        "id": stack.stack_id,
        "status": stack.status,
        "updated": stack.updated,
        "template": str(fingerprint(template)),
        "tags": dict(stack.tags),
    }


def moved(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What a saved plan was bound to and is not so any more, each in words."""
    found = []
    for key in dict.fromkeys((*then, *now)):
        if key == "stacks":
            continue
        if key == "fingerprints":
            names = [name for name, _, _ in _differences(then.get(key), now.get(key))]
            found += [f"the definitions of {name} changed" for name in names]
        elif then.get(key) != now.get(key):
            found.append(f"{_was(f'the {key}', then.get(key), now.get(key))}")
    for stack, old, new in _differences(then.get("stacks"), now.get("stacks")):
        found += _moved_stack(stack, old, new)
    return found


def _moved_stack(name: str, old: Any, new: Any) -> Iterator[str]:
    if old is None or new is None:
        yield f"the stack {name} {'is there now' if old is None else 'is gone'}"
        return
    if old.get("id") != new.get("id"):
        yield f"the stack {name} was deleted and made anew"
        return
    for key in ("status", "updated"):
        if old.get(key) != new.get(key):
            what = "the status" if key == "status" else "the time of the last update"
            yield _was(f"{what} of {name}", old.get(key), new.get(key))
    if old.get("template") != new.get("template"):
        yield f"the template of {name} is another"
    for tag, before, after in _differences(old.get("tags"), new.get("tags")):
        yield _was(f"the tag {tag} of {name}", before, after)


def _differences(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    before: Mapping[str, Any] = old or {}
    after: Mapping[str, Any] = new or {}
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)


def _was(what: str, then: Any, now: Any) -> str:
    return f"{what} was {then or 'none'} and is {now or 'none'}"


def check_bound(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raises Refused, which says all that moved, when a saved plan no longer holds."""
    if changed := moved(then, now):
        raise Refused(
            f"the saved plan of {then.get('service')} is stale: {'; '.join(changed)}",
            hint="plan again, and review what it says now",
        )
