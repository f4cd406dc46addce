"""Tokens of operations: the same for the same wish, whoever has it."""

from __future__ import annotations

import re

from provisimus.stacks.tokens import asks_for, token_of, wish_of


def test_a_token_follows_from_stack_environment_wish_and_where_the_stack_was() -> None:
    wish = wish_of("staging", "acme-staging-greeter", "sha256:1")
    token = token_of(wish, 1, "event-7")
    assert token == token_of(wish_of("staging", "acme-staging-greeter", "sha256:1"), 1, "event-7")
    others = {
        token_of(wish, 2, "event-7"),
        token_of(wish, 1, "event-9"),
        token_of(wish, 1, None),
        token_of(wish_of("production", "acme-staging-greeter", "sha256:1"), 1, "event-7"),
        token_of(wish_of("staging", "acme-staging-names", "sha256:1"), 1, "event-7"),
        token_of(wish_of("staging", "acme-staging-greeter", "sha256:2"), 1, "event-7"),
    }
    assert len(others | {token}) == 7
    # What CloudFormation takes: ClientRequestToken of ExecuteChangeSet.
    assert all(re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}", each) for each in others)


def test_an_operation_is_known_by_what_it_is_on_its_way_to() -> None:
    wish, other = wish_of("local", "a", "1"), wish_of("local", "a", "2")
    assert asks_for(token_of(wish, 2, "event"), wish)
    assert not asks_for(token_of(other, 2, "event"), wish)
    assert not asks_for("Console-CreateStack-1", wish)
    assert not asks_for(None, wish)
