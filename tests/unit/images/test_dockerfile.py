"""The lexer: what it reads, and what it leaves to the real builder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.images.assembly import read_assembly
from provisimus.images.dockerfile import (
    Heredoc,
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
        ("# syntax=acme/dockerfile:1\nFROM x", "the parser directive syntax"),
        ("# syntax=docker/dockerfile:1-labs\nFROM x", "the parser directive syntax"),
        ("FROM x\nUSER a\u2028RUN b", "a character that is seen by some programs only"),
        ("# escape=`\nFROM x", "the parser directive escape"),
        ("FROM x\nCOPY <<EOF /a\nE", "the heredoc EOF does not end"),
        ("FROM x\nRUN cat<<EOF\nEOF", "an unusual heredoc: cat<<EOF"),
        ("FROM x\nRUN cat <<<text", "an unusual heredoc: <<<text"),
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


def test_heredocs() -> None:
    text = """# syntax=docker/dockerfile:1
FROM x
COPY <<one.txt <<-"two" app.jar /a/
of $one
one.txt
\t\tof $two
\ttwo
RUN cat <<EOF > /x &&\\
  true
USER 1
EOF
USER 2
"""
    found = parse(text)
    assert found[1].heredocs == (
        Heredoc("one.txt", "of $one\n", expand=True),
        Heredoc("two", "of $two\n", expand=False),
    )
    assert found[2].heredocs == (Heredoc("EOF", "USER 1\n", expand=True),)
    assert [(each.keyword, each.line, each.end) for each in found] == [
        ("FROM", 2, 2),
        ("COPY", 3, 7),
        ("RUN", 8, 11),
        ("USER", 12, 12),
    ]


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


@pytest.mark.parametrize(
    "instructions",
    [
        "ENV A=1\\\\\nENV B=2",
        'CMD ["a"] x',
        'CMD ["a", 1]',
        "CMD [null]",
        "CMD " + "[" * 100_000,
        'CMD ["\\ud800"]',
        'ENTRYPOINT [["a"]]',
        "HEALTHCHECK CMD [1]",
        "HEALTHCHECK CMD [a]",
        "HEALTHCHECK NONE x",
        "HEALTHCHECK --interval=0s CMD a",
        "HEALTHCHECK --retries=0 CMD a",
        "ENV =1",
        'LABEL ""=1',
        "EXPOSE 70000",
        "EXPOSE 90-80",
        "STOPSIGNAL NOPE",
        "STOPSIGNAL 9 9",
        "STOPSIGNAL RTMIN+3",
        'VOLUME [""]',
        'VOLUME "/a b"',
        'COPY "a file" /n/',
        "COPY 'a file' /n/",
        "COPY a\\ file /n/",
        "COPY -- a /n/",
        "COPY --CHOWN=1 a /n/",
        "COPY --from=$s a /n/",
        "COPY --link a /n/",
        "COPY --parents a /n/",
        "COPY --exclude=b a /n/",
        "COPY --chmod=u+x a /n/",
        "COPY 3<<E /n/f\nx\nE",
        "COPY <<E /n/f\r\nx\r\nE\r",
        "ENV A=${B#c}",
        "ENV A=${B:?c}",
        "ARG v w=1",
        "ONBUILD COPY a /n/",
    ],
)
def test_what_is_left_to_a_builder(instructions: str) -> None:
    """Builders say that it is wrong, or know what we do not, or differ."""
    with pytest.raises(NotUnderstood):
        read_assembly("ARG v=1\nFROM scratch\n" + instructions)


@pytest.mark.parametrize(
    "text",
    [
        "# escape=`\nFROM scratch",
        "# syntax=example/frontend\nFROM scratch",
        "# syntax=docker/dockerfile:1\n# syntax=docker/dockerfile:1\nFROM scratch",
        "\ufeffFROM scratch",
        "FROM --platform=linux/amd64 scratch",
        "FROM scratch AS a\nFROM scratch AS a",
        "FROM scratch AS a b",
        "FROM SCRATCH",
        "FROM scratch\nCOPY --from=0 /a /b",
        "FROM scratch AS a\nCOPY --from=b /a /b\nFROM scratch AS b",
    ],
)
def test_files_that_are_left_to_a_builder(text: str) -> None:
    with pytest.raises(NotUnderstood):
        read_assembly(text)
