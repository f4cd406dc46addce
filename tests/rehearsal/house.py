"""The example workspace in Git repositories of its own, with a local cloud of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ports import free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "acme"
ACTIVEMQ = (
    *("org.apache.activemq:apache-activemq:5.17.6:tar.gz:bin", "--sha256"),
    "e6ad7ac9d1c46262cfab7f34c1f452a9048fc196abdc46ae46574a87e79b4ff4",
)
"""What is imported. Not every Maven repository has a checksum beside it."""
REPOSITORIES = ("acme", "acme-docker", "acme-packer")


@dataclass(frozen=True)
class House:
    """Three Git repositories and a local cloud of their own."""

    folder: Path
    environment: dict[str, str]

    @property
    def root(self) -> Path:
        return self.folder / "acme"

    def provisimus(self, *arguments: str, expect: int = 0) -> str:
        """What the command says on stdout."""
        return self.run(*arguments, expect=expect).stdout

    def run(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Its own output goes to this test's, with the time."""
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
        return done

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


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
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
