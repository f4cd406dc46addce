"""Which machine images may go, decided by value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from provisimus.machines import tags
from provisimus.machines.details import Details
from provisimus.machines.prune import Judged, Wish, judge, saved
from provisimus.machines.uses import Use
from provisimus.model import MachineImage

NOW = datetime(2026, 7, 1, tzinfo=UTC)
USABLE = {tags.USABLE: "2026-01-01T00:00:00Z"}


def details(number: int, **more: object) -> Details:
    """Number 1 is the oldest; each is a day younger than the one before."""
    image = MachineImage(
        "greeter",
        f"1.0.{number}",
        f"ami-{number}",
        f"name-{number}",
        tags={**USABLE, **more.pop("tags", {})},  # type: ignore[dict-item]
        created=f"2026-01-{number:02}T00:00:00.000Z",
    )
    return replace(Details(image, "eu-west-1", "available", 8), **more)  # type: ignore[arg-type]


def verdicts(judged: tuple[Judged, ...]) -> dict[str, tuple[bool, str]]:
    return {each.details.image.image_id: (each.keep, each.reason) for each in judged}


def test_the_newest_stay_and_the_rest_goes() -> None:
    judged = judge([details(n) for n in (1, 2, 3)], {}, Wish(keep=2), NOW)
    assert verdicts(judged) == {
        "ami-1": (False, "181 days old, not among the newest 2, and nobody refers to it"),
        "ami-2": (True, "number 2 of the newest 2"),
        "ami-3": (True, "number 1 of the newest 2"),
    }
    assert saved(judged) == (0.4, True)


def test_what_somebody_refers_to_stays() -> None:
    uses = {"ami-1": (Use("stack", "acme-staging-greeter", "would go back to it"),)}
    judged = judge([details(n) for n in (1, 2)], uses, Wish(keep=1), NOW)
    assert verdicts(judged)["ami-1"] == (True, "stack acme-staging-greeter would go back to it")


def test_every_other_reason_to_stay() -> None:
    first = details(1)
    kept = {
        "another environment": (first, Wish(1, promoted={("greeter", "1.0.1"): "production"})),
        "untested": (replace(first, image=replace(first.image, tags={})), Wish(1)),
        "young": (first, Wish(1, age=timedelta(days=200))),
        "no age": (replace(first, image=replace(first.image, created="")), Wish(1)),
        "pending": (replace(first, state="pending"), Wish(1)),
        "shared": (details(1, tags={tags.ACCOUNTS: "111122223333"}), Wish(1)),
        "public": (details(1, public=True), Wish(1)),
        "copy": (
            details(1, tags={tags.COPY_OF: "eu-west-1/ami-7"}),
            Wish(1, originals={"eu-west-1/ami-7"}),
        ),
    }
    reasons = {
        name: verdicts(judge([image, details(2)], {}, wish, NOW))["ami-1"]
        for name, (image, wish) in kept.items()
    }
    assert reasons == {
        "another environment": (True, "production"),
        "untested": (True, "it was never tested: machine reap or the next bake sees to it"),
        "young": (True, "younger than 200 days"),
        "no age": (True, "nobody knows how old it is"),
        "pending": (True, "it is pending"),
        "shared": (True, "shared with 111122223333: who uses it there is not known"),
        "public": (True, "shared with everybody: who uses it there is not known"),
        "copy": (True, "copy of eu-west-1/ami-7, which is kept"),
    }


def test_shared_ones_go_when_asked_for() -> None:
    image = details(1, tags={tags.ACCOUNTS: "111122223333"})
    judged = judge([image, details(2)], {}, Wish(1, shared=True), NOW)
    assert not verdicts(judged)["ami-1"][0]


def test_several_reasons_are_counted() -> None:
    uses = {"ami-1": (Use("instance", "i-1", "runs it (running)"),)}
    [judged] = judge([details(1)], uses, Wish(1), NOW)
    assert judged.reason == "instance i-1 runs it (running) (and 1 more)"


def test_each_machine_counts_for_itself() -> None:
    other = details(1)
    other = replace(other, image=replace(other.image, machine="other"))
    assert all(each.keep for each in judge([other, details(2)], {}, Wish(1), NOW))


def test_a_price_that_is_not_known_is_no_price() -> None:
    judged = judge([details(1, region="mars-1"), details(2)], {}, Wish(1), NOW)
    assert saved(judged) == (0, False)
