"""The lexer: what it reads, and what it leaves to the real builder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.images.dockerfile import (
    Instruction,
    NotUnderstood,
    expand,
    parse,
    words,
)


def test_instructions() -> None:
    text = """
# a comment
FROM scratch
copy --chown=1:2 --chmod=755 a b /c/
ENTRYPOINT ["java", \\
  # inside
  "-jar", "x.jar"]
CMD ["not json]
"""
    assert parse(text) == (
        Instruction("FROM", "scratch", 3),
        Instruction("COPY", "a b /c/", 4, {"chown": "1:2", "chmod": "755"}),
        Instruction("ENTRYPOINT", '["java",   "-jar", "x.jar"]', 5, {}, ("java", "-jar", "x.jar")),
        Instruction("CMD", '["not json]', 8),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# syntax=docker/dockerfile:1\nFROM x", "the parser directive syntax"),
        ("# escape=`\nFROM x", "the parser directive escape"),
        ("FROM x\nCOPY <<EOF /a\nEOF", "a heredoc"),
        ("FROM x\nRUN <<-'EOF'\nEOF", "a heredoc"),
        ("FROM x\nFETCH y", "the instruction FETCH"),
        ("FROM x\nUSER", "USER says nothing"),
        ("FROM x\nCOPY --chown=1 --chown=2 a b", "--chown stands twice"),
        ("", "the file has no instruction"),
    ],
)
def test_left_to_the_builder(text: str, reason: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        parse(text)
    assert caught.value.reason == reason


def test_words() -> None:
    assert words("""a "b c" d\\ e 'f "g'""", 1) == ["a", '"b c"', "d\\ e", "'f \"g'"]
    with pytest.raises(NotUnderstood):
        words('a "b', 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x", "1"),
        ("${x}y", "1y"),
        ("${none:-d}", "d"),
        ("${empty:-d}", "d"),
        ("${empty-d}", ""),
        ("${none-d}", "d"),
        ("${x:+set}", "set"),
        ("${empty:+set}", ""),
        ("${empty+set}", "set"),
        ("\\$x", "$x"),
        ("'$x'", "$x"),
        ('"$x y"', "1 y"),
        ('"a\\"b\\n"', 'a"b\\n'),
        ("$none", ""),
    ],
)
def test_variables(text: str, expected: str) -> None:
    assert expand(text, {"x": "1", "empty": ""}, 1) == expected


@pytest.mark.parametrize("text", ["${x%y}", "${x", "${x:-$y}", "$-"])
def test_unusual_variables(text: str) -> None:
    with pytest.raises(NotUnderstood):
        expand(text, {"x": "1"}, 1)


@given(st.text(alphabet="FROM COPYRUNa\\\"'#$\n\t[]{}<>=-/", max_size=60))
def test_any_text_is_read_or_left(text: str) -> None:
    try:
        found = parse(text)
    except NotUnderstood:
        return
    assert all(each.rest for each in found)
