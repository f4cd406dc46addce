"""`provisimus machine prune`: remove machine images that nobody refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from provisimus.cli.names import machine_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.machines.prune import Judged, Wish


@click.command()
@click.argument("name", metavar="[MACHINE]", required=False, shell_complete=machine_names)
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    metavar="N",
    help="Keep the newest N tested ones of each machine.",
)
@click.option(
    "--older-than",
    default="7d",
    show_default=True,
    metavar="AGE",
    help="Keep what is younger: 12h, 30d.",
)
@click.option("--shared", is_flag=True, help="Also what is shared with other accounts.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def prune(session: Session, name: str | None, keep: int, older_than: str, shared: bool) -> None:
    """Remove machine images that nobody refers to, with their snapshots and copies.

    Kept is what stacks run or would go back to, what instances, launch templates and launch
    configurations name, what another environment may still take from here, what is shared with
    other accounts, the newest ones, and what is young. Shows it with the reasons, then asks.

    \b
    provisimus machine prune --dry-run
    provisimus machine prune greeter --keep 5 --older-than 30d --yes
    """  # fmt: skip
    from provisimus.machines.prune import Wish
    from provisimus.machines.prune import prune as remove
    from provisimus.release.promotion_needs import promoted_from

    age = _age(older_than)
    environment = session.open()
    wish = Wish(keep, age, promoted_from(session.workspace, session.env), shared)
    judged = _judged(session, environment, name, wish)
    going = [each for each in judged if not each.keep]
    if session.dry_run or not going:
        session.emit([each.as_json() for each in judged], _text(judged))
        return
    click.echo(_text(judged), err=True)
    session.confirm(f"Remove {_count(going)}?")
    # Somebody may have begun to use one of them while the question stood there.
    still = {
        each.details.image.image_id
        for each in _judged(session, environment, name, wish)
        if not each.keep
    }
    going = [each for each in going if each.details.image.image_id in still]
    removed = remove(environment.cloud, going, session.tell)
    session.emit([each.as_json() for each in removed], f"removed {_count(removed)}")


def _judged(
    session: Session, environment: Environment, name: str | None, wish: Wish
) -> tuple[Judged, ...]:
    """In the environment's region, and in those that copies went to."""
    from dataclasses import replace

    from provisimus.machines.details import list_details
    from provisimus.machines.prune import judge
    from provisimus.release.image_uses import image_uses

    now = datetime.now(UTC)
    project, home = session.workspace.name, environment.cloud.region
    here = list_details(environment.cloud, project, name)
    regions = [home, *sorted({each for image in here for each in image.regions} - {home})]
    judged: list[Judged] = []
    for region in regions:
        there = replace(environment, cloud=environment.cloud.in_region(region))
        images = here if region == home else list_details(there.cloud, project, name)
        if images:
            kept = {
                f"{home}/{each.details.image.image_id}"
                for each in judged
                if each.keep and each.details.region == home
            }
            judged += judge(images, image_uses(there), replace(wish, originals=kept), now)
    return tuple(judged)


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"(\d+)\s*([hd])", text)
    if not found:
        raise UsageFault(f"{text!r} is no age", hint="--older-than 12h, or --older-than 30d")
    return timedelta(**{{"h": "hours", "d": "days"}[found[2]]: int(found[1])})


def _text(judged: Sequence[Judged]) -> str:
    from provisimus.machines.prices import AS_OF
    from provisimus.machines.prune import saved

    if not judged:
        return "there is no machine image"
    rows = [
        (
            *(each.details.image.machine, each.details.image.version),
            *(each.details.image.image_id, each.details.region, each.details.image.created[:10]),
            *("keep" if each.keep else "remove", each.reason),
        )
        for each in sorted(judged, key=lambda each: each.keep)
    ]
    head = ["machine", "version", "image", "region", "created", "what", "reason"]
    money, known = saved(judged)
    going = [each for each in judged if not each.keep]
    more = "" if known else ", without regions whose price is not known"
    bound = f"prices of {AS_OF}; snapshots share blocks, so this is an upper bound"
    last = f"saves at most {money:.2f} USD a month ({bound}{more})" if going else "nothing goes"
    return f"{table(head, rows)}\n{last}"


def _count(images: Iterable[object]) -> str:
    number = len(list(images))
    return f"{number} machine image{'s' if number != 1 else ''}"
