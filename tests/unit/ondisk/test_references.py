from __future__ import annotations

import pytest

from provisimus.ondisk.references import Reference, pieces, references


def test_texts_and_references_of_a_value() -> None:
    assert pieces("jdbc://${ssm:/acme/host}/db?x=$${y}&k=${secret:acme/db-1#pass word}") == [
        "jdbc://",
        Reference("ssm", "/acme/host"),
        "/db?x=",
        "${y}",
        "&k=",
        Reference("secret", "acme/db-1", "pass word"),
    ]
    assert pieces("costs $5 {or} more") == ["costs $5 {or} more"]
    assert pieces("") == []
    assert references("a${ssm:b}${ssm:b}") == [Reference("ssm", "b")] * 2


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("${env:HOME}", "is no reference that a machine can resolve"),
        ("${DB}", "is no reference that a machine can resolve"),
        ("${!ssm:x}", "is no reference that a machine can resolve"),
        ("${ssm:}", "holds no name of a parameter"),
        ("${ssm:a*}", "holds no name of a parameter"),
        ("${secret:a?#k}", "holds no name of a secret"),
        ("x${ssm:/a", "does not end"),
    ],
)
def test_what_is_no_reference_is_told(value: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        pieces(value)
