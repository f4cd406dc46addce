"""With a real Docker Engine: its builder and ours agree, tests run, what they say is shown.

The engine is a private one, started as root; without root or dockerd the tests are skipped.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from provisimus.errors import ToolFailed, Unhealthy
from provisimus.images import build_image, read_image
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


def test_the_builder_and_we_agree(with_engine: Scene) -> None:
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
    to_engine = replace(definition, assembly=None, why_engine="asked for by the test")
    last = replace(plan.wanted[-1], definition=to_engine)
    forced = replace(plan, wanted=(scene.plan("base").wanted[-1], last))
    by_docker = build_image(forced, scene.environment, scene.told.append, "r")
    theirs = everything(scene, by_docker)
    assert ours[1] == theirs[1]
    assert {**ours[0], "Labels": 0} == {**theirs[0], "Labels": 0}
    assert by_us.labels == by_docker.labels
    assert by_us.ports == by_docker.ports


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
