"""What instructions do to the configuration, as Docker stores it."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.images.dockerfile import NotUnderstood, parse
from provisimus.images.settings import Settings, apply


def config(text: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    settings = Settings(before or {}, {})
    for instruction in parse(text):
        settings = apply(settings, instruction)
    return dict(settings.config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ENV a=1 b="2 3" c=x\\ y', {"Env": ["a=1", "b=2 3", "c=x y"]}),
        ("ENV a 1 2", {"Env": ["a=1 2"]}),
        ("LABEL a b c", {"Labels": {"a": "b c"}}),
        ("ARG x\nENV a=${x:-none}", {"Env": ["a=none"]}),
        ("ENV a=1\nENV a=2 b=$a", {"Env": ["a=2", "b=1"]}),
        ("ARG v=7\nENV a=$v", {"Env": ["a=7"]}),
        ("ARG a=0\nENV a=1\nLABEL x=$a", {"Env": ["a=1"], "Labels": {"x": "1"}}),
        ('LABEL "a.b"="c d" e=f', {"Labels": {"a.b": "c d", "e": "f"}}),
        ("WORKDIR /a\nWORKDIR b/../c", {"WorkingDir": "/a/c"}),
        ("USER 1:2", {"User": "1:2"}),
        ("STOPSIGNAL SIGINT", {"StopSignal": "SIGINT"}),
        ("EXPOSE 80 53/udp", {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}),
        ("EXPOSE 80-81", {"ExposedPorts": {"80/tcp": {}, "81/tcp": {}}}),
        ('VOLUME ["/a", "/b c"]', {"Volumes": {"/a": {}, "/b c": {}}}),
        ("VOLUME /a /b", {"Volumes": {"/a": {}, "/b": {}}}),
        ("CMD echo $x", {"Cmd": ["/bin/sh", "-c", "echo $x"]}),
        ('CMD ["a", "b"]', {"Cmd": ["a", "b"]}),
        ('SHELL ["/b", "-c"]\nCMD x', {"Shell": ["/b", "-c"], "Cmd": ["/b", "-c", "x"]}),
        ("ENTRYPOINT x", {"Entrypoint": ["/bin/sh", "-c", "x"]}),
        ('CMD x\nENTRYPOINT ["y"]', {"Cmd": ["/bin/sh", "-c", "x"], "Entrypoint": ["y"]}),
        ("HEALTHCHECK NONE", {"Healthcheck": {"Test": ["NONE"]}}),
        (
            'HEALTHCHECK --interval=1m30s --retries=2 CMD ["a"]',
            {"Healthcheck": {"Test": ["CMD", "a"], "Interval": 90_000_000_000, "Retries": 2}},
        ),
        ("HEALTHCHECK CMD a b", {"Healthcheck": {"Test": ["CMD-SHELL", "a b"]}}),
    ],
)
def test_configuration(text: str, expected: dict[str, Any]) -> None:
    assert config(text) == expected


def test_an_entry_point_drops_the_command_of_the_base() -> None:
    assert config('ENTRYPOINT ["x"]', {"Cmd": ["bash"]}) == {"Entrypoint": ["x"]}


def test_the_environment_of_the_base_is_kept_in_place() -> None:
    before = {"Env": ["PATH=/bin", "a=1"]}
    assert config("ENV PATH=/x:$PATH", before) == {"Env": ["PATH=/x:/bin", "a=1"]}


@pytest.mark.parametrize(
    "text",
    [
        "RUN x",
        "ONBUILD USER 1",
        "ENV x=1\nARG x=2",
        "EXPOSE web",
        "HEALTHCHECK --interval=x CMD a",
        "LABEL a",
    ],
)
def test_not_understood(text: str) -> None:
    with pytest.raises(NotUnderstood):
        config(text)
