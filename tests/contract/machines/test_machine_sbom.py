"""The SBOM of a machine, joined after its bake and put into a real registry."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provisimus.environment import Environment
from provisimus.events import Event, Warned
from provisimus.images.registry import open_registry
from provisimus.images.registry.client import OCI_MANIFEST
from provisimus.machines import ImageInput, MachinePlan, plan_machine, sbom, tags
from provisimus.model import ContainerImage, Digest, MachineImage
from provisimus.release.machine_sbom import find_machine_sbom, keep_machine_sbom
from provisimus.workspace import open_workspace

RUN = "20260101T000000-abcdef"
STATUS = (
    "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n"
    "Maintainer: x\nDescription: x\n\n"
)
SAID = {
    "metadata": {
        "component": {"type": "platform", "bom-ref": "machine", "name": "greeter", "version": "1"}
    },
    "components": [{"type": "library", "bom-ref": "curl", "name": "curl", "version": "7.88"}],
}
Plan = Callable[[], MachinePlan]


@pytest.fixture
def there(environment: Environment, registry_url: str) -> Environment:
    return replace(environment, registry=registry_url)


@pytest.fixture
def plan(there: Environment, tmp_path: Path) -> Plan:
    root = tmp_path / "acme"
    (root / "packer/greeter/setup").mkdir(parents=True)
    (root / "packer/greeter/setup/10-x").write_text("#!/bin/sh\n")
    (root / "provisimus.yaml").write_text(
        'project: acme\nbases: {debian-12: {aws: {owner: "1", name: "debian-12-*"}}}\n'
    )
    (root / "packer/greeter/machine.yaml").write_text("base: debian-12\nmain: greeter\n")
    inputs = {"greeter": ImageInput("greeter", Digest.of(b"x"))}
    return lambda: plan_machine(open_workspace(root), there, "greeter", "1.0.0", inputs)


def pushed(registry: str) -> ContainerImage:
    """An image with one Debian package."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        about = tarfile.TarInfo("var/lib/dpkg/status")
        about.size = len(STATUS)
        archive.addfile(about, io.BytesIO(STATUS.encode()))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(layer.getvalue()))]},
        }
    ).encode()
    client = open_registry(registry)
    for blob in (packed, config):
        client.put_blob("greeter", blob)
    oci = "application/vnd.oci.image"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described(f"{oci}.config.v1+json", config),
            "layers": [described(f"{oci}.layer.v1.tar+gzip", packed)],
        }
    ).encode()
    digest = client.put_manifest("greeter", "1.0.0", OCI_MANIFEST, manifest)
    return ContainerImage("greeter", "1.0.0", f"{registry}/greeter", digest)


def described(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(content), "digest": str(Digest.of(content))}


def baked(plan: MachinePlan) -> MachineImage:
    """The AMI of a bake in which the machine said what it is made of."""
    place = sbom.kept_at(plan.state, sbom.key_of(plan.fingerprint, RUN))
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(SAID))
    return MachineImage(
        *("greeter", "1.0.0", "ami-1", "name", plan.fingerprint),
        tags={tags.RUN: RUN},
        created="2026-01-01T00:00:00.000Z",
    )


def test_another_machine_reads_it_from_the_registry(
    there: Environment, plan: Plan, tmp_path: Path
) -> None:
    made = plan()
    image = baked(made)
    told: list[Event] = []
    given = {"greeter": pushed(there.registry), "gone": f"{there.registry}/gone@{Digest.of(b'g')}"}
    keep_machine_sbom(made, image, given, there, told.append)
    warned = [each.text for each in told if isinstance(each, Warned)]
    assert [text.partition("@")[0] for text in warned] == [f"what is in {there.registry}/gone"]

    found = find_machine_sbom(image, there, tmp_path / "elsewhere")
    assert found is not None
    names = [(each["type"], each["name"]) for each in found["components"]]
    assert names == [
        ("library", "curl"),
        ("container", f"{there.registry}/gone"),
        ("container", "greeter"),
        ("file", "setup/10-x"),
    ]
    [inside] = found["components"][2]["components"]
    assert (inside["name"], inside["version"]) == ("libc6", "2.36-9")
    # Known from now on, without the registry.
    nobody = replace(there, registry="127.0.0.1:9")
    assert find_machine_sbom(image, nobody, tmp_path / "elsewhere") == found


def test_a_registry_that_takes_it_not_keeps_no_bake_from_ending(
    there: Environment, plan: Plan
) -> None:
    made = plan()
    image = baked(made)
    told: list[Event] = []
    nobody = replace(there, registry="127.0.0.1:9")
    keep_machine_sbom(made, image, {}, nobody, told.append)
    [warned] = [each.text for each in told if isinstance(each, Warned)]
    assert warned.startswith("the SBOM is kept in this workspace only")
    found = find_machine_sbom(image, nobody, made.state)
    assert found is not None


def test_a_machine_that_said_nothing_has_none(there: Environment, plan: Plan) -> None:
    made = plan()
    other = {tags.RUN: "20260102T000000-abcdef"}
    image = MachineImage("greeter", "1.0.0", "ami-1", "name", made.fingerprint, other)
    told: list[Event] = []
    keep_machine_sbom(made, image, {}, there, told.append)
    assert told == []
    assert find_machine_sbom(image, there, made.state) is None
    assert find_machine_sbom(replace(image, tags={}), there, made.state) is None
