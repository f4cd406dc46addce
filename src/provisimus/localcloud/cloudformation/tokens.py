"""Client request tokens: a request that comes twice is done once.

Source: API reference, ClientRequestToken of each operation and TokenAlreadyExistsException.
A token belongs to one request on one stack; what a request asked for is remembered as a digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.errors import TokenAlreadyExists
from provisimus.localcloud.cloudformation.requests import constrained
from provisimus.localcloud.cloudformation.stack import Stack

REMEMBERED = 100
"""Tokens of a stack."""


def check(params: Mapping[str, Any], name: str = "ClientRequestToken") -> str | None:
    """A request's token, if it has one; raises ValidationError for one that is none."""
    token = params.get(name)
    if token is None:
        return None
    return constrained(name[0].lower() + name[1:], str(token), "[a-zA-Z0-9][-a-zA-Z0-9]*")


def repeated(stack: Stack, action: str, params: Mapping[str, Any]) -> bool:
    """Whether this very request was accepted before.

    Raises TokenAlreadyExists where the token was another request's.
    """
    token = check(params)
    if token is None or token not in stack.tokens:
        return False
    if stack.tokens[token] != _digest(action, params):
        raise TokenAlreadyExists(f"Token {token} already exists for stack {stack.name}")
    return True


def note(stack: Stack, action: str, params: Mapping[str, Any]) -> None:
    """Remember that a request was accepted."""
    token = check(params)
    if token is not None:
        stack.tokens[token] = _digest(action, params)
        for old in list(stack.tokens)[:-REMEMBERED]:
            del stack.tokens[old]


def _digest(action: str, params: Mapping[str, Any]) -> str:
    asked = {key: value for key, value in params.items() if key != "StackName"}
    text = json.dumps([action, asked], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
