"""`stack apply` of many: each begins as soon as what it uses is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import click

from provisimus.cli.session import Session
from provisimus.cli.stack_plans import Asked, Planned, make_plans, text_of
from provisimus.cli.table import table
from provisimus.cli.tree import new_tree
from provisimus.errors import InvalidDefinitions, ProvisimusError, UsageFault
from provisimus.events import Said, Skipped, about, step

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import ServiceVersion
    from provisimus.release import Released, ReleasePlan


@dataclass(frozen=True)
class Came:
    """What became of one stack. `outcome`: changed, kept, failed or not touched. `seconds` are
    those of its own work, `waited` those in which another's machine image was made."""

    service: str
    outcome: str
    why: str
    version: str = ""
    stack: str | None = None
    status: str | None = None
    seconds: float = 0.0
    waited: float = 0.0
    blocked_by: tuple[str, ...] = ()
    error: dict[str, object] | None = None


def apply_many(
    session: Session,
    names: list[str],
    *,
    check: Callable[[ReleasePlan, Environment], None] | None = None,
    timeout: float | None = None,
    allow: frozenset[str] = frozenset(),
) -> None:
    """Bring all of them up. What depends on one that failed is not touched; the rest goes on.
    `check` and `allow` are as in `carry_out`.

    Raises the first failure after all were told, InvalidDefinitions before anything is changed.
    """
    from provisimus.model import ServiceVersion
    from provisimus.parallel import AT_ONCE, Turns, side_by_side
    from provisimus.release.bring_up import bake_before, bring_up
    from provisimus.workspace.commits import commits_of
    from provisimus.workspace.stack_uses import needs_of

    workspace = session.workspace
    asked = once(ServiceVersion.parse(each) for each in names)
    # Faulty definitions and unknown names are found before a cloud is started for them.
    needs = needs_of({name: workspace.stack(name, session.env) for name in asked})
    environment = session.open(start=True)
    place = environment.whose()
    seen = Asked(tuple(sorted(allow)), change_set=False)
    plans = make_plans(session, names, seen, environment)
    click.echo(f"{place}\n{text_of(plans)}", err=True)
    for each in plans.values():
        if isinstance(each, InvalidDefinitions):
            raise each
    changing = [
        ServiceVersion.parse(name).name
        for name, each in plans.items()
        if not isinstance(each, Planned) or each.release.plan.changes
    ]
    at_rest = {
        ServiceVersion.parse(name).name: each.release
        for name, each in plans.items()
        if isinstance(each, Planned)
    }
    if changing and environment.local is None:
        session.confirm(f"Change {len(changing)} stacks in {place}?")
    title = f"apply {len(asked)} stacks"
    tell = session.telling(new_tree(title, list(asked), quiet=session.quiet))
    commits, turns = commits_of(workspace), Turns()
    starting: int | None = None
    baked: dict[str, float | Exception] = {}

    def work(name: str) -> Came:
        began = time.monotonic()
        with step(tell, name) as outcome:
            bake = baked.get(name, 0.0)
            if isinstance(bake, Exception):
                raise bake
            plan, released, waited = bring_up(
                workspace, environment, asked[name], commits, about(tell, name), session.run,
                turns=turns, starting=starting, check=check, timeout=timeout, allow=allow,
                planned=None if changing else at_rest.get(name),
            )  # fmt: skip
            made = came_of(plan, released)
            outcome.result = made.why
            # Another's bake is not this one's work.
            outcome.began += waited
        seconds = time.monotonic() - began - waited + bake
        return replace(made, seconds=round(seconds, 1), waited=round(waited, 1))

    left: dict[str, Came] = {}

    def untouched(name: str, causes: tuple[str, ...]) -> None:
        left[name] = not_touched(name, causes)
        tell(Skipped(name, left[name].why))

    def full(name: str) -> None:
        tell(Said(f"{name}: wait", f"waits until one of {AT_ONCE} that are under way is done"))

    came: dict[str, Came] = {}
    try:
        with step(tell, title, place):
            if environment.local is not None and changing:
                wanted = [asked[name] for name in changing]
                ways = (commits, tell, session.run, check)
                baked = bake_before(workspace, environment, wanted, at_rest, *ways)
                starting = environment.local.starts_at_once()
            for name, others in waits_of(needs, changing).items():
                tell(Said(f"{name}: wait", f"waits for {', '.join(others)}"))
            ended = side_by_side(needs, work, untouched, full=full)
            came = {name: left.get(name) or ended_as(name, ended[name]) for name in asked}
            for made in ended.values():
                if isinstance(made, Exception):
                    raise made
    finally:
        if came:
            data = {"environment": session.env, "place": place, "run": session.run}
            session.emit({**data, "stacks": [asdict(each) for each in came.values()]}, told(came))


def waits_of(
    needs: Mapping[str, Collection[str]], changing: Collection[str]
) -> dict[str, list[str]]:
    """Which stacks do not begin at once, and what of that which changes they need first. Pure."""
    found = {name: [each for each in others if each in changing] for name, others in needs.items()}
    return {name: others for name, others in found.items() if others}


def once(asked: Iterable[ServiceVersion]) -> dict[str, ServiceVersion]:
    """By name. Raises UsageFault for a name that comes twice."""
    found: dict[str, ServiceVersion] = {}
    for each in asked:
        if each.name in found:
            raise UsageFault(f"{each.name} is named twice", hint="name each stack once")
        found[each.name] = each
    return found


def came_of(plan: ReleasePlan, released: Released) -> Came:
    """What became of a stack that was brought up."""
    made, stack = plan.plan, released.stack
    assert stack is not None
    done = [each.action for each in made.steps if each.needed]
    why = ", ".join(done) if done else "nothing to do"
    return Came(
        made.service, "changed" if done else "kept", why, made.version, stack.name, stack.status
    )


def not_touched(name: str, causes: tuple[str, ...]) -> Came:
    """One that was never begun, because of what failed before it."""
    which = ", ".join(causes)
    return Came(name, "not touched", f"it needs {which}, which failed", blocked_by=causes)


def ended_as(name: str, made: Came | Exception) -> Came:
    if not isinstance(made, Exception):
        return made
    bug: dict[str, object] = {"error": type(made).__name__}
    error = made.as_json() if isinstance(made, ProvisimusError) else bug
    return Came(name, "failed", str(made), error=error)


def told(came: Mapping[str, Came]) -> str:
    """A line per stack: how it ended, how long it took, and why."""
    marks = {"changed": "✓", "kept": "=", "failed": "✗", "not touched": "!"}
    rows = [
        (
            marks[each.outcome],
            f"{name} {each.version}".rstrip(),
            each.outcome,
            f"{each.seconds:.1f} s" if each.seconds else "-",
            each.why.partition("\n")[0],
        )
        for name, each in came.items()
    ]
    return table(["", "stack", "outcome", "took", "why"], rows)
