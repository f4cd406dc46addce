"""Which machine images may go, each with the reason; and removing them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from provisimus.aws import Cloud
from provisimus.errors import ProvisimusError
from provisimus.events import Tell, step
from provisimus.machines import tags
from provisimus.machines.details import Details
from provisimus.machines.prices import monthly
from provisimus.machines.removal import remove_image
from provisimus.machines.uses import Uses


@dataclass(frozen=True)
class Judged:
    """One machine image: whether it is kept, and why. `saves` in US dollars a month, at most."""

    details: Details
    keep: bool
    reason: str
    saves: float | None = None

    def as_json(self) -> dict[str, Any]:
        image = self.details.image
        return {
            "machine": image.machine,
            "version": image.version,
            "image_id": image.image_id,
            "region": self.details.region,
            "created": image.created,
            "size_gib": self.details.size,
            "keep": self.keep,
            "reason": self.reason,
            "saves_usd_month_at_most": None if self.keep else self.saves,
        }


@dataclass(frozen=True)
class Wish:
    """What is to be kept: the newest `keep` of each machine, and what is younger than `age`.

    `promoted` by machine and version what another environment may still take from here, and who.
    With `shared`, also what other accounts may launch goes. `originals` are kept AMIs of another
    region, written `region/ami-…`, whose copies stay with them.
    """

    keep: int = 3
    age: timedelta = timedelta(days=7)
    promoted: Mapping[tuple[str, str], str] = field(default_factory=dict)
    shared: bool = False
    originals: Collection[str] = ()


def judge(images: Iterable[Details], uses: Uses, wish: Wish, now: datetime) -> tuple[Judged, ...]:
    """Every machine image of one region with its verdict, in the order given. Pure."""
    images = list(images)
    newest = _newest(images, wish.keep)
    return tuple(_judge(each, uses, wish, newest, now) for each in images)


def _judge(
    each: Details, uses: Uses, wish: Wish, newest: Mapping[str, int], now: datetime
) -> Judged:
    image = each.image
    reasons = _reasons(each, uses, wish, newest, now)
    if reasons:
        return Judged(each, True, reasons[0] + _more(reasons))
    born = born_at(image.created)
    days = (now - born).days if born else 0
    why = f"{days} days old, not among the newest {wish.keep}, and nobody refers to it"
    return Judged(each, False, why, monthly(each.region, each.size))


def _reasons(
    each: Details, uses: Uses, wish: Wish, newest: Mapping[str, int], now: datetime
) -> list[str]:
    """Why it is kept; none when it may go. The strongest first."""
    image = each.image
    found = [str(use) for use in uses.get(image.image_id, ())]
    promoted = wish.promoted.get((image.machine, image.version))
    if promoted:
        found.append(promoted)
    if not each.usable:
        found.append("it was never tested: machine reap or the next bake sees to it")
    if image.image_id in newest:
        found.append(f"number {newest[image.image_id]} of the newest {wish.keep}")
    born = born_at(image.created)
    if born is None:
        found.append("nobody knows how old it is")
    elif now - born < wish.age:
        found.append(f"younger than {_span(wish.age)}")
    if each.state != "available":
        found.append(f"it is {each.state}")
    if each.tag(tags.COPY_OF) in wish.originals and each.tag(tags.COPY_OF):
        found.append(f"copy of {each.tag(tags.COPY_OF)}, which is kept")
    if (each.accounts or each.public) and not wish.shared:
        whom = " ".join(each.accounts) or "everybody"
        found.append(f"shared with {whom}: who uses it there is not known")
    return found


def _more(reasons: Sequence[str]) -> str:
    return f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""


def _newest(images: Iterable[Details], keep: int) -> dict[str, int]:
    """The newest usable ones of each machine, numbered from 1."""
    by_machine: dict[str, list[Details]] = defaultdict(list)
    for each in images:
        if each.usable and each.state == "available":
            by_machine[each.image.machine].append(each)
    return {
        each.image.image_id: number
        for several in by_machine.values()
        for number, each in enumerate(
            sorted(several, key=lambda each: each.image.created, reverse=True)[:keep], 1
        )
    }


def born_at(created: str) -> datetime | None:
    """EC2's CreationDate as a time; None for what is none."""
    try:
        return datetime.fromisoformat(created).astimezone(UTC)
    except ValueError:
        return None


def saved(judged: Collection[Judged]) -> tuple[float, bool]:
    """US dollars a month at most of all that goes, and whether every region's price is known."""
    going = [each for each in judged if not each.keep]
    known = all(each.saves is not None for each in going)
    return round(sum(each.saves or 0 for each in going), 2), known


def prune(cloud: Cloud, judged: Iterable[Judged], tell: Tell) -> tuple[Judged, ...]:
    """Remove what goes, AMI and snapshots, each in its region. Gives what was removed.

    Goes on after a failure and raises the first at the end.
    """
    cloud.check_account()
    removed: list[Judged] = []
    faults: list[ProvisimusError] = []
    for each in judged:
        if each.keep:
            continue
        image = each.details.image
        try:
            with step(
                tell, f"remove {image.image_id}, {image.machine} {image.version}", each.reason
            ):
                remove_image(cloud.in_region(each.details.region), image.image_id)
            removed.append(each)
        except ProvisimusError as error:
            faults.append(error)
    if faults:
        raise faults[0]
    return tuple(removed)


def _span(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours // 24} days" if hours % 24 == 0 else f"{hours} h"
