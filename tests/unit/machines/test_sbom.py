"""What a machine says of itself: the step runs on this very machine, which is a Debian too."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from provisimus.events import Event, Warned
from provisimus.machines import sbom
from provisimus.machines.packer import Narrator
from provisimus.machines.recipe import SCRIPTS
from provisimus.model import Digest

RUN = "20260101T000000-abcdef"
REFERENCE = "127.0.0.1:5000/team/greeter@sha256:" + "1f" * 32


def said(tmp_path: Path) -> list[str]:
    """The lines of the step, run here with its places moved into a folder."""
    script = (SCRIPTS / "bake/85-sbom").read_text()
    moved = script.replace("/usr/share/provisimus/sbom", str(tmp_path / "sbom")).replace(
        "/etc/provisimus/machine", str(tmp_path / "machine")
    )
    (tmp_path / "machine").write_text(
        f"PROJECT=acme\nMACHINE=greeter\nVERSION=1.0.0\nFINGERPRINT=sha256:{'ab' * 32}\nRUN={RUN}\n"
    )
    (tmp_path / "images").write_text(f"{REFERENCE}\n")
    done = subprocess.run(
        ["sh"],
        input=moved,
        env={"PATH": "/usr/bin:/bin", "PROVISIMUS_STAGE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def document(tmp_path: Path) -> dict[str, Any]:
    narrator = Narrator(lambda _: None, "greeter")
    for line in said(tmp_path):
        narrator(f"1,,ui,message,    amazon-ebs: {line}")
    heard = sbom.heard(narrator.sbom)
    assert heard is not None
    assert heard == (tmp_path / "sbom/machine.cdx.json").read_bytes()
    found: dict[str, Any] = json.loads(heard)
    return found


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="this is no Debian")
def test_a_machine_says_its_packages_and_images(tmp_path: Path) -> None:
    found = document(tmp_path)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found)) is None
    asked = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    installed = {line.split(" ", 2)[1] for line in listed.splitlines() if line[:9] == "installed"}
    packages = {each["name"] for each in found["components"] if each["type"] == "library"}
    assert packages == installed
    assert [each["purl"] for each in found["components"] if each["type"] == "container"] == [
        "pkg:oci/greeter@sha256:" + "1f" * 32
    ]
    assert found["metadata"]["component"]["version"] == "1.0.0"
    assert all("+" not in each.get("purl", "") for each in found["components"])


def test_it_is_kept_by_fingerprint_and_run(tmp_path: Path) -> None:
    lines = [base64.b64encode(gzip.compress(b'{"components": []}')).decode()]
    digest = Digest.of(b"x")
    sbom.keep(tmp_path, digest, RUN, lines, lambda _: None)
    place = sbom.kept_at(tmp_path, sbom.key_of(digest, RUN))
    assert place.read_bytes() == b'{"components": []}'


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["%"],
        [base64.b64encode(gzip.compress(b"no json")).decode()],
        [base64.b64encode(gzip.compress(b"{}" * 999)[:20]).decode()],
    ],
)
def test_what_is_not_sound_is_warned_of(tmp_path: Path, lines: list[str]) -> None:
    told: list[Event] = []
    sbom.keep(tmp_path, Digest.of(b"x"), RUN, lines, told.append)
    assert [type(each) for each in told] == [Warned]
    assert not (tmp_path / "sbom").exists()


def test_it_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "LARGEST", 100)
    assert sbom.heard([base64.b64encode(gzip.compress(b" " * 1000 + b"{}")).decode()]) is None
