"""The whole chain for real, with the example's own definitions and the command line alone.

A Java service becomes an artifact, an image, a machine image and a stack, and answers; the next
version answers over the same data; the way back takes only the stack; lineage leads from the
instance to the commits; nothing temporary is left. One virtual machine at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.rehearsal.ports import free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "acme"
REPOSITORIES = ("acme", "acme-docker", "acme-packer")
NEEDED = ("javac", "git", "packer", "mmdebstrap", "docker-registry", "qemu-system-x86_64")
MISSING = [
    name for name in NEEDED if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None
]

pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


@dataclass(frozen=True)
class House:
    """Three Git repositories and a local cloud of their own."""

    folder: Path
    environment: dict[str, str]

    @property
    def root(self) -> Path:
        return self.folder / "acme"

    def provisimus(self, *arguments: str, expect: int = 0) -> str:
        """What the command says on stdout. Its own output goes to this test's, with the time."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", "from provisimus.cli import main; main()", *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.monotonic() - began
        told = f"$ provisimus {' '.join(arguments)}  ({took:.1f} s, exit {done.returncode})"
        print(told, done.stderr[-6000:], sep="\n", flush=True)  # noqa: T201 - read when it fails
        assert done.returncode == expect, done.stderr[-3000:]
        return done.stdout

    def data(self, *arguments: str) -> Any:
        return json.loads(self.provisimus(*arguments, "--json"))

    def commit(self, repository: str, message: str) -> str:
        folder = self.folder / repository
        for command in (["add", "--all"], ["commit", "--quiet", "--allow-empty", "-m", message]):
            identity = ["-c", "user.name=Acme", "-c", "user.email=platform@acme.example"]
            # The same sources have the same commits: a local cloud that is kept has their images.
            dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T12:00:00Z")
            subprocess.run(
                ["git", *identity, *command], cwd=folder, check=True, env={**os.environ, **dates}
            )
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
        )
        return head.stdout.strip()

    def publish(self, version: str, commit: str) -> None:
        jar = self.folder / f"greeter-{version}.jar"
        compile_jar(self.root / "services/greeter", jar, version, commit, self.folder / "classes")
        coordinates = f"com.acme:greeter:{version}"
        self.provisimus(
            *("artifact", "publish", str(jar), "--coordinates", coordinates, "--commit", commit)
        )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    kept = os.environ.get("PROVISIMUS_REHEARSAL_DIR")
    made = House(
        folder,
        {
            **os.environ,
            "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
            "PROVISIMUS_LOCAL_DIR": kept or str(folder / "cloud"),
            "PROVISIMUS_LOCAL_PORT": str(free_port()),
            "PROVISIMUS_LOCAL_REGISTRY_PORT": str(free_port()),
        },
    )
    shutil.copytree(EXAMPLE, made.root, ignore=shutil.ignore_patterns("target", ".provisimus"))
    for name in ("docker", "packer"):
        (made.root / name).rename(folder / f"acme-{name}")
    with (made.root / "provisimus.yaml").open("a") as file:
        file.write("\nrepositories: {docker: ../acme-docker, packer: ../acme-packer}\n")
    (made.root / ".gitignore").write_text(".provisimus/\nartifacts/\n")
    for name in REPOSITORIES:
        subprocess.run(["git", "init", "--quiet", str(folder / name)], check=True)
    try:
        yield made
    finally:
        made.provisimus("local", "down")


def test_the_whole_life_of_a_service(house: House) -> None:
    commits = {name: house.commit(name, f"The first of {name}") for name in REPOSITORIES}
    house.provisimus("check")
    house.publish("1.0.0", commits["acme"])

    # Step by step, and each step again: nothing is done twice.
    house.provisimus("image", "build", "greeter@1.0.0")
    assert not house.data("image", "build", "greeter@1.0.0")["changed"]
    house.provisimus("image", "build", "node-exporter")
    written = commits["acme-docker"]
    commits["acme-docker"] = house.commit("acme-docker", "Pin what the bases are made of")
    ami = house.provisimus("machine", "bake", "greeter@1.0.0").strip().splitlines()[-1]
    assert house.provisimus("machine", "bake", "greeter@1.0.0").strip().endswith(ami)
    house.provisimus("plan", "greeter@1.0.0", "--exit-code", expect=4)
    first = house.data("stack", "apply", "greeter@1.0.0")
    assert first["image"] == ami
    answer = get(first["url"])
    assert answer == f"Hello from greeter 1.0.0 (commit {commits['acme']})\n"
    httpx.put(first["url"] + "notes/first", content="of 1.0.0", timeout=30, trust_env=False)

    trace = house.data("trace", first["instance"])
    check_lineage(trace, first, ami, commits, written)

    # The next version, with one command.
    source = house.root / "services/greeter/src/main/java/com/acme/greeter/Greeter.java"
    source.write_text(source.read_text().replace('GREETING = "Hello"', 'GREETING = "Good day"'))
    next_commit = house.commit("acme", "Greet in full words")
    house.publish("1.0.1", next_commit)
    second = house.data("release", "greeter@1.0.1")
    assert second["instance"] != first["instance"]
    assert get(second["url"]) == f"Good day from greeter 1.0.1 (commit {next_commit})\n"
    assert get(second["url"] + "notes/first") == "of 1.0.0"
    house.provisimus("plan", "greeter@1.0.1", "--exit-code")

    # The way back: everything exists but the stack's state.
    steps = house.data("plan", "greeter@1.0.0")["steps"]
    assert {step["stage"] for step in steps if step["needed"]} == {"stack"}
    third = house.data("release", "greeter@1.0.0")
    assert third["image"] == ami
    assert get(third["url"]) == answer
    assert get(third["url"] + "notes/first") == "of 1.0.0"

    # Nothing temporary is left behind, and the end leaves a snapshot of the data.
    assert house.data("machine", "reap", "--dry-run") == []
    gone = house.data("stack", "delete", "greeter", "--yes")
    assert gone["snapshots_of"] == ["/data"]
    assert house.data("instance", "list") == []


def check_lineage(
    trace: dict[str, Any],
    released: dict[str, Any],
    ami: str,
    commits: dict[str, str],
    written: str,
) -> None:
    """`written` is the commit in which the image's own definition changed last."""
    by_repository = {
        "services": commits["acme"],
        "docker": commits["acme-docker"],
        "packer": commits["acme-packer"],
    }
    assert trace["instance"]["instance_id"] == released["instance"]
    assert trace["stack"]["name"] == released["stack"]
    assert trace["stack"]["commits"] == by_repository
    assert trace["machine_image"]["image_id"] == ami
    assert trace["machine_image"]["commits"] == by_repository
    images = {image["service"]: image for image in trace["images"]}
    assert set(images) == {"greeter", "node-exporter"}
    assert images["greeter"]["commits"] == {"docker": written}
    assert images["greeter"]["artifact"]["coordinates"] == "com.acme:greeter:jar:1.0.0"
    assert images["greeter"]["artifact"]["commit"] == commits["acme"]
    assert len(images["greeter"]["artifact"]["sha256"].removeprefix("sha256:")) == 64


def get(url: str) -> str:
    answer = httpx.get(url, timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.text


def compile_jar(service: Path, jar: Path, version: str, commit: str, classes: Path) -> None:
    """As the example's pom.xml does it, without Maven and its downloads."""
    shutil.rmtree(classes, ignore_errors=True)
    sources = [str(path) for path in (service / "src/main/java").rglob("*.java")]
    subprocess.run(["javac", "--release", "17", "-d", str(classes), *sources], check=True)
    manifest = (
        "Manifest-Version: 1.0\r\n"
        "Main-Class: com.acme.greeter.Greeter\r\n"
        f"Implementation-Version: {version}\r\n"
        f"Git-Commit: {commit}\r\n\r\n"
    )
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        # A ZipInfo without a time is of 1980: the same sources give the same bytes.
        archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), manifest)
        for path in sorted(classes.rglob("*.class")):
            name = path.relative_to(classes).as_posix()
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
