"""Stacks as they stand: names, states, whose they are."""

import json
from typing import get_args

import pytest

from provisimus.errors import Conflict, Locked, ProvisimusError, Refused
from provisimus.model import Stack
from provisimus.stacks.live import State, check_usable, outermost, parsed, stack_name, state_of

OURS = {
    "provisimus:project": "acme",
    "provisimus:environment": "local",
    "provisimus:service": "greeter",
}


def stack(status: str, **tags: str) -> Stack:
    return Stack("acme-local-greeter", "arn:stack", status, {**OURS, **tags}, reason="a reason")


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("acme", "local", "greeter"), "acme-local-greeter"),
        (("acme.shop", "eu_1", "g"), "acme-shop-eu-1-g"),
        (("3com", "local", "g"), "p-3com-local-g"),
        (("a" * 60, "b" * 60, "c" * 60), f"{'a' * 60}-{'b' * 60}-{'c' * 6}"),
    ],
)
def test_names_are_what_cloudformation_takes(parts: tuple[str, str, str], name: str) -> None:
    assert stack_name(*parts) == name


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("CREATE_COMPLETE", "ready"),
        ("UPDATE_COMPLETE", "ready"),
        ("UPDATE_ROLLBACK_COMPLETE", "ready"),
        ("IMPORT_COMPLETE", "ready"),
        ("REVIEW_IN_PROGRESS", "leftover"),
        ("ROLLBACK_COMPLETE", "leftover"),
        ("ROLLBACK_FAILED", "leftover"),
        ("CREATE_IN_PROGRESS", "busy"),
        ("ROLLBACK_IN_PROGRESS", "busy"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "busy"),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "busy"),
        ("DELETE_IN_PROGRESS", "busy"),
        ("CREATE_FAILED", "stuck"),
        ("UPDATE_FAILED", "stuck"),
        ("UPDATE_ROLLBACK_FAILED", "stuck"),
        ("DELETE_FAILED", "stuck"),
    ],
)
def test_every_status_has_a_state(status: str, state: str) -> None:
    assert state in get_args(State)
    assert state_of(status) == state


def test_our_resting_stack_may_be_used() -> None:
    check_usable(stack("CREATE_COMPLETE"), OURS)


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        (
            stack("CREATE_COMPLETE", **{"provisimus:service": "other"}),
            Conflict,
            "the stack acme-local-greeter exists already and is not ours",
        ),
        (
            stack("UPDATE_IN_PROGRESS"),
            Locked,
            "the stack acme-local-greeter is busy: UPDATE_IN_PROGRESS",
        ),
        (
            stack("UPDATE_ROLLBACK_FAILED"),
            Refused,
            "the stack acme-local-greeter is stuck: UPDATE_ROLLBACK_FAILED: a reason",
        ),
    ],
)
def test_others_may_not(found: Stack, error: type[ProvisimusError], message: str) -> None:
    with pytest.raises(error) as raised:
        check_usable(found, OURS)
    assert raised.value.message == message
    assert raised.value.exit_code == 5
    assert raised.value.hint


def test_what_is_inside_another_stack_is_no_stack_of_its_own() -> None:
    def told(name: str, status: str = "CREATE_COMPLETE", **more: str) -> dict[str, object]:
        tags = [{"Key": key, "Value": value} for key, value in OURS.items()]
        return {"StackName": name, "StackId": name, "StackStatus": status, "Tags": tags, **more}

    found = [told("b"), told("a-nested", ParentId="a"), told("a"), told("c", "DELETE_COMPLETE")]
    assert [each.name for each in outermost(found)] == ["a", "b"]


def test_a_leftover_without_tags_is_nobodys() -> None:
    check_usable(Stack("acme-local-greeter", "arn", "REVIEW_IN_PROGRESS"), OURS)


def test_a_template_is_read_whoever_wrote_it() -> None:
    wanted = {"Resources": {"A": {"Type": "T", "Properties": {"B": {"Fn::GetAtt": ["C", "D.E"]}}}}}
    written = "Resources:\n  A: {Type: T, Properties: {B: !GetAtt C.D.E}}\n"
    assert parsed(written, "acme-local-greeter") == wanted
    assert parsed(json.dumps(wanted), "acme-local-greeter") == wanted
    with pytest.raises(Conflict, match="of acme-local-greeter cannot be read: it has no resources"):
        parsed("Outputs: {}", "acme-local-greeter")
