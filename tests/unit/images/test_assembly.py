"""COPY and ADD: which files end where, with which owner and mode."""

from __future__ import annotations

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.images.assembly import compose, read_assembly
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


def layers(instructions: str, tree: Tree = BASE) -> list[list[str]]:
    assembly = read_assembly("FROM provisimus.image/jre\n" + instructions)
    found = compose(assembly, {}, tree, CONTEXT, "Dockerfile.j2")
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
        ("FROM scratch AS a\nFROM scratch", "several stages"),
        ("FROM scratch\nCOPY --from=a b c", "COPY --from"),
        ("FROM scratch\nCOPY --chown=ops b c", "--chown=ops by name"),
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
    ["COPY top-link /opt/", "ADD x.tar.gz /", "COPY app.jar /bin"],
)
def test_the_builder_is_needed_once_the_files_are_known(instructions: str) -> None:
    context = (*CONTEXT, ContextEntry("x.tar.gz", "file", 0o644, "5", 1))
    assembly = read_assembly("FROM scratch\n" + instructions)
    if instructions.endswith("/bin"):
        # A link to a folder is a folder to COPY.
        found = compose(assembly, {}, BASE, context, "x").layers
        assert [entry.path for entry in found[0].entries] == ["usr/bin/app.jar"]
        return
    with pytest.raises(NotUnderstood):
        compose(assembly, {}, BASE, context, "x")


def test_arguments_before_from() -> None:
    assembly = read_assembly("ARG b=scratch\nFROM $b\nARG b\nLABEL x=$b")
    assert assembly.base == "scratch"
    assert compose(assembly, {}, Tree(), (), "x").config == {"Labels": {"x": "scratch"}}


def test_history_tells_which_instruction_made_a_layer() -> None:
    assembly = read_assembly("FROM scratch\nUSER 1\nCOPY app.jar /\n")
    found = compose(assembly, {}, Tree(), CONTEXT, "x")
    assert found.history == (("USER 1", False), ("COPY app.jar /", True))


def test_links_in_a_circle() -> None:
    with pytest.raises(ValueError, match="circle"):
        BASE.real("a/x")
