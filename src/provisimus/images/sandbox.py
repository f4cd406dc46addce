"""Jinja2 for templates from definitions: nothing outside is reached, and nothing runs for ever or
fills the memory.
"""

from __future__ import annotations

import operator
import resource
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

TURNS = 100_000
"""How often all loops and calls of one rendering may turn, together."""

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
    # It makes words without end, and no Dockerfile needs them.
    del environment.globals["lipsum"]
    environment.globals.update(known)
    return environment


@contextmanager
def bounded_memory(more: int = 256 << 20) -> Iterator[None]:
    """Let Python raise MemoryError when the block takes `more` bytes, before the machine is full.

    Filters and text can grow in too many ways to bound each. The limit is the whole process's and
    its children's: elsewhere than in the main thread, where other work may go on beside, and where
    the system does not tell the size, the block runs without.
    """
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        pages = 0
    if not pages or threading.current_thread() is not threading.main_thread():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + more
    if soft != resource.RLIM_INFINITY:
        wanted = min(wanted, soft)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class _Bounded(ImmutableSandboxedEnvironment):
    """Every loop and call takes from one budget, and what `*` and `**` make is limited."""

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
            self._take()
            yield each

    def call(self, context: Context, called: Any, /, *given: Any, **named: Any) -> Any:
        self._take()
        return super().call(context, called, *given, **named)

    def _take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise jinja2.TemplateRuntimeError(f"its loops and calls turn more than {TURNS} times")

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
