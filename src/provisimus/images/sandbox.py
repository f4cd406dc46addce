"""Jinja2 for templates from definitions: nothing outside is reached, and nothing runs for ever."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

TURNS = 100_000
"""How often all loops of one rendering may turn, together."""

LONGEST = 1 << 20
"""Characters or items that one multiplication may make; bits of a number."""


def new_sandbox(macros: Mapping[Path, str], known: Mapping[str, Any]) -> jinja2.Environment:
    """An environment for one rendering. `macros` are known by the name of their file."""
    sources = {path.name: (text, str(path)) for path, text in macros.items()}

    def load(name: str) -> tuple[str, str, None] | None:
        found = sources.get(name.removeprefix("_macros/"))
        return (*found, None) if found else None

    environment = _Bounded(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
        loader=jinja2.FunctionLoader(load),
    )
    environment.globals.update(known)
    return environment


class _Bounded(ImmutableSandboxedEnvironment):
    """Every loop takes from one budget, and what `*` and `**` make is limited."""

    intercepted_binops = frozenset(["*", "**"])

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._left = TURNS
        self.filters["_bounded"] = self._turns

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(
                loop.iter, "_bounded", [], [], None, None, lineno=loop.iter.lineno
            )
        return tree

    def _turns(self, items: Iterable[Any]) -> Iterator[Any]:
        for each in items:
            self._left -= 1
            if self._left < 0:
                raise jinja2.TemplateRuntimeError(f"its loops turn more than {TURNS} times")
            yield each

    def call_binop(self, context: Context, operator_: str, left: Any, right: Any) -> Any:
        if _size(operator_, left, right) > LONGEST:
            raise jinja2.TemplateRuntimeError(f"{operator_} makes something too long")
        return super().call_binop(context, operator_, left, right)


def _size(sign: str, left: Any, right: Any) -> int:
    """About how long the product is."""
    if isinstance(left, int) and isinstance(right, int):
        if sign == "**":
            return left.bit_length() * max(right, 0)
        return left.bit_length() + right.bit_length()
    if sign == "*":
        for text, count in ((left, right), (right, left)):
            if isinstance(text, (str, list, tuple)) and isinstance(count, int):
                return len(text) * operator.index(count)
    return 0
