"""Bases from Debian packages, with a stand-in for mmdebstrap: it writes a small TAR.

The real one is used by the rehearsals; here it is about pipes, pins and failures.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provisimus.errors import ToolFailed
from provisimus.events import Event, Said, Warned
from provisimus.images import build_image, build_images, plan_images
from provisimus.images.debian import packages_tar
from provisimus.images.lock import read_lock, write_lock
from provisimus.images.locking import pins, updated_lock
from provisimus.workspace.definitions.image import DebianSource

if TYPE_CHECKING:
    from conftest import Scene

STAND_IN = """\
#!/usr/bin/env python3
import io, os, sys, tarfile
target = next(each for each in sys.argv if each.endswith("layer.tar"))
print("I: downloading packages with apt...", flush=True)
if os.environ.get("FAIL") == "never ending":
    import time
    for _ in range(300):
        print("Setting up something ...", flush=True)
        time.sleep(0.1)
if os.environ.get("FAIL") == "before":
    print("E: Unable to locate package nope", flush=True)
    sys.exit(25)
out = open(target, "wb")
with tarfile.open(fileobj=out, mode="w|") as archive:
    for name in ("./etc", "./usr"):
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(info)
    data = os.urandom(3_000_000)
    info = tarfile.TarInfo("./usr/data")
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))
    if os.environ.get("FAIL") == "after":
        print("E: disk full", flush=True)
        os._exit(1)
"""


@pytest.fixture
def debian(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    manifest = 'version: "17"\nsource: {debian: {suite: bookworm, packages: [some-package]}}\n'
    scene.image("jre", manifest, "FROM {{ base }}\nENV JAVA_HOME=/x\n")
    scene.image("plain", manifest)
    return scene


def test_a_base_is_made_and_pinned(debian: Scene) -> None:
    built = debian.build("jre")
    locked = read_lock(debian.workspace.docker).bases["jre"]
    assert built.labels["org.opencontainers.image.base.digest"] == str(locked.digest)
    assert any(isinstance(event, Said) and "downloading" in event.text for event in debian.told)
    # Another Dockerfile over the same packages makes no new base.
    debian.image("jre", (debian.root / "docker/jre/manifest.yaml").read_text(), "FROM {{ base }}\n")
    again = debian.build("jre")
    assert again.digest != built.digest
    assert not any(isinstance(event, Said) for event in debian.told)
    assert read_lock(debian.workspace.docker).bases["jre"] == locked


def test_without_a_template_the_base_is_the_image(debian: Scene) -> None:
    assert debian.build("plain").version == "17"


def test_variants_have_one_base_and_one_pin(debian: Scene) -> None:
    manifest = (debian.root / "docker/jre/manifest.yaml").read_text()
    debian.image("jre", manifest + "variants: {debug: {dockerfile: Dockerfile.debug.j2}}\n")
    debian.write("docker/jre/Dockerfile.debug.j2", "FROM {{ base }}\nENV DEBUG=1\n")
    plan = plan_images(debian.workspace, debian.environment, [("jre", None), ("jre-debug", None)])
    made = build_images(plan, debian.environment, debian.told.append, "run-1")
    said = [event.text for event in debian.told if isinstance(event, Said)]
    assert len([text for text in said if "downloading" in text]) == 1
    digests = {each.labels["org.opencontainers.image.base.digest"] for each in made.values()}
    lock = read_lock(debian.workspace.docker)
    assert (set(lock.bases), digests) == ({"jre"}, {str(lock.bases["jre"].digest)})
    assert [each.image for each in pins(debian.workspace, lock)] == ["jre", "plain"]
    # By the name of a variant, too.
    after = updated_lock(debian.workspace, lock, ["jre-debug"])
    assert (set(after.bases), after.bases["jre"].update) == ({"jre"}, 1)
    write_lock(debian.workspace.docker, after)
    assert debian.plan("jre-debug").changes
    assert debian.plan("jre").changes


def test_only_an_update_moves_the_pin(debian: Scene) -> None:
    first = debian.build("jre")
    workspace = debian.workspace
    before = read_lock(workspace.docker)
    write_lock(workspace.docker, updated_lock(workspace, before, ["jre"]))
    assert [step.action for step in debian.plan("jre").steps()] == ["build"]
    second = debian.build("jre")
    after = read_lock(workspace.docker).bases["jre"]
    assert (after.update, after.digest == before.bases["jre"].digest) == (1, False)
    assert second.fingerprint != first.fingerprint


def test_a_pin_that_the_registry_lost_is_told(debian: Scene) -> None:
    debian.build("jre")
    folder = debian.workspace.docker
    text = (folder / "docker.lock").read_text()
    digest = read_lock(folder).bases["jre"].digest
    (folder / "docker.lock").write_text(
        text.replace(f"digest: {digest}", "digest: sha256:" + "0" * 64)
    )
    debian.write("docker/jre/Dockerfile.j2", "FROM {{ base }}\nENV A=1\n")
    debian.build("jre")
    assert any(isinstance(event, Warned) and "no longer has" in event.text for event in debian.told)
    assert read_lock(folder).bases["jre"].digest == digest


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failure_shows_what_was_said(
    debian: Scene, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", when)
    with pytest.raises(ToolFailed, match="could not be made from Debian packages") as caught:
        debian.build("jre")
    assert caught.value.tail[-1].startswith("E: ")
    assert read_lock(debian.workspace.docker).bases == {}
    assert debian.plan("jre").image is None
    monkeypatch.delenv("FAIL")
    debian.build("jre")


def test_an_interruption_ends_what_runs(debian: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "never ending")
    plan = debian.plan("jre")

    def interrupt(event: Event) -> None:
        if isinstance(event, Said):
            os.kill(os.getpid(), signal.SIGINT)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build_image(plan, debian.environment, interrupt, "run")
    assert time.monotonic() - began < 20
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(debian.root.parent / "bin" / "mmdebstrap") not in running.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="others get namespaces from mmdebstrap itself")
def test_killed_it_leaves_no_process_and_the_next_run_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, scraps = tmp_path / "bin" / "mmdebstrap", tmp_path / "scraps"
    program.parent.mkdir()
    scraps.mkdir()
    mark = f"86400.{os.getpid()}"
    program.write_text(
        f'#!/bin/sh\nmkdir "$TMPDIR/system"\nsetsid sleep {mark} &\n'
        "mount -t tmpfs none $TMPDIR/system\necho 'I: begun'\nwait\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(scraps))
    monkeypatch.setattr(tempfile, "tempdir", str(scraps))
    asking = (
        "import threading\nfrom provisimus.images.debian import packages_tar\n"
        "from provisimus.workspace.definitions.image import DebianSource\n"
        "source = DebianSource(suite='bookworm', packages=['hello'])\n"
        "say = lambda line: print(line, flush=True)\n"
        "for _ in packages_tar(source, say, threading.Event()): pass\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", asking], stdout=subprocess.PIPE, start_new_session=True
    ) as building:
        assert building.stdout is not None
        assert building.stdout.readline() == b"begun\n"
        assert mark in processes()
        building.kill()
    deadline = time.monotonic() + 20
    while mark in processes():
        assert time.monotonic() < deadline, "what it started goes on"
    assert str(scraps) not in Path("/proc/mounts").read_text()

    (left,) = scraps.iterdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    source = DebianSource(suite="bookworm", packages=["hello"])
    with pytest.raises(ToolFailed):
        list(packages_tar(source, lambda _: None, threading.Event()))
    assert not left.exists()


def processes() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
