"""Which requests are the same: ClientRequestToken and TokenAlreadyExistsException in the API."""

from __future__ import annotations

import pytest

from provisimus.localcloud.cloudformation.errors import TokenAlreadyExists, ValidationError
from provisimus.localcloud.cloudformation.stack import Stack
from provisimus.localcloud.cloudformation.tokens import REMEMBERED, check, note, repeated


def stack() -> Stack:
    return Stack("arn:s", "s", "here", "0", 0.0)


def test_a_request_is_known_by_its_token_and_what_it_asks_for() -> None:
    known = stack()
    asked = {"StackName": "s", "ClientRequestToken": "t", "TemplateBody": "{}"}
    assert not repeated(known, "UpdateStack", asked)
    note(known, "UpdateStack", asked)
    assert repeated(known, "UpdateStack", asked)
    assert repeated(known, "UpdateStack", {**asked, "StackName": "arn:s"})
    assert not repeated(known, "UpdateStack", {**asked, "ClientRequestToken": "u"})
    for action, other in (("UpdateStack", {**asked, "TemplateBody": ""}), ("DeleteStack", asked)):
        with pytest.raises(TokenAlreadyExists, match="Token t already exists for stack s"):
            repeated(known, action, other)


def test_a_request_without_a_token_is_always_new() -> None:
    known = stack()
    note(known, "UpdateStack", {"TemplateBody": "{}"})
    assert known.tokens == {}
    assert not repeated(known, "UpdateStack", {"TemplateBody": "{}"})


def test_only_so_many_are_remembered() -> None:
    known = stack()
    for number in range(REMEMBERED + 5):
        note(known, "UpdateStack", {"ClientRequestToken": f"t{number}"})
    assert len(known.tokens) == REMEMBERED
    assert "t4" not in known.tokens and "t5" in known.tokens


@pytest.mark.parametrize("token", ["", "a b", "-a", "a" * 129])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(ValidationError, match="at 'clientRequestToken' failed to satisfy"):
        check({"ClientRequestToken": token})
