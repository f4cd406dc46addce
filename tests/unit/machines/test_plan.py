"""Fingerprints of machine images, and the reason to bake in words."""

from __future__ import annotations

import pytest

from provisimus.machines import tags, units
from provisimus.machines.definition import Entry, MachineFiles
from provisimus.machines.plan import machine_inputs, reason_to_bake
from provisimus.model import MachineImage
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.definitions.publish import Publish
from provisimus.workspace.problems import parse

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
        definition=parse(Machine, {**DEFINITION, **(definition or {})}),
        files=files or MachineFiles(),
        base={"aws": {"owner": "1", "name": "x"}, "user": "admin"},
        images=images or IMAGES,
    )


def baked(had: dict[str, str]) -> MachineImage:
    tagged = {tags.INPUT + name: tags.short_digest(value) for name, value in had.items()}
    return MachineImage("greeter", "1.0.0", "ami-1", "x", None, tagged)


def test_the_type_of_the_baking_instance_changes_nothing() -> None:
    assert inputs({"instance_type": "m7i.large"}) == inputs()


def test_how_long_a_setup_script_may_take_changes_nothing() -> None:
    assert inputs({"setup_timeout": "2h"}) == inputs()


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


def test_a_provisimus_that_bakes_differently_bakes_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = inputs()["recipe"]
    assert inputs({"volumes": [{"mount": "/data"}]})["recipe"] != before, "it has another unit"
    monkeypatch.setattr(units, "BOOTSTRAP", units.BOOTSTRAP + "# once more\n")
    assert inputs()["recipe"] != before
