"""One image for all environments: `vars`, `tests` or variants by environment are told apart. Pure.

Nothing that only looks like it is refused: a variable may be called `ci`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from provisimus.errors import Problem
from provisimus.workspace.marks import Document, KeyPath

HINT = (
    "one image, tested once, goes through all environments: give what differs to its container, "
    "under environments: in the stack's file"
)
_TEST_KEYS = frozenset(["run", "http", "file", "within"])


def keyed_by_environment(document: Document, environments: Collection[str]) -> list[Problem]:
    """The places of a build manifest that say something for one environment only."""
    return [
        Problem(str(document.path), document.line(key), "/".join(map(str, key)), message, HINT)
        for key, message in for_one_environment(document.data, environments)
    ]


def for_one_environment(data: object, environments: Collection[str]) -> list[tuple[KeyPath, str]]:
    """Those places, and what they say, in a manifest's data or in what of it may be faulty."""
    data = data if isinstance(data, dict) else {}
    variants = data.get("variants")
    variants = variants if isinstance(variants, dict) else {}
    found = list(_found((), data, environments))
    for name, each in variants.items():
        if name in environments:
            found.append((("variants", name), f"the variant {name} has the name of an environment"))
        elif isinstance(each, dict):
            found += _found(("variants", name), each, environments)
    return found


def _found(
    above: KeyPath, data: dict[Any, Any], environments: Collection[str]
) -> Iterator[tuple[KeyPath, str]]:
    values, tests = data.get("vars"), data.get("tests")
    if isinstance(values, dict):
        named = [key for key in values if key in environments]
        if len(named) > 1 and len(named) == len(values):
            yield (*above, "vars"), f"vars by environment: {', '.join(named)}"
        else:
            for key in named:
                if isinstance(values[key], dict):
                    yield (*above, "vars", key), f"vars for the environment {key} alone"
    if isinstance(tests, dict):
        named = [key for key in tests if key in environments]
        if named:
            yield (*above, "tests"), f"tests by environment: {', '.join(named)}"
    elif isinstance(tests, list):
        for index, test in enumerate(tests):
            for key in test if isinstance(test, dict) else ():
                if key in environments and key not in _TEST_KEYS:
                    yield (*above, "tests", index, key), f"a test for the environment {key} alone"
