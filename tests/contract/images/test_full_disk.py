"""A disk that is full: a clear error, nothing lost, and the same command goes on from there.

The disk is a small tmpfs, so these tests need root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provisimus.artifacts import open_repositories
from provisimus.errors import ProvisimusError
from provisimus.files import replacing
from provisimus.images.lock import DockerLock, LockedBase, read_lock, write_lock
from provisimus.model import Digest
from provisimus.release import one_at_a_time
from provisimus.workspace import open_workspace

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

    from conftest import Scene

ENVIRONMENTS = 'environments: {ci: {provider: aws, account: "111122223333", region: eu-west-1}}\n'
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leave not a byte; the file to remove to make room again."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return filler


def provisimus(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from provisimus.cli import main; main()"]
    return subprocess.run(
        [*program, *arguments],
        cwd=folder,
        env={**os.environ, "PROVISIMUS_ENV": "ci"},
        capture_output=True,
        text=True,
        check=False,
    )


def jar(path: Path, version: str, size: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        inside = "META-INF/maven/com.acme/greeter/pom.properties"
        archive.writestr(inside, f"groupId=com.acme\nartifactId=greeter\nversion={version}\n")
        archive.writestr("data", os.urandom(size))
    return path


def test_publishing_to_a_full_disk_loses_nothing(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\nartifacts: {releases: disk/files}\n")
    first = jar(tmp_path / "first.jar", "1.0.0", 1000)
    assert provisimus(tmp_path, "artifact", "publish", str(first)).returncode == 0
    before = sorted(disk.rglob("*"))

    large = jar(tmp_path / "large.jar", "1.0.1", 5_000_000)
    failed = provisimus(tmp_path, "artifact", "publish", str(large))
    target = disk / "files/com/acme/greeter/1.0.1/greeter-1.0.1.jar"
    assert failed.stderr.splitlines() == [
        f"error: no space is left on the disk of {target}",
        f"  where: {target}",
        "  hint: make room there; nothing is lost, and the same command goes on from here",
    ]
    assert failed.returncode == 1
    [repository] = open_repositories(open_workspace(tmp_path)).each
    assert repository.versions("com.acme", "greeter") == ("1.0.0",)
    assert not list(disk.rglob(".*"))
    assert set(before) <= set(disk.rglob("*"))

    filler = fill(disk)
    assert provisimus(tmp_path, "artifact", "publish", str(large)).returncode == 1
    filler.unlink()
    small = jar(tmp_path / "small.jar", "1.0.1", 1000)
    assert provisimus(tmp_path, "artifact", "publish", str(small)).returncode == 0
    assert repository.versions("com.acme", "greeter") == ("1.0.0", "1.0.1")


def test_an_image_is_built_though_no_cache_and_no_journal_can_be_written(
    scene: Scene, disk: Path
) -> None:
    shutil.rmtree(scene.root / ".provisimus")  # from when the scene was set
    (scene.root / ".provisimus").symlink_to(disk)
    (scene.root / "provisimus.yaml").open("a").write(ENVIRONMENTS)
    fill(disk)
    made = provisimus(scene.root, "image", "build", "greeter@1.0.0")
    assert made.returncode == 0, made.stderr
    assert "Traceback" not in made.stderr and "ignored" not in made.stderr
    assert not scene.plan("greeter", "1.0.0").steps()[-1].needed


def test_a_registry_whose_disk_is_full_is_named_and_the_next_run_goes_on(
    scene: Scene, disk: Path, serve_registry: Serve, tmp_path: Path
) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "data").symlink_to(disk)
    with serve_registry(folder, {}) as url:
        (scene.root / "provisimus.yaml").write_text(
            f"project: acme\nregistry: {{url: '{url}'}}\n{ENVIRONMENTS}"
        )
        filler = fill(disk)
        failed = provisimus(scene.root, "image", "build", "greeter@1.0.0")
        assert failed.returncode == 1
        assert f"error: registry {url} answered 500" in failed.stderr
        assert "hint: has it room on its disk?" in failed.stderr
        filler.unlink()
        assert provisimus(scene.root, "image", "build", "greeter@1.0.0").returncode == 0


def test_a_lock_file_stays_what_it_was(disk: Path) -> None:
    one, two = LockedBase(Digest.of(b"1")), LockedBase(Digest.of(b"2"))
    write_lock(disk, DockerLock({"jre": one}))
    fill(disk)
    with pytest.raises(ProvisimusError, match=r"no space is left on the disk of .*docker\.lock"):
        write_lock(disk, DockerLock({"jre": two}))
    assert read_lock(disk) == DockerLock({"jre": one})
    assert sorted(each.name for each in disk.iterdir()) == ["docker.lock", "filler"]


def test_a_service_is_locked_though_its_holder_cannot_be_written(
    disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    (tmp_path / ".provisimus").symlink_to(disk)
    fill(disk)
    with one_at_a_time(open_workspace(tmp_path), "local", "greeter", "run-1"):
        pass


def test_what_is_replaced_keeps_its_rights_and_its_link(disk: Path) -> None:
    real, link = disk / "real.yaml", disk / "link.yaml"
    real.write_text("version: 1.0.0\n")
    real.chmod(0o640)
    link.symlink_to(real)
    with replacing(link) as temporary:
        temporary.write_text("version: 1.0.1\n")
    assert link.is_symlink() and real.read_text() == "version: 1.0.1\n"
    assert real.stat().st_mode & 0o777 == 0o640
    fill(disk)
    with pytest.raises(ProvisimusError), replacing(link) as temporary:
        temporary.write_text("version: 1.0.2\n")
    assert real.read_text() == "version: 1.0.1\n"
