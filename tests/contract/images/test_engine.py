"""With a real Docker Engine: its builder and ours agree, tests run, what they say is shown.

The engine is a private one, started as root; without root or dockerd the tests are skipped.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provisimus.errors import ToolFailed, ToolMissing, Unhealthy
from provisimus.images import build_image, read_image
from provisimus.images.builders import Need, find_builder
from provisimus.images.context import read_context
from provisimus.images.engine import prepare
from provisimus.images.find import fingerprint_tag
from provisimus.images.registry import open_registry
from provisimus.model import ContainerImage, Digest

if TYPE_CHECKING:
    from conftest import Scene

BUSYBOX = shutil.which("busybox")


def everything(scene: Scene, built: ContainerImage) -> tuple[dict[str, Any], dict[str, str]]:
    """The configuration, and the file system with layers laid over each other."""
    registry = open_registry(scene.url)
    repository = registry.repository(built.name)
    manifest = registry.manifest(repository, str(built.digest))
    assert manifest is not None
    config = json.loads(registry.blob(repository, Digest.parse(manifest.data["config"]["digest"])))
    files: dict[str, str] = {}
    for layer in manifest.data["layers"]:
        data = registry.blob(repository, Digest.parse(layer["digest"]))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for each in archive:
                what = f"{each.type!r} {each.mode & 0o7777:o} {each.uid}:{each.gid}"
                files[each.name.strip("/")] = f"{what} {each.size} {each.linkname}"
    return config["config"], files


INSTRUCTIONS = """\
ARG where=srv
ENV A=1 B="two words" PATH=$PATH:/opt/bin
LABEL x.y="a b" z=1
WORKDIR /$where
COPY --chown=5:6 app.jar .
COPY conf /etc/conf/
COPY conf/*.txt run.sh other/
COPY run.sh /bin/run
COPY run.sh /usr/bin
WORKDIR deeper
ADD app.jar ./renamed.jar
EXPOSE 80 90-91/udp
VOLUME /data ${where}data
USER 7
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --retries=2 CMD echo ok
CMD ["run", "x"]
ENTRYPOINT /usr/bin/run $A
"""


def test_the_builder_and_we_agree(with_engine: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = with_engine
    for path in ("app.jar", "conf/a.txt", "conf/b.txt", "conf/deep/c"):
        scene.write(f"docker/both/{path}", path)
    (scene.root / "docker/both/conf/l").symlink_to("a.txt")
    scene.write("docker/both/run.sh", "#!/bin/sh\n").chmod(0o755)
    scene.image("both", 'version: "1"\n', 'FROM {{ image("base") }}\n' + INSTRUCTIONS)
    plan = scene.plan("both")
    definition = plan.wanted[-1].definition
    assert definition.assembly is not None
    by_us = build_image(plan, scene.environment, scene.told.append, "r")
    ours = everything(scene, by_us)
    way = (None, None, "asked for by the test")
    monkeypatch.setattr("provisimus.images.definition._way", lambda *_: way)
    last = replace(plan.wanted[-1], definition=replace(definition))
    forced = replace(plan, wanted=(scene.plan("base").wanted[-1], last))
    by_docker = build_image(forced, scene.environment, scene.told.append, "r")
    theirs = everything(scene, by_docker)
    assert ours[1] == theirs[1]
    assert {**ours[0], "Labels": 0} == {**theirs[0], "Labels": 0}
    assert by_us.labels == by_docker.labels
    assert by_us.ports == by_docker.ports


def test_a_changed_artifact_starts_no_builder(
    with_engine: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = with_engine
    template = (
        'FROM {{ image("base") }}\nARG to=/app\nCMD ["x"]\nCOPY run.sh /\nRUN mkdir /made\n'
        'WORKDIR $to\nCOPY {{ artifact.file }} x.jar\nENTRYPOINT ["e"]\n'
    )
    scene.write("docker/greeter/Dockerfile.j2", template)
    scene.write("docker/greeter/run.sh", "one")
    wanted = scene.plan("greeter", "1.0.0").wanted[-1]
    assert wanted.lane == (
        "split: a builder makes its prefix, RUN (line 5 of the rendered Dockerfile)"
    )
    first = scene.build("greeter", "1.0.0")
    config, files = everything(scene, first)
    assert {"made", "app/x.jar", "run.sh"} <= files.keys()
    assert (config["Cmd"], config["Entrypoint"]) == (["x"], ["e"])
    assert first.labels["org.opencontainers.image.base.name"] == f"{scene.url}/base"
    scene.publish("1.0.1", "changed")
    with monkeypatch.context() as without:
        without.setenv("PATH", "/nowhere")
        wanted = scene.plan("greeter", "1.0.1").wanted[-1]
        assert wanted.lane == "split: no builder, its prefix is in the registry"
        second = scene.build("greeter", "1.0.1")
    assert everything(scene, second)[1]["made"] == files["made"]
    tags = open_registry(scene.url).tags(open_registry(scene.url).repository("greeter"))
    assert len([tag for tag in tags if tag.startswith("prefix-")]) == 1
    # What the prefix copies is an input of it.
    scene.write("docker/greeter/run.sh", "two")
    wanted = scene.plan("greeter", "1.0.1").wanted[-1]
    assert wanted.prefix is not None and not wanted.has_prefix


@pytest.mark.parametrize("builder", ["the classic builder", "buildah"])
def test_other_builders(with_engine: Scene, builder: str, tmp_path: Path) -> None:
    if builder == "buildah" and shutil.which("buildah") is None:
        pytest.skip("buildah is not installed")
    scene = with_engine
    base = scene.build("base")
    names = {"buildx", "BuildKit through the engine", "the classic builder", "buildah"}
    host = scene.url.partition("/")[0]
    found = find_builder(scene.environment, frozenset(), host, frozenset(names - {builder}))
    assert found.name == builder
    text = f"FROM {base.reference}\nCOPY . /in/\nRUN echo made > /made\nLABEL a=b\n"
    (tmp_path / "files").mkdir()
    (tmp_path / "files/x").write_text("x")
    prepare(text, read_context(tmp_path / "files"), tmp_path / "work")
    said: list[str] = []
    found.build(tmp_path / "work", tmp_path / "image.tar", said.append)
    with tarfile.open(tmp_path / "image.tar") as archive:
        listed = json.load(archive.extractfile("manifest.json") or io.BytesIO())[0]
        config = json.load(archive.extractfile(listed["Config"]) or io.BytesIO())
    assert config["config"]["Labels"]["a"] == "b"
    assert said


def test_no_builder_that_understands(with_engine: Scene) -> None:
    """Whatever the engine's age, its BuildKit lacks the one and its classic builder the other."""
    scene = with_engine
    needs = frozenset([Need.WHOLE_CONTEXT, Need.RUN_FLAGS])
    with pytest.raises(ToolMissing, match="BuildKit through the engine has no copying the whole"):
        find_builder(scene.environment, needs, "127.0.0.1:1")


def test_run_is_built_by_the_engine(with_engine: Scene) -> None:
    scene = with_engine
    template = 'FROM {{ image("base") }}\nRUN echo made > /made\nCOPY {{ artifact.file }} /a.jar\n'
    scene.write("docker/greeter/Dockerfile.j2", template)
    built = scene.build("greeter", "1.0.0")
    _, files = everything(scene, built)
    assert {"made", "a.jar", "usr/bin/busybox"} <= files.keys()
    assert built.labels["provisimus.artifact"] == "com.acme:greeter:jar:1.0.0"
    assert not scene.plan("greeter", "1.0.0").changes


def test_a_failing_builder_shows_its_last_lines(with_engine: Scene) -> None:
    template = 'FROM {{ image("base") }}\nRUN echo so it goes && no-such-command\n'
    with_engine.write("docker/greeter/Dockerfile.j2", template)
    with pytest.raises(ToolFailed, match="docker build failed") as caught:
        with_engine.build("greeter", "1.0.0")
    assert any("so it goes" in line for line in caught.value.tail)
    assert with_engine.plan("greeter", "1.0.0").image is None


def test_tests_come_before_the_tag(with_engine: Scene) -> None:
    scene = with_engine
    serve = 'CMD ["sh", "-c", "echo up; exec httpd -f -p 8080 -h /www"]'
    template = f'FROM {{{{ image("base") }}}}\nCOPY index.html /www/\n{serve}\n'
    scene.write("docker/greeter/Dockerfile.j2", template)
    scene.write("docker/greeter/index.html", "hello")
    manifest = "source: {maven: 'com.acme:greeter'}\ntests:\n  - run: [cat, /www/index.html]\n"
    scene.write(
        "docker/greeter/manifest.yaml",
        manifest + "  - {http: {port: 8080, path: /nope}, within: 3s}\n",
    )
    with pytest.raises(Unhealthy, match="it answered 404") as caught:
        scene.build("greeter", "1.0.0")
    assert "| up" in caught.value.message
    registry = open_registry(scene.url)
    assert registry.tags(registry.repository("greeter")) == []
    scene.write(
        "docker/greeter/manifest.yaml", manifest + "  - {http: {port: 8080, path: /index.html}}\n"
    )
    built = scene.build("greeter", "1.0.0")
    assert read_image(scene.url, f"{built.repository}:1.0.0") == built
    assert built.fingerprint is not None
    assert fingerprint_tag(built.fingerprint) in registry.tags(registry.repository("greeter"))
    listed = subprocess.run(["docker", "ps", "-aq"], capture_output=True, text=True, check=True)
    assert listed.stdout == ""


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("{path: /app/nothing}", "it is not there"),
        ("{path: /app/run, mode: '0644'}", "its mode is 0755"),
        ("{path: /app/run, contains: goodbye}", "the text is not in it\n  | echo hello"),
        ("{path: /app, contains: goodbye}", "it is a folder"),
    ],
)
def test_files_are_looked_at(with_engine: Scene, wrong: str, why: str) -> None:
    scene = with_engine
    manifest = (
        'version: "1"\ntests:\n  - file: {path: /app}\n'
        "  - file: {path: /app/run, mode: '755', contains: hello}\n"
    )
    scene.image("files", manifest, "FROM scratch\nCOPY --chmod=755 run /app/\n")
    scene.write("docker/files/run", "echo hello\n")
    scene.write("docker/files/manifest.yaml", f"{manifest}  - file: {wrong}\n")
    with pytest.raises(Unhealthy) as caught:
        scene.build("files")
    assert why in caught.value.message
    scene.write("docker/files/manifest.yaml", manifest)
    scene.build("files")


INTERRUPTED = """
import sys
from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.events import Said
from provisimus.images import build_images, plan_images
from provisimus.workspace import open_workspace
environment = Environment('local', Cloud('x', None, None, None), sys.argv[2])
asked = [('one', None), ('two', None)]
plan = plan_images(open_workspace(sys.argv[1]), environment, asked)
def tell(event):
    if isinstance(event, Said) and 'RUN' in event.text:
        print(event.step, flush=True)
build_images(plan, environment, tell, 'run')
"""


def test_an_interruption_ends_builders_too(with_engine: Scene) -> None:
    """Two silent RUNs at the same time: neither thread hears of Ctrl-C, and the engine must."""
    scene = with_engine
    scene.build("base")
    mark = f"mark-{os.urandom(4).hex()}"
    for name in ("one", "two"):
        run = f"RUN while true; do : {mark}-{name}; done\n"
        scene.image(name, 'version: "1"\n', 'FROM {{ image("base") }}\n' + run)
    arguments = [sys.executable, "-c", INTERRUPTED, str(scene.root), scene.url]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert {process.stdout.readline(), process.stdout.readline()} == {
            b"image one@1\n",
            b"image two@1\n",
        }
        until(lambda: running(mark) >= 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(40) != 0
    until(lambda: running(mark) == 0)
    assert scene.plan("one").image is None


def running(mark: str) -> int:
    """How many processes of this machine have the mark in their command."""
    found = 0
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += mark.encode() in place.read_bytes()
    return found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
