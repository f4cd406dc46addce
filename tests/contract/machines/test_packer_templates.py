"""Our templates as the Packer at hand reads them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from provisimus.machines.packer_template import (
    Build,
    declared_variables,
    modern_template,
    template,
    variables,
)

pytestmark = pytest.mark.skipif(shutil.which("packer") is None, reason="there is no Packer")

NEWER = ("metadata_options", "imds_support")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    archive = tmp_path / "stage.tar"
    archive.write_bytes(b"")
    return Build(
        region="eu-west-1",
        base="ami-0123456789abcdef0",
        root_device="/dev/xvda",
        user="admin",
        instance_type="t3.small",
        disk=8,
        ami_name="acme-greeter-1.0.0-0123456789ab-20260101T000000-abcdef",
        description="greeter 1.0.0 of acme",
        tags={"Name": "greeter 1.0.0"},
        temporary_tags={"provisimus:run": "20260101T000000-abcdef"},
        key_pair="provisimus-20260101T000000-abcdef",
        archive=archive,
        security_group="sg-1",
        subnet="subnet-1",
        environment={"PROVISIMUS_MACHINE": "greeter"},
    )


def keyed(build: Build, folder: Path) -> Build:
    """With a key pair that exists, as `--debug` has it."""
    key = folder / "key.pem"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(key)], check=True)
    return replace(build, key_file=key)


def documented_template() -> str:
    """The whole template that the documents show."""
    text = (Path(__file__).parents[3] / "docs/baking.md").read_text()
    return text.partition("```hcl\n")[2].partition("```")[0]


def validated(path: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    return subprocess.run(
        ["packer", "validate", *arguments, str(path)],
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "PKR_VAR_registry_config": "{}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:4800"])
@pytest.mark.parametrize("debug", [False, True])
def test_the_template_in_the_documents_is_sound(
    tmp_path: Path, build: Build, endpoint: str | None, debug: bool
) -> None:
    text = documented_template()
    wanted = declared_variables("template.pkr.hcl", text)
    build = replace(build, endpoint=endpoint, tunnel=5000 if endpoint else None)
    given = variables(keyed(build, tmp_path) if debug else build)
    assert wanted - given.keys() == {"registry_config"}
    arguments = [f"-var={name}={given[name]}" for name in sorted(wanted & given.keys())]
    done = validated(tmp_path / "template.pkr.hcl", text, *arguments)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("signs_in", [False, True])
@pytest.mark.parametrize("local", [False, True])
def test_the_template_is_sound(tmp_path: Path, build: Build, local: bool, signs_in: bool) -> None:
    build = replace(build, signs_in=signs_in)
    build = build if local else keyed(build, tmp_path)
    if local:
        build = replace(build, subnet=None, tunnel=5000, endpoint="http://127.0.0.1:4800")
    done = validated(tmp_path / "template.json", json.dumps(template(build)))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_what_newer_packers_get_is_sound_but_for_what_is_newer(
    tmp_path: Path, build: Build
) -> None:
    data = modern_template(replace(build, signs_in=True))["machine.pkr.json"]
    source = data["source"]["amazon-ebs"]["machine"]
    whole = validated(tmp_path / "machine.pkr.json", json.dumps(data))
    for word in NEWER:
        assert whole.returncode == 0 or word in whole.stdout + whole.stderr
        del source[word]
    done = validated(tmp_path / "machine.pkr.json", json.dumps(data))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
