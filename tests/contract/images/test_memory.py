"""Memory does not grow with the artifact: 200 MB go through commands that may take less."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Scene

SIZE = 200 << 20
LIMIT = 120 << 20
"""Bytes resident; the tool itself takes 40 to 80 MB."""

PROGRAM = """\
import atexit, pathlib, sys
from provisimus.cli import main
# Not what the kernel says of a child at its end: that counts its parent's, too.
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text(), file=sys.stderr))
main()
"""


class Zeros:
    """As many as are wanted, as a file."""

    def read(self, size: int) -> bytes:
        return bytes(size)


def add(archive: zipfile.ZipFile, name: str, size: int) -> None:
    with archive.open(name, "w", force_zip64=True) as file:
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))


def jar(path: Path, library: str) -> None:
    """Packed, so that it is quick to make; what is in it counts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        start = "Manifest-Version: 1.0\nMain-Class: com.acme.A\nStart-Class: com.acme.A\n\n"
        archive.writestr("META-INF/MANIFEST.MF", start)
        archive.writestr("com/acme/A.class", b"")
        archive.writestr("org/lib/B.class", b"")
        add(archive, library, SIZE)


def plain_jar(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        add(archive, "x", SIZE)


def packed_archive(path: Path) -> None:
    # Hardly packed: nothing sound is two hundred times larger than its archive.
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        for number in range(3):
            info = tarfile.TarInfo(f"lib/{number}.bin")
            info.size = SIZE // 3
            archive.addfile(info, Zeros())  # type: ignore[arg-type]


FORMS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "fat": (plain_jar, "jar", ""),
    "boot": (lambda path: jar(path, "BOOT-INF/lib/a.jar"), "jar", "layers: auto\n"),
    "shaded": (lambda path: jar(path, "org/lib/data"), "jar", "layers: auto\n"),
    "archive": (packed_archive, "tar.gz", "layers: auto\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_it_is_flat(scene: Scene, tmp_path: Path, form: str, long: bool) -> None:
    if form in ("fat", "shaded") and not long:
        pytest.skip("one of the long variants: --all")
    make, packaging, more = FORMS[form]
    scene.write(
        "provisimus.yaml",
        f"project: acme\nregistry: {{url: '{scene.url}'}}\n"
        "environments: "
        '{ci: {provider: aws, account: "111122223333", region: eu-west-1}}\n',
    )
    unpack = ", unpack: true" if packaging != "jar" else ""
    scene.image(
        "big",
        f"source: {{maven: 'com.acme:big:{packaging}'{unpack}}}\n{more}",
        f"FROM scratch\nCOPY {{{{ artifact.{'folder' if unpack else 'file'} }}}} /opt/big.jar\n",
    )
    path = tmp_path / f"big.{packaging}"
    make(path)
    coordinates = f"com.acme:big:1.0.0:{packaging}"
    ci = ("--env", "ci")
    try:
        peaks = [
            peak(scene.root, "artifact", "publish", str(path), "--coordinates", coordinates),
            peak(scene.root, "image", "build", "big@1.0.0", *ci),
            peak(scene.root, "image", "verify", "big@1.0.0", *ci),
        ]
    finally:
        path.unlink()
    assert max(peaks) < LIMIT


def peak(root: Path, *arguments: str) -> int:
    """The most that a command had resident, in bytes."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CI": "1"},
    )
    assert done.returncode == 0, done.stderr[:2000]
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert found
    return int(found[1]) << 10
