"""Tags and names of machine images and of what a bake makes for a while."""

from __future__ import annotations

from datetime import UTC, datetime

from provisimus.machines.tags import (
    LIMIT,
    ami_name,
    image_tags,
    is_run,
    run_of_name,
    short_reference,
    temporary_tags,
)
from provisimus.model import Commits, Digest

RUN = "20260101T000000-abcdef"
FINGERPRINT = Digest("0123456789ab" + "0" * 52)
REFERENCE = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32


def tagged(inputs: dict[str, str]) -> dict[str, str]:
    return image_tags(
        *("acme", "greeter", "1.0.0", FINGERPRINT),
        inputs=inputs,
        images={"greeter": REFERENCE},
        commits=Commits({"services": "abc", "packer": "def-dirty"}),
        base="ami-1",
        run=RUN,
    )


def test_a_machine_image_tells_its_lineage() -> None:
    assert tagged({"setup": "sha256:" + "2e" * 32, "version": "1.0.0"}) == {
        "Name": "greeter 1.0.0",
        "provisimus:project": "acme",
        "provisimus:machine": "greeter",
        "provisimus:version": "1.0.0",
        "provisimus:fingerprint": str(FINGERPRINT),
        "provisimus:base": "ami-1",
        "provisimus:run": RUN,
        "provisimus:image/greeter": "greeter@sha256:" + "1f" * 32,
        "provisimus:commit/packer": "def-dirty",
        "provisimus:commit/services": "abc",
        "provisimus:input/setup": "2e2e2e2e2e2e",
        "provisimus:input/version": "1.0.0",
    }


def test_lineage_goes_before_inputs_when_there_are_too_many_tags() -> None:
    many = tagged({f"image/{number}": "x" for number in range(LIMIT)})
    assert len(many) <= LIMIT
    assert "provisimus:fingerprint" in many


def test_what_is_temporary_says_until_when() -> None:
    now = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    made = temporary_tags("acme", "greeter", RUN, "here", now)
    assert made["provisimus:expires"] == "2026-01-01T16:00:00Z"
    assert made["provisimus:run"] == RUN


def test_an_ami_carries_its_run_in_its_name() -> None:
    name = ami_name("acme", "greeter", "1.0.0+build.5", FINGERPRINT, RUN)
    assert name == f"acme-greeter-1.0.0-build.5-0123456789ab-{RUN}"
    assert run_of_name("acme", name) == RUN
    assert run_of_name("other", name) is None
    assert run_of_name("acme", "acme-greeter-by-hand") is None


def test_a_name_is_never_too_long() -> None:
    name = ami_name("a" * 60, "b" * 60, "c" * 100, FINGERPRINT, RUN)
    assert len(name) == 128
    assert run_of_name("a" * 60, name) == RUN


def test_runs() -> None:
    assert is_run(RUN)
    assert not is_run("default")


def test_a_reference_loses_only_the_registry() -> None:
    assert short_reference("127.0.0.1:5000/team/app@sha256:1") == "team/app@sha256:1"
    assert short_reference("library/redis@sha256:1") == "library/redis@sha256:1"
