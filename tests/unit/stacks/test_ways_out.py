"""A way out of every status that CloudFormation knows, and the order in which stacks go."""

from __future__ import annotations

import botocore.session
import pytest

from provisimus.model import Stack
from provisimus.stacks.live import SERVICE, USES, state_of
from provisimus.stacks.pruning import choose
from provisimus.stacks.ways_out import way_out

STATUSES = (
    botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus").enum
)


@pytest.mark.parametrize("status", STATUSES)
def test_no_status_is_without_a_way(status: str) -> None:
    action = way_out(status).action
    match state_of(status):
        case "ready":
            assert action == "nothing"
        case "busy":
            assert action in ("wait", "cancel")
        case "stuck":
            assert action not in ("nothing", "wait")
        case "leftover":
            assert action == "delete"


def stack(service: str, *uses: str, status: str = "CREATE_COMPLETE") -> Stack:
    tags = {SERVICE: service, USES: " ".join(uses)}
    return Stack(f"acme-local-{service}", f"arn:{service}", status, tags, {}, {}, None)


def going(*stacks: Stack, declared: frozenset[str] = frozenset()) -> list[str]:
    return [each.tags[SERVICE] for each in choose(stacks, declared).stacks]


def test_who_uses_another_goes_before_it() -> None:
    chain = (stack("a"), stack("b", "a"), stack("c", "b", "a"), stack("d"))
    assert going(*chain) == ["c", "d", "b", "a"]


def test_what_a_declared_stack_uses_stays() -> None:
    found = choose((stack("a"), stack("b", "a"), stack("c")), frozenset({"b"}))
    assert [each.tags[SERVICE] for each in found.stacks] == ["c"]
    assert [(each.tags[SERVICE], why) for each, why in found.kept] == [("a", "used by b")]


def test_what_is_busy_stays() -> None:
    busy = stack("a", status="UPDATE_IN_PROGRESS")
    assert choose((busy,), frozenset()).kept == ((busy, "busy: UPDATE_IN_PROGRESS"),)


def test_a_circle_loses_nothing() -> None:
    assert sorted(going(stack("a", "b"), stack("b", "a"))) == ["a", "b"]
