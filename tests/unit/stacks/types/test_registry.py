"""Stack type `registry`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other
from tests.unit.stacks.types.told import told

from provisimus.stacks.types.interface import WantedStack
from provisimus.stacks.types.registry import TYPE
from provisimus.workspace.definitions.stacks.registry import RegistryDefinition
from provisimus.workspace.problems import parse


def wanted(**given: Any) -> WantedStack[RegistryDefinition]:
    definition = parse(RegistryDefinition, {"type": "registry", **given})
    return WantedStack("images", "", definition)


CASES = {
    "plain": wanted(repositories=["acme/greeter"]),
    "with-all": wanted(
        repositories=["acme/greeter", "acme/jre", "tools"],
        keep=20,
        untagged="3d",
        immutable=False,
        pulled_by=["444455556666"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("repositories: []", "2 repositories: this must not be empty"),
        ("repositories: [Acme]", "2 repositories/0: 'Acme' is no name of a repository"),
        ("repositories: [acme, acme]", "2 repositories: acme stands twice"),
        (
            "repositories: [acme]\npulled_by: ['111122223333', '111122223333']",
            "3 pulled_by: 111122223333 stands twice",
        ),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: registry\n{text}\n") == [problem]
