"""What every command shares."""

from __future__ import annotations

from provisimus.cli.session import typed


def test_what_was_typed_is_told_in_one_way() -> None:
    assert typed(["/bin/provisimus", "release", "a@1"]) == ["release", "a@1"]
    assert typed(["/bin/build_docker", "a@1", "--json"]) == ["image", "build", "a@1", "--json"]
