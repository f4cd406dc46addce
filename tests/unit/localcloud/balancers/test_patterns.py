"""Text of users never is syntax of HAProxy's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.localcloud.balancers.patterns import (
    format_string,
    literal,
    query_pair,
    whole,
    wildcards,
)


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("/img/*", ["/img/", "/img/a/b"], ["/img", "/IMG/a", "/x/img/a"]),
        ("*.example.com", ["a.example.com", ".example.com"], ["example.com", "a.exampleXcom"]),
        ("/a?c", ["/abc", "/a/c"], ["/ac", "/abbc"]),
    ],
)
def test_wildcards(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    compiled = re.compile(whole(pattern).strip("'"))
    assert all(compiled.search(each) for each in fits)
    assert not any(compiled.search(each) for each in fits_not)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_a_literal_is_exactly_that_and_harmless(text: str) -> None:
    made = literal(text)
    assert re.fullmatch(made, text)
    assert re.fullmatch(r"[A-Za-z0-9_/\\-]*", made)


@given(st.text())
def test_no_pattern_ends_its_quotes_or_its_line(text: str) -> None:
    for made in (wildcards(text), format_string(text)):
        assert not set(made) & set("'\"\n\r \t\\#") - set("\\")


def test_query_pairs() -> None:
    pair = re.compile(query_pair("version", "v?").strip("'"))
    assert pair.search("a=b&version=v1")
    assert not pair.search("version=v12")
    any_key = re.compile(query_pair("", "*x*").strip("'"))
    assert any_key.search("a=yxz")
    assert not any_key.search("x=y")


def test_a_redirect_keeps_its_keywords_and_nothing_else() -> None:
    assert format_string("/#{path}") == "/%[path,regsub(^/,)]"
    assert format_string("a b'%[env(HOME)]") == "a%%20b%%27%%%%5Benv(HOME)%%5D"
    assert format_string("#{host}.x") == "%[var(txn.host)].x"
