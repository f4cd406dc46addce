"""Where a Dockerfile is split, and what the builder's part is made from."""

from __future__ import annotations

import pytest

from provisimus.images.context import ContextEntry
from provisimus.images.dockerfile import NotUnderstood
from provisimus.images.split import Split, read_split
from provisimus.model import Digest

CONTEXT = (
    ContextEntry("app.jar", "file", 0o644, "1", 10),
    ContextEntry("conf", "folder", 0o755),
    ContextEntry("conf/x", "file", 0o644, "2", 1),
    ContextEntry("setup.sh", "file", 0o755, "3", 1),
)
START = "FROM provisimus.image/jre\n"


def split(text: str, context: tuple[ContextEntry, ...] = CONTEXT) -> Split:
    return read_split(START + text, "provisimus.base", context)


def key(found: Split, context: tuple[ContextEntry, ...] = CONTEXT, jre: str = "a") -> Digest:
    return found.fingerprint(context, {"jre": Digest(jre * 64)}, None, "amd64")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("RUN a\nCOPY app.jar /\nCMD x", ["COPY", "CMD"]),
        ("RUN a\nUSER 1\nRUN b\nUSER 2", ["USER"]),
        ("COPY app.jar /\nRUN a", []),
        ("ADD https://x/y /z\nCOPY app.jar /", ["COPY"]),
        ("FROM debian:12\nCOPY app.jar /", ["COPY"]),
        ("RUN a\nFROM scratch\nCOPY --from=0 /x /\nCOPY app.jar /", ["COPY"]),
        ("RUN a\nCOPY --from=provisimus.image/jre /x /\nCOPY app.jar /", ["COPY", "COPY"]),
        ("RUN <<E\nCOPY a b\nE\nCOPY app.jar /", ["COPY"]),
    ],
)
def test_where(text: str, rest: list[str]) -> None:
    assert [each.keyword for each in split(text).rest.instructions] == rest


def test_the_prefix_as_text() -> None:
    text = "RUN a \\\n  # why\n  && b\n# about the rest\nCOPY app.jar /\n"
    assert split(text).last == 4


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("RUN a\nCOPY app.jar /", ()),
        ("COPY setup.sh conf /s/\nRUN /s/setup.sh\nCOPY app.jar /", ("conf", "setup.sh")),
        ("COPY *.sh /s/\nRUN a", ("setup.sh",)),
        ("COPY . /s/\nRUN a", None),
        ("ARG x=setup\nCOPY $x.sh /s/\nRUN a", None),
        ("RUN --mount=type=bind,target=/x a", None),
        ("RUN --mount=target=/x a", None),
        ("RUN --mount=type=secret,id=s --mount=type=cache,target=/c a\nCOPY app.jar /", ()),
        ("RUN --mount=type=bind,target=/x --mount=type=secret,id=s a", None),
        ("FROM provisimus.image/jre\nCOPY conf /c\nRUN a\nFROM scratch\nCOPY --from=0 /c /", None),
    ],
)
def test_what_the_builder_sees(text: str, visible: tuple[str, ...] | None) -> None:
    if text.startswith("FROM"):
        visible = ("conf",)
    assert split(text).visible == visible


def test_links_bring_everything() -> None:
    context = (*CONTEXT, ContextEntry("conf/l", "link", 0o777, target="../app.jar"))
    assert split("COPY conf /c\nRUN a", context).visible is None
    assert split("COPY setup.sh /c\nRUN a", context).visible == ("setup.sh",)


def test_what_the_key_is_made_of() -> None:
    text = "COPY setup.sh /\nRUN /setup.sh\nCOPY app.jar /\n"
    same = key(split(text))
    assert key(split("# comment\n" + text + "USER 1\n")) == same
    jar = (ContextEntry("app.jar", "file", 0o644, "9", 9), *CONTEXT[1:])
    assert key(split(text, jar), jar) == same
    script = (*CONTEXT[:3], ContextEntry("setup.sh", "file", 0o755, "9", 1))
    assert key(split(text, script), script) != same
    assert key(split(text), jre="b") != same
    assert key(split(text.replace("RUN /setup.sh", "RUN /setup.sh x"))) != same


@pytest.mark.parametrize(
    "text", ["RUN a\nEXPOSE web", "ENV x=1\nARG y=$x\nRUN a\nLABEL y=$y", "RUN <<E\nno end"]
)
def test_not_split(text: str) -> None:
    with pytest.raises(NotUnderstood):
        split(text)


def test_every_mount_of_a_run_is_an_input() -> None:
    mounts = "RUN --mount=type=secret,id={} --mount=type=cache,target=/c a"
    assert key(split(mounts.format("x"))) != key(split(mounts.format("y")))


def test_arguments_of_an_earlier_stage_are_seen_after_a_run() -> None:
    found = split("ARG a=1\nFROM scratch\nFROM scratch AS x\nARG b=2\nFROM x\nRUN c\nENV B=$b")
    (rest,) = found.rest.stages
    assert [each.rest for each in rest.before] == ["b=2"]
