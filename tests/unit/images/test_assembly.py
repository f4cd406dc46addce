"""COPY and ADD: which files end where, with which owner and mode."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.images.assembly import Assembly, Composition, Ground, compose, read_assembly
from provisimus.images.context import ContextEntry
from provisimus.images.dockerfile import NotUnderstood
from provisimus.images.tree import Tree

BASE = Tree(
    frozenset({"usr", "usr/bin", "etc", "opt"}),
    {"bin": "usr/bin", "lib": "/usr/lib", "a": "b", "b": "a"},
)
CONTEXT = (
    ContextEntry("app.jar", "file", 0o644, "1", 10),
    ContextEntry("conf", "folder", 0o755),
    ContextEntry("conf/deep", "folder", 0o755),
    ContextEntry("conf/deep/y.txt", "file", 0o644, "3", 1),
    ContextEntry("conf/link", "link", 0o777, target="deep/y.txt"),
    ContextEntry("conf/x.txt", "file", 0o644, "2", 1),
    ContextEntry("run.sh", "file", 0o755, "4", 1),
    ContextEntry("top-link", "link", 0o777, target="app.jar"),
)


def composed(
    assembly: Assembly, tree: Tree = BASE, context: Sequence[ContextEntry] = CONTEXT
) -> Composition:
    return compose(assembly, lambda _: Ground(tree=lambda: tree), context, "Dockerfile.j2")


def layers(instructions: str, tree: Tree = BASE) -> list[list[str]]:
    assembly = read_assembly("FROM provisimus.image/jre\n" + instructions)
    found = composed(assembly, tree)
    return [
        [
            f"{entry.path} {entry.kind} {entry.mode:o} {entry.uid}:{entry.gid}"
            for entry in layer.entries
        ]
        for layer in found.layers
    ]


def paths(instructions: str, tree: Tree = BASE) -> list[list[str]]:
    return [[line.split()[0] for line in layer] for layer in layers(instructions, tree)]


def test_a_file_and_the_folders_on_its_way() -> None:
    assert layers("COPY app.jar /app/x/greeter.jar") == [
        ["app folder 755 0:0", "app/x folder 755 0:0", "app/x/greeter.jar file 644 0:0"]
    ]


def test_owner_and_mode() -> None:
    assert layers("COPY --chown=5 --chmod=0400 app.jar /srv/") == [
        ["srv folder 755 5:5", "srv/app.jar file 400 5:5"]
    ]
    assert layers("COPY --chown=5:6 run.sh /opt/") == [["opt/run.sh file 755 5:6"]]


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ("COPY app.jar /opt", [["opt/app.jar"]]),
        ("COPY app.jar /opt/", [["opt/app.jar"]]),
        ("COPY app.jar /etc/x", [["etc/x"]]),
        ("COPY app.jar /bin/x", [["usr/bin/x"]]),
        ("COPY app.jar /lib/x", [["usr/lib", "usr/lib/x"]]),
        ("COPY app.jar /", [["app.jar"]]),
        ("COPY app.jar /bin", [["usr/bin/app.jar"]]),
        ("COPY top-link /opt/", [["opt/top-link"]]),
        ("COPY <<a <<b /opt/\n1\na\n2\nb", [["opt/a", "opt/b"]]),
        ("COPY conf /opt", [["opt/deep", "opt/deep/y.txt", "opt/link", "opt/x.txt"]]),
        ("COPY conf/ /n/", [["n", "n/deep", "n/deep/y.txt", "n/link", "n/x.txt"]]),
        ("COPY *.jar run.sh /opt/", [["opt/app.jar", "opt/run.sh"]]),
        ("COPY conf/?.txt /opt/", [["opt/x.txt"]]),
        ('COPY ["app.jar", "/opt/a b.jar"]', [["opt/a"]]),
        ("WORKDIR /w\nCOPY app.jar .", [["w"], ["w/app.jar"]]),
        ("WORKDIR /opt\nCOPY app.jar ./", [["opt/app.jar"]]),
        ("ARG j=app\nCOPY $j.jar /opt/", [["opt/app.jar"]]),
        ("COPY app.jar /n/\nCOPY run.sh /n", [["n", "n/app.jar"], ["n/run.sh"]]),
        ("ADD app.jar /opt/", [["opt/app.jar"]]),
    ],
)
def test_where_things_go(instructions: str, expected: list[list[str]]) -> None:
    assert paths(instructions) == expected


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        ("COPY nope /x", "there is no nope"),
        ("COPY ../x /x", "outside of the image's folder"),
        ("COPY app.jar run.sh /x", "must end with a slash"),
        ("COPY app.jar", "needs a source and a destination"),
        ("COPY *.none /x/", "there is no"),
    ],
)
def test_wrong_copies(instructions: str, message: str) -> None:
    with pytest.raises(InvalidDefinitions, match=message) as caught:
        layers(instructions)
    assert caught.value.problems[0].line == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FROM debian:12", "its base debian:12 is no image of this workspace"),
        ("FROM scratch\nRUN x", "RUN"),
        ("FROM scratch AS a\nFROM scratch AS A", "two stages are called a"),
        ("FROM scratch\nCOPY --from=a b c", "COPY --from=a"),
        ("FROM scratch\nCOPY --from=0 b c", "COPY --from=0"),
        ("FROM scratch\nCOPY --chmod=4755 b c", "--chmod=4755"),
        ("FROM scratch\nENV x=1\nARG x=2", "ARG x where ENV has said x"),
        ("FROM scratch\nCOPY <<E /a\n\\n\nE", "a backslash in a heredoc with variables"),
        ("FROM scratch\nADD https://x/y /z", "ADD from a URL"),
        ("FROM --platform=x scratch", "FROM --platform"),
        ("FROM scratch\nONBUILD USER 1", "ONBUILD"),
        ("USER 1\nFROM scratch", "USER before FROM"),
    ],
)
def test_the_builder_is_needed(text: str, reason: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read_assembly(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "instructions",
    ["COPY --chown=ops app.jar /opt/", "ADD x.tar.gz /", "USER ops\nWORKDIR /x"],
)
def test_the_builder_is_needed_once_the_files_are_known(instructions: str) -> None:
    context = (*CONTEXT, ContextEntry("x.tar.gz", "file", 0o644, "5", 1))
    assembly = read_assembly("FROM scratch\n" + instructions)
    with pytest.raises(NotUnderstood):
        composed(assembly, BASE, context)


def test_arguments_before_from() -> None:
    assembly = read_assembly("ARG b=scratch\nFROM $b\nARG b\nLABEL x=$b")
    assert assembly.base == "scratch"
    assert composed(assembly, Tree(), ()).config["Labels"] == {"x": "scratch"}


def test_history_tells_which_instruction_made_a_layer() -> None:
    assembly = read_assembly("FROM scratch\nUSER 1\nCOPY app.jar /\n")
    found = composed(assembly, Tree())
    assert found.history == (("USER 1", False), ("COPY app.jar /", True))


def test_the_content_of_a_heredoc() -> None:
    text = "FROM scratch\nARG a=1\nCOPY <<x <<'y' /\n\"$a\" $none'\nx\n$a\ny\n"
    entries = composed(read_assembly(text)).layers[0].entries
    assert [b"".join(each.pieces()) for each in entries if each.pieces] == [b'"1" \'\n', b"$a\n"]


def test_links_in_a_circle() -> None:
    with pytest.raises(ValueError, match="circle"):
        BASE.real("a/x")
