"""The doctor's judgement, with programs that are there, missing or broken."""

from pathlib import Path

import pytest

from provisimus.tasks.doctor import (
    Check,
    Tool,
    healthy,
    repository_checks,
    tool_check,
    version_in,
)

SHELL = Tool("sh", ("-c", "echo tool version 1.2.3"), "everything", "install it")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("git version 2.39.5\n", "2.39.5"),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", "7.2.22"),
        ("docker-registry github.com/docker/distribution 2.8.2+ds1", "2.8.2+ds1"),
        ('openjdk version "17.0.15" 2025-04-15', "17.0.15"),
        ("Packer v1.6.6", "1.6.6"),
        ("nothing like it", None),
    ],
)
def test_versions_are_found_in_what_programs_say(said: str, version: str | None) -> None:
    assert version_in(said) == version


def test_a_program_that_is_there() -> None:
    check = tool_check(SHELL)
    assert (check.state, check.found.split()[0], check.hint) == ("ok", "1.2.3", None)


@pytest.mark.parametrize(("optional", "state"), [(False, "missing"), (True, "optional")])
def test_a_program_that_is_missing(optional: bool, state: str) -> None:
    tool = Tool("no-such-program", ("--version",), "baking", "install it", optional)
    assert tool_check(tool) == Check(
        "no-such-program", state, "not installed", "baking", "install it"
    )


def test_a_program_that_cannot_say_its_version_is_there_all_the_same() -> None:
    check = tool_check(Tool("sh", ("-c", "exit 1"), "everything", "install it"))
    assert check.state == "ok"
    assert check.found.startswith("does not say its version: sh failed (exit status 1)")


def test_where_credentials_for_repositories_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("PROVISIMUS_ARTIFACTS_ONE_TOKEN", "t0ken")
    (tmp_path / ".netrc").write_text("nonsense\n")
    declared = {"here": "./artifacts", "one": "https://host/a", "two": "https://host/b"}
    one, two = repository_checks(declared)
    assert (one.name, one.state) == ("repository one", "ok")
    assert one.found == "credentials in PROVISIMUS_ARTIFACTS_ONE_TOKEN"
    assert (two.state, two.found.partition(" (")[0]) == ("missing", "this is no netrc file")
    (tmp_path / ".netrc").unlink()
    two = repository_checks(declared)[1]
    assert (two.state, two.found) == ("optional", "no credentials")
    assert "PROVISIMUS_ARTIFACTS_TWO_USER" in (two.hint or "")


def test_only_what_is_needed_makes_it_sick() -> None:
    ok, optional = Check("a", "ok", "1", "x"), Check("b", "optional", "-", "x")
    assert healthy([ok, optional])
    assert not healthy([ok, Check("c", "missing", "-", "x")])
