"""What the shell completes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from provisimus.cli.app import provisimus


def completed(incomplete: str, *before: str) -> list[str]:
    shell = ShellComplete(provisimus, {}, "provisimus", "_PROVISIMUS_COMPLETE")
    return [each.value for each in shell.get_completions(list(before), incomplete)]


@pytest.mark.parametrize("verb", ["build", "plan", "show", "test", "verify", "sbom", "lock"])
def test_images_and_variants(tmp_path: Path, verb: str) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    for name, text in {"greeter": "variants: {debug: {}}\n", "jre": "{}\n", "bad": ": [\n"}.items():
        (tmp_path / "docker" / name).mkdir(parents=True)
        (tmp_path / "docker" / name / "manifest.yaml").write_text(text)
    before = ("image", verb, "-C", str(tmp_path))
    assert completed("gr", *before) == ["greeter", "greeter-debug"]
    assert completed("", *before) == ["bad", "greeter", "greeter-debug", "jre"]
    assert completed("x", "image", verb, "-C", str(tmp_path / "docker" / "nowhere")) == []


@pytest.mark.parametrize(
    "words",
    ["release", "plan", "stack apply", "stack outputs", "trace", "instance list", "machine bake"],
)
def test_services_are_completed(tmp_path: Path, words: str) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    (tmp_path / "stacks").mkdir()
    for name in ("greeter", "prices"):
        (tmp_path / "stacks" / f"{name}.yaml").touch()
    assert completed("gr", *words.split(), "-C", str(tmp_path)) == ["greeter"]


def test_machines_and_environments_are_completed(tmp_path: Path) -> None:
    (tmp_path / "provisimus.yaml").write_text(
        "project: acme\nenvironments: {local: {provider: local}, lab: {provider: local}}\n"
    )
    (tmp_path / "packer/greeter").mkdir(parents=True)
    (tmp_path / "packer/greeter/machine.yaml").touch()
    before = ("machine", "show", "-C", str(tmp_path))
    assert completed("", *before) == ["greeter"]
    assert completed("l", *before, "--env") == ["local", "lab"]


def test_no_workspace(tmp_path: Path) -> None:
    assert completed("", "image", "build", "-C", str(tmp_path)) == []


@pytest.mark.parametrize("verb", ["list", "show", "sbom", "diff", "prune"])
def test_machines(tmp_path: Path, verb: str) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    for name in ("greeter", "activemq"):
        (tmp_path / "packer" / name).mkdir(parents=True)
        (tmp_path / "packer" / name / "machine.yaml").write_text("{}\n")
    before = ("machine", verb, "-C", str(tmp_path))
    assert completed("gr", *before) == ["greeter"]
    assert completed("", *before) == ["activemq", "greeter"]


def test_build_docker_completes_what_image_build_takes(tmp_path: Path) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    (tmp_path / "docker/greeter").mkdir(parents=True)
    (tmp_path / "docker/greeter/manifest.yaml").write_text("{}\n")
    asked = {"_BUILD_DOCKER_COMPLETE": "bash_complete", "COMP_WORDS": "build_docker g"}
    done = subprocess.run(
        [sys.executable, "-c", "from provisimus.cli import build_docker; build_docker()"],
        cwd=tmp_path,
        env={**os.environ, **asked, "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,greeter\n"
