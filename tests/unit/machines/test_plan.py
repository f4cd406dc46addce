"""Fingerprints of machine images, and the reason to bake in words."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from provisimus.machines import plan, tags, units
from provisimus.machines.definition import Entry, MachineFiles
from provisimus.machines.plan import machine_inputs, reason_to_bake
from provisimus.machines.publish import settings_of
from provisimus.machines.staging import SCRIPTS
from provisimus.model import Digest, MachineImage
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.definitions.project import AwsBase, Base
from provisimus.workspace.definitions.publish import Publish

PUBLISH = Publish(regions=("us-east-1",))
IMAGES = {"greeter": "sha256:aa", "node-exporter": "sha256:bb"}
DEFINITION = {"base": "debian-12", "main": "greeter", "side_carts": ["node-exporter"]}


def inputs(
    definition: dict[str, object] | None = None,
    files: MachineFiles | None = None,
    version: str = "1.0.0",
    images: dict[str, str] | None = None,
) -> dict[str, str]:
    return machine_inputs(
        machine="greeter",
        version=version,
        definition=Machine.model_validate({**DEFINITION, **(definition or {})}),
        files=files or MachineFiles(),
        base={"aws": {"owner": "1", "name": "x"}, "user": "admin"},
        images=images or IMAGES,
    )


def baked(had: dict[str, str]) -> MachineImage:
    tagged = {tags.INPUT + name: tags.short_digest(value) for name, value in had.items()}
    return MachineImage("greeter", "1.0.0", "ami-1", "x", None, tagged)


def test_the_type_of_the_baking_instance_changes_nothing() -> None:
    assert inputs({"instance_type": "m7i.large"}) == inputs()


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (inputs(images={**IMAGES, "greeter": "sha256:cc"}), "image greeter changed"),
        (inputs(images={"greeter": "sha256:aa"}), "image node-exporter is gone"),
        (inputs(images={**IMAGES, "shipper": "sha256:dd"}), "image shipper is new"),
        (inputs({"disk": "20 GiB"}), "machine.yaml changed"),
        (inputs(files=MachineFiles(setup=(Entry("10", 0o755, b""),))), "the setup scripts changed"),
        (inputs(files=MachineFiles(files=(Entry("a", 0o644, b""),))), "the files changed"),
        (
            inputs(version="1.0.1", images={**IMAGES, "greeter": "sha256:cc"}),
            "image greeter changed, version 1.0.1 instead of 1.0.0",
        ),
    ],
)
def test_the_reason_names_what_changed(now: dict[str, str], words: str) -> None:
    reason = reason_to_bake(now, baked(inputs()))
    assert reason == f"no machine image has this fingerprint: {words}"


def test_the_first_one() -> None:
    assert reason_to_bake(inputs(), None) == "there is no machine image yet"


def test_nothing_is_guessed_about_an_image_without_inputs() -> None:
    assert reason_to_bake(inputs(), baked({})) == "no machine image has this fingerprint"


def test_whoever_changes_what_a_bake_does_raises_the_recipe() -> None:
    """Otherwise machine images that exist would be taken for what would be baked today."""
    text = hashlib.sha256()
    for path in sorted(SCRIPTS.rglob("*")):
        if path.is_file():
            text.update(path.name.encode() + path.read_bytes())
    everything = Machine.model_validate(
        {**DEFINITION, "volumes": [{"mount": "/data"}], "health": {"http": {"port": 8080}}}
    )
    made = (units.units(everything), units.docker_settings(), units.sudoers("x"))
    text.update(str(made).encode())
    assert (plan.RECIPE, text.hexdigest()[:16]) == (4, "0a371be4cfee5429")


def test_what_becomes_of_an_image_afterwards_is_no_input() -> None:
    publish = {"publish": {"regions": ["us-east-1"], "deprecate_after": "90d"}}
    assert inputs(publish) == inputs()


@pytest.mark.parametrize(
    ("tagged", "publishes", "action"),
    [
        ({"x": "y"}, True, "publish"),
        ({tags.PUBLISHED: settings_of(PUBLISH)}, True, "keep"),
        ({tags.PUBLISHED: "another"}, True, "publish"),
        # A stack runs it, and nobody asked for its tags.
        ({}, True, "keep"),
        ({"x": "y"}, False, "keep"),
    ],
)
def test_an_image_that_is_not_published_yet_is_a_step(
    tagged: dict[str, str], publishes: bool, action: str
) -> None:
    made = plan.MachinePlan(
        *("acme", "greeter", "1.0.0"),
        Machine.model_validate({**DEFINITION, "publish": PUBLISH.model_dump(exclude_unset=True)}),
        Path("greeter"),
        Base(aws=AwsBase(ssm="x")),
        MachineFiles(),
        {},
        Digest.of(b"x"),
        MachineImage("greeter", "1.0.0", "ami-1", "x", None, tagged),
        "ami-1 has this fingerprint",
        Path("state"),
        publishes=publishes,
    )
    step = made.step()
    assert (step.action, step.needed) == (action, action == "publish")
