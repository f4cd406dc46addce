"""How a bake runs its steps, and lends credentials to two of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisimus.machines.recipe import SCRIPTS

MEMORY = Path("/dev/shm")
CONFIG = '{"auths":{"r":{"auth":"Y2k6c2VjcmV0"}}}'
TELL = '#!/bin/sh\nfind "$PROVISIMUS_LENT" -type f -exec cat {} + 2>/dev/null\necho "exit $?"\n'
pytestmark = pytest.mark.skipif(not MEMORY.is_dir(), reason="there is no /dev/shm")


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    made = tmp_path / "stage"
    (made / "steps").mkdir(parents=True)
    for tool in ("run", "step"):
        shutil.copy(SCRIPTS / "bake" / tool, made / tool)
    return made


@pytest.fixture
def lent() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder) / "lent"


def write(stage: Path, **steps: str) -> None:
    for name, text in steps.items():
        path = stage / "steps" / name.replace("_", "-").removeprefix("s")
        path.write_text(text)
        path.chmod(0o755)


def run(stage: Path, lent: Path, given: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [str(stage / "run")],
        env={
            **os.environ,
            "PROVISIMUS_LENT": str(lent),
            "PROVISIMUS_LOG": str(stage.parent / "log" / "bake.log"),
        },
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_only_who_pulls_and_who_searches_sees_the_credentials(stage: Path, lent: Path) -> None:
    write(stage, s20_files=TELL, s50_images=TELL, s60_setup=TELL, s95_search=TELL)
    status, said = run(stage, lent, f"{CONFIG}\n")
    assert status == 0
    assert said == [
        *("provisimus: step 20-files", "exit 1"),
        *("provisimus: step 50-images", CONFIG, "exit 0"),
        *("provisimus: step 60-setup", "exit 1"),
        *("provisimus: step 95-search", CONFIG, "exit 0"),
        "provisimus: done",
    ]
    assert not lent.exists()


def test_nobody_but_root_can_read_what_is_lent(stage: Path, lent: Path) -> None:
    write(stage, s50_images='#!/bin/sh\nstat -c "%a" "$PROVISIMUS_LENT" "$PROVISIMUS_LENT"/*\n')
    assert run(stage, lent, f"{CONFIG}\n")[1][1:3] == ["700", "600"]


@pytest.mark.parametrize("given", ["", "\n"])
def test_without_credentials_nothing_is_lent(stage: Path, lent: Path, given: str) -> None:
    write(stage, s50_images=TELL)
    assert run(stage, lent, given)[1] == [
        *("provisimus: step 50-images", "exit 1"),
        "provisimus: done",
    ]


def test_after_a_failure_nothing_is_left(stage: Path, lent: Path) -> None:
    write(stage, s50_images="#!/bin/sh\nexit 7\n")
    status, said = run(stage, lent, f"{CONFIG}\n")
    assert (status, said[-1]) == (1, "provisimus: failed 50-images with status 7")
    assert not lent.exists()


def test_credentials_are_never_written_to_a_disk(stage: Path, tmp_path: Path) -> None:
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True
    )
    if kind.stdout.strip() == "tmpfs":
        pytest.skip("the folder for tests is a tmpfs")
    write(stage, s50_images=TELL)
    status, said = run(stage, tmp_path / "lent", f"{CONFIG}\n")
    assert status == 1
    assert said == [f"{tmp_path} is no tmpfs: credentials would be written to the disk"]


def test_the_pull_takes_what_is_lent(stage: Path, lent: Path, tmp_path: Path) -> None:
    """With a program that stands for Docker: it tells where it would look for credentials."""
    shutil.copy(SCRIPTS / "bake/50-images", stage / "steps/50-images")
    (stage / "images").write_text("r/greeter@sha256:1f\n")
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        '#!/bin/sh\n[ "$1" != pull ] || cat "${DOCKER_CONFIG:-/nowhere}/config.json" >&2\n'
        '[ "$1" = pull ] && exit 1\n'
    )
    docker.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
        _, said = run(stage, lent, f"{CONFIG}\n")
    assert CONFIG in said


def test_what_the_steps_say_is_kept(stage: Path, lent: Path) -> None:
    write(stage, s20_files="#!/bin/sh\necho hello\n", s30_fails="#!/bin/sh\nexit 3\n")
    status, said = run(stage, lent, "")
    assert status == 1
    assert said == [
        *("provisimus: step 20-files", "hello"),
        *("provisimus: step 30-fails", "provisimus: failed 30-fails with status 3"),
    ]
    assert (stage.parent / "log/bake.log").read_text().splitlines() == said


def test_a_last_step_that_fails_after_the_stage_is_gone_fails_the_bake(
    stage: Path, lent: Path
) -> None:
    write(stage, s99_leave='#!/bin/sh\nrm -rf "$PROVISIMUS_STAGE"\nexit 4\n')
    assert run(stage, lent, "")[0] == 1


def setup(stage: Path, within: str, **scripts: str) -> None:
    """The step that runs the definition's scripts, each of which may take `within` seconds."""
    shutil.copy(SCRIPTS / "bake/60-setup", stage / "steps/60-setup")
    shutil.copy(SCRIPTS / "bake/ready", stage / "ready")
    (stage / "setup-timeout").write_text(f"{within}\n")
    (stage / "setup").mkdir()
    for name, text in scripts.items():
        path = stage / "setup" / name.replace("_", "-").removeprefix("s")
        path.write_text(text)
        path.chmod(0o755)


def test_a_setup_script_that_hangs_is_ended_with_all_it_started(
    stage: Path, lent: Path, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    hang = f"#!/bin/sh\necho waiting\nsleep 600 & echo $! >{pid}\nwait\n"
    setup(stage, "1", s10_hang=hang, s20_never=f"#!/bin/sh\ntouch {tmp_path}/never\n")
    status, said = run(stage, lent, "")
    assert status == 1
    assert said == [
        "provisimus: step 60-setup",
        "provisimus: step setup/10-hang",
        "waiting",
        "provisimus: hung setup/10-hang after 1",
        "provisimus: failed 60-setup with status 1",
    ]
    assert not (tmp_path / "never").exists()
    state = Path(f"/proc/{pid.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_script_that_fails_by_itself_did_not_hang(stage: Path, lent: Path) -> None:
    setup(stage, "600", s10_fails="#!/bin/sh\nexit 124\n")
    assert "provisimus: failed setup/10-fails with status 124" in run(stage, lent, "")[1]


def test_scripts_run_in_the_order_of_their_names(stage: Path, lent: Path) -> None:
    setup(stage, "600", s20_b="#!/bin/sh\necho b\n", s10_a="#!/bin/sh\necho a\n")
    status, said = run(stage, lent, "")
    assert status == 0
    assert [line for line in said if len(line) == 1] == ["a", "b"]
