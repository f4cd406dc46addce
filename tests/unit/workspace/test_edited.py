"""One value in a YAML file changes, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from provisimus.workspace.edited import with_value, written

OWN = ("environments", "production", "instance_type")


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: 1   # one\nb: 2\n", ("a",), "x", "a: x   # one\nb: 2\n"),
        ("a: 1\n", ("b",), "x", "a: 1\nb: x\n"),
        ("", ("b",), "x", "b: x\n"),
        ("a: [1, 2]\n", ("a", 1), 3, "a: [1, 3]\n"),
        (
            "v:\n  - {mount: /a, size: 1 GiB}  # small\n  - mount: /b\n    size: 2 GiB\n# end\n",
            ("v", 1, "size"),
            "4 GiB",
            "v:\n  - {mount: /a, size: 1 GiB}  # small\n  - mount: /b\n    size: 4 GiB\n# end\n",
        ),
        # Overrides of an environment, in each way in which they may be there or not.
        (
            "a: 1\n",
            OWN,
            "t3.large",
            "a: 1\nenvironments:\n  production: {instance_type: t3.large}\n",
        ),
        (
            "environments:\n  local: {a: 1}\n",
            OWN,
            "m",
            "environments:\n  production: {instance_type: m}\n  local: {a: 1}\n",
        ),
        (
            "environments: {local: {a: 1}}\n",
            OWN,
            "m",
            "environments: {production: {instance_type: m}, local: {a: 1}}\n",
        ),
        (
            "environments:\n  production: {a: 1}\n",
            OWN,
            "m",
            "environments:\n  production: {instance_type: m, a: 1}\n",
        ),
        (
            "environments:\n  production:\n    a: 1\n    b: 2\n",
            OWN,
            "m",
            "environments:\n  production:\n    instance_type: m\n    a: 1\n    b: 2\n",
        ),
        ("environments: {}\n", OWN, "m", "environments: {production: {instance_type: m}}\n"),
        # A whole block gives way to one line; what comes after stays where it is.
        ("a:\n  - b: 1\n\n# more\nc: 2\n", ("a",), [{"b": 2}], "a:\n  [{b: 2}]\n\n# more\nc: 2\n"),
    ],
)
def test_only_that_value_changes(before: str, path: Any, value: Any, after: str) -> None:
    assert with_value(before, path, value) == after


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x 1\nb: *x\n", ("a",)),
        ("environments:\n", OWN),
        ("environments: {production: 1}\n", OWN),
        ("a: [1]\n", ("a", 3)),
        ("a: [\n", ("a",)),
    ],
)
def test_what_is_too_clever_is_left_alone(text: str, path: Any) -> None:
    assert with_value(text, path, "x") is None


def test_what_yaml_takes_for_something_else_is_quoted() -> None:
    assert written("1.10") == '"1.10"'
    assert written("yes") == '"yes"'
    assert written("20 GiB") == "20 GiB"


@given(some.recursive(some.text() | some.integers() | some.booleans(), some.lists))
def test_what_is_written_is_read_as_the_same(value: Any) -> None:
    changed = with_value("a: {b: 1, c: 2}  # here\nd: 3\n", ("a", "b"), value)
    if changed is not None:
        assert yaml.safe_load(changed) == {"a": {"b": value, "c": 2}, "d": 3}
        assert changed.endswith("c: 2}  # here\nd: 3\n")
