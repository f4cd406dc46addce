"""Whatever a Dockerfile says, it is understood, left to the builder, or told to be wrong."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisimus.errors import InvalidDefinitions
from provisimus.images.assembly import Ground, compose, read_assembly
from provisimus.images.builders import needs_of
from provisimus.images.context import ContextEntry
from provisimus.images.dockerfile import KEYWORDS, NotUnderstood
from provisimus.images.tree import Tree

CONTEXT = (
    ContextEntry("a", "file", 0o644, "1", 1, pieces=lambda: iter([b"x"])),
    ContextEntry("b", "folder", 0o755),
    ContextEntry("b/c", "link", 0o777, target="../d"),
    ContextEntry("d", "link", 0o777, target="b/c"),
    ContextEntry("n", "other", 0o644),
)
GROUND = Ground(
    {"Env": ["PATH=/bin", "E"], "User": "app", "WorkingDir": "/l"},
    lambda: Tree(frozenset({"usr", "b"}), {"l": "m", "m": "l", "bin": "usr/bin"}),
    lambda: CONTEXT,
    lambda _: b"app:x:1000:1001::/:\nbroken:x\n",
)

PIECES = st.sampled_from(
    [
        *("$", "${", "}", "${a:-b}", "$a", "\\", '"', "'", "=", "[", "]", "<<E", "<<-'E'"),
        *("\nE\n", ",", "*", "?", "[^a]", "[]", "[z-a]", "..", "/", ".", "a", "b/c", "d", "n"),
        *("0", "1:2", "app", "#", "--from=x", "--from=0", "--chown=app", "--chmod=7", "AS", "x"),
        *("--interval=1s", "provisimus.image/x", "scratch", "NONE", "CMD", "\\\n", "é", "\r"),
        *("80/tcp", '["a","b"]', " ", "\t"),
    ]
)
LINES = st.builds(
    lambda keyword, rest: keyword + " " + " ".join(rest),
    st.sampled_from(sorted(KEYWORDS)),
    st.lists(PIECES, max_size=6),
)
GLUED = st.builds(
    lambda keyword, rest: keyword + " " + "".join(rest),
    st.sampled_from(sorted(KEYWORDS)),
    st.lists(PIECES, max_size=6),
)


def interpret(text: str) -> None:
    needs_of(text)
    try:
        assembly = read_assembly(text, "provisimus.base")
        compose(assembly, lambda _: GROUND, CONTEXT, "Dockerfile.j2")
    except (NotUnderstood, InvalidDefinitions):
        return


@settings(max_examples=150)
@given(st.lists(LINES | GLUED, max_size=6), st.booleans())
@example(["COPY d /", "COPY b/c /x"], True)
@example(["COPY [a-\\] /"], True)
@example(["HEALTHCHECK CMD [1]"], True)
def test_any_instructions(lines: list[str], start: bool) -> None:
    interpret("\n".join((["FROM provisimus.image/x"] if start else []) + lines))


@settings(max_examples=80)
@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    interpret(text)
    interpret("FROM scratch\nCOPY " + text)
    interpret("FROM scratch\nENV " + text)
