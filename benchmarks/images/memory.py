"""Memory and time of an artifact's way, by its size: flat memory is what is wanted.

    python benchmarks/images/memory.py [--megabytes 20 200 2000] [--forms fat auto shaded archive]

`fat` copies a fat JAR as it is, `auto` takes a Spring Boot JAR apart, `shaded` another one, and
`archive` unpacks a TAR/GZ into layers. Whole processes, against a docker-registry that is started
on a free loopback port; memory is the highest that was resident (VmHWM of Linux). 2000 MB need
some 9 GB of disk for a while. Prints a table; asserts nothing.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jar_changed import registry

MB = 1 << 20
SHIM = """\
import pathlib, re, sys
from provisimus.cli import main
try:
    main()
finally:
    said = pathlib.Path("/proc/self/status").read_text()
    pathlib.Path(sys.argv[0] + ".peak").write_text(re.search(r"VmHWM:\\s+(\\d+)", said)[1])
"""
"""The kernel counts what its parent had, too, in what it says of a child (ru_maxrss)."""


@dataclass(frozen=True)
class Form:
    """How an artifact is made of pieces of a megabyte, and what the image does with it."""

    file: str
    coordinates: str
    make: Callable[[Path, int], None]
    source: str
    layers: str
    copy: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[20, 200, 2000])
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=FORMS)
    parser.add_argument("--scratch", default="/tmp", help="where the disk has room")
    asked = parser.parse_args()
    print(f"{'':<10}{'MB':>6}  {'command':<18}{'seconds':>9}{'resident':>10}")
    for name in asked.forms:
        for megabytes in asked.megabytes:
            with (
                tempfile.TemporaryDirectory(prefix="bench-", dir=asked.scratch) as scratch,
                registry(Path(scratch)) as port,
            ):
                for command, seconds, peak in measure(FORMS[name], Path(scratch), port, megabytes):
                    row = f"{command:<18}{seconds:>8.1f}s{peak / 1024:>7.0f} MB"
                    print(f"{name:<10}{megabytes:>6}  {row}", flush=True)


def measure(
    form: Form, folder: Path, port: int, megabytes: int
) -> Iterator[tuple[str, float, int]]:
    root = folder / "workspace"
    (root / "docker/big").mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        f"project: bench\nregistry: {{url: '127.0.0.1:{port}'}}\n"
    )
    (root / "docker/big/manifest.yaml").write_text(
        f"source: {form.source}\nlayers: {form.layers}\n"
    )
    (root / "docker/big/Dockerfile.j2").write_text(f"FROM scratch\n{form.copy}\n")
    artifact = folder / form.file
    form.make(artifact, megabytes)
    shim = folder / "shim.py"
    shim.write_text(SHIM)
    environment = {**os.environ, "PROVISIMUS_LOCAL_REGISTRY_PORT": str(port), "CI": "1"}
    commands = {
        "artifact publish": ["artifact", "publish", str(artifact), "--coordinates"],
        "image build": ["image", "build", "big@1.0.0"],
        "image verify": ["image", "verify", "big@1.0.0"],
        "image sbom": ["image", "sbom", "big@1.0.0"],
    }
    commands["artifact publish"].append(form.coordinates)
    for name, arguments in commands.items():
        began = time.perf_counter()
        command = [sys.executable, str(shim), *arguments, "-C", str(root)]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr.decode()[-2000:]}")
        yield name, time.perf_counter() - began, int(Path(f"{shim}.peak").read_text())
        if name == "artifact publish":
            artifact.unlink()


def blocks(megabytes: int) -> Iterator[bytes]:
    """Megabytes that do not compress and are cheap to make; no two are the same."""
    noise = os.urandom(MB - 8)
    for number in range(megabytes):
        yield number.to_bytes(8, "big") + noise


def boot_jar(path: Path, megabytes: int) -> None:
    """Libraries of ten megabytes, stored, as Spring Boot packs them, and one of half of all."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nStart-Class: a.B\n\n")
        archive.writestr("BOOT-INF/classes/com/acme/B.class", os.urandom(1000))
        sizes = [megabytes // 2] + [10] * (megabytes // 20)
        for number, size in enumerate(sizes):
            with archive.open(f"BOOT-INF/lib/l{number}-1.jar", "w", force_zip64=True) as target:
                inside(target, size)


def inside(target: io.IOBase, megabytes: int) -> None:
    """A JAR of one stored file, written without going back."""
    with (
        zipfile.ZipFile(target, "w") as inner,  # type: ignore[arg-type]
        inner.open("org/lib/data", "w", force_zip64=True) as data,
    ):
        for block in blocks(megabytes):
            data.write(block)


def shaded_jar(path: Path, megabytes: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: a.B\n\n")
        archive.writestr("com/acme/B.class", os.urandom(1000))
        archive.writestr("org/lib/C.class", os.urandom(1000))
        with archive.open("org/lib/data", "w", force_zip64=True) as target:
            for block in blocks(megabytes):
                target.write(block)


def archive_of_files(path: Path, megabytes: int) -> None:
    """Ten files, and one of half of all; packed at level 0, which is quick to make."""
    with (
        gzip.open(path, "wb", compresslevel=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        for number, size in enumerate([megabytes // 2] + [megabytes // 20] * 10):
            info = tarfile.TarInfo(f"big-1/lib/file{number}.bin")
            info.size = size * MB
            archive.addfile(info, Blocks(size))  # type: ignore[arg-type]


class Blocks:
    """The blocks as a file."""

    def __init__(self, megabytes: int) -> None:
        self._blocks = blocks(megabytes)
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (block := next(self._blocks, b"")):
            self._rest += block
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


JAR = ("big.jar", "com.acme:big:1.0.0")
FORMS = {
    "fat": Form(
        *JAR, boot_jar, "{maven: 'com.acme:big'}", "fat", "COPY {{ artifact.file }} /b.jar"
    ),
    "auto": Form(
        *JAR, boot_jar, "{maven: 'com.acme:big'}", "auto", "COPY {{ artifact.file }} /b.jar"
    ),
    "shaded": Form(
        *JAR, shaded_jar, "{maven: 'com.acme:big'}", "auto", "COPY {{ artifact.file }} /b.jar"
    ),
    "archive": Form(
        *("big.tar.gz", "com.acme:big:1.0.0:tar.gz", archive_of_files),
        *("{maven: 'com.acme:big:tar.gz', unpack: true}", "auto"),
        "COPY {{ artifact.folder }}/ /big/",
    ),
}


if __name__ == "__main__":
    main()
