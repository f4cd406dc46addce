"""What of a saved plan moved since, in words."""

from copy import deepcopy
from typing import Any

import pytest

from provisimus.errors import Refused
from provisimus.release.saved import check_bound, moved

THEN: dict[str, Any] = {
    "service": "greeter",
    "version": "1.0.0",
    "environment": "staging",
    "account": "1",
    "fingerprints": {"machine": "a", "stack": "b"},
    "stacks": {
        "acme-staging-greeter": {
            "id": "arn:1",
            "status": "CREATE_COMPLETE",
            "updated": "2026-01-01T00:00:00+00:00",
            "template": "t",
            "tags": {"provisimus:run": "r1"},
        }
    },
}


def changed(*path: str, to: Any) -> dict[str, Any]:
    now = deepcopy(THEN)
    place = now
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return now


STACK = ("stacks", "acme-staging-greeter")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (THEN, []),
        (changed("version", to="1.0.1"), ["the version was 1.0.0 and is 1.0.1"]),
        (changed("account", to=None), ["the account was 1 and is none"]),
        (changed("fingerprints", "stack", to="c"), ["the definitions of stack changed"]),
        (changed(*STACK, to=None), ["the stack acme-staging-greeter is gone"]),
        (
            changed(*STACK, "id", to="arn:2"),
            ["the stack acme-staging-greeter was deleted and made anew"],
        ),
        (
            changed(*STACK, "status", to="UPDATE_COMPLETE"),
            ["the status of acme-staging-greeter was CREATE_COMPLETE and is UPDATE_COMPLETE"],
        ),
        (changed(*STACK, "template", to="u"), ["the template of acme-staging-greeter is another"]),
        (
            changed(*STACK, "tags", to={"provisimus:run": "r2", "owner": "me"}),
            [
                "the tag provisimus:run of acme-staging-greeter was r1 and is r2",
                "the tag owner of acme-staging-greeter was none and is me",
            ],
        ),
    ],
)
def test_everything_that_moved_is_told(now: dict[str, Any], words: list[str]) -> None:
    assert moved(THEN, now) == words


def test_a_stack_that_came_meanwhile() -> None:
    assert moved(changed(*STACK, to=None), THEN) == ["the stack acme-staging-greeter is there now"]


def test_a_stale_plan_is_refused_with_all_of_it() -> None:
    check_bound(THEN, deepcopy(THEN))
    now = changed(*STACK, "updated", to="2026-02-01T00:00:00+00:00")
    with pytest.raises(Refused, match="greeter is stale: the time of the last update") as refused:
        check_bound(THEN, now)
    assert refused.value.exit_code == 5
