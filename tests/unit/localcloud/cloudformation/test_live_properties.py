"""Every property that a handler claims is read where it tells what is live, or is named as untold.

What `live` reads is found in its code: the texts in it, in what it calls within the local cloud,
and in the constants that these use. A property of which no such text speaks cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

import pytest

from provisimus.localcloud.cloudformation.handlers import all_handlers
from provisimus.localcloud.cloudformation.handlers.interface import Handler

READABLE = [name for name, each in all_handlers().items() if each.tells_live]


def spoken(function: Callable[..., Any], of: Any = None) -> set[str]:
    """The texts of a function and of whatever of the local cloud it uses, at any depth."""
    found: set[str] = set()
    todo: list[Any] = [function]
    seen: set[Any] = set()
    while todo:
        used = todo.pop()
        one = getattr(used, "__func__", used)
        if one in seen or not isinstance(one, FunctionType):
            continue
        seen.add(one)
        for code in _codes(one.__code__):
            found |= set(_texts(code.co_consts))
            for name in code.co_names:
                met = one.__globals__.get(name, getattr(of, name, None))
                todo += _functions(met)
                found |= set(_texts(met))
    return found


def _functions(used: Any) -> list[Any]:
    if isinstance(used, Mapping):
        return [each for value in used.values() for each in _functions(value)]
    ours = str(getattr(used, "__module__", "")).startswith("provisimus.localcloud")
    return [used] if ours and callable(used) else []


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from _texts(pair)
    elif isinstance(value, tuple | frozenset | list | set):
        for each in value:
            yield from _texts(each)


def unread(handler: Handler) -> set[str]:
    """The claimed properties that are neither read nor named as untold."""
    claimed = {path.partition("/")[0] for path in handler.honoured} - set(handler.untold)
    return claimed - spoken(handler.live, handler)


@pytest.mark.parametrize("name", sorted(READABLE))
def test_what_is_claimed_is_read_or_named_as_untold(name: str) -> None:
    assert unread(all_handlers()[name]) == set()


def test_a_property_that_nothing_reads_is_found() -> None:
    class Forgetful(type(all_handlers()["AWS::EC2::EIP"])):  # type: ignore[misc]
        honoured = frozenset({"Domain", "Tags/*/Key", "NetworkBorderGroup"})

    assert unread(Forgetful()) == {"NetworkBorderGroup"}
