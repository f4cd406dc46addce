"""The environment that a stack gives its main container, as it is read and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.workspace import Workspace, open_workspace


def workspace(folder: Path, stack: str) -> Workspace:
    (folder / "provisimus.yaml").write_text("project: acme\n")
    (folder / "stacks").mkdir()
    (folder / "stacks/greeter.yaml").write_text(stack)
    return open_workspace(folder)


def test_an_environment_changes_single_variables(tmp_path: Path) -> None:
    found = workspace(
        tmp_path,
        "environment: {MODE: blue, PASSWORD: '${secret:db}'}\n"
        "environments: {local: {environment: {MODE: green, MORE: '1'}}}\n",
    )
    assert found.stack("greeter", "local").environment == {
        "MODE": "green",
        "PASSWORD": "${secret:db}",
        "MORE": "1",
    }
    assert found.stack("greeter", "other").environment["MODE"] == "blue"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ("{A: '${env:HOME}'}", "A: ${env:HOME} is no reference that a machine can resolve"),
        ("{a-b: x}", "'a-b' is no name of an environment variable"),
        ("{A: 5}", "should be a valid string"),
        (f"{{A: {'x' * 8000}}}", "it has 8001 characters, 8000 at most"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, environment: str, told: str) -> None:
    found = workspace(tmp_path, f"type: service\nenvironment: {environment}\n")
    with pytest.raises(InvalidDefinitions) as error:
        found.stack("greeter")
    (problem,) = error.value.problems
    assert problem.line == 2
    assert problem.key.startswith("environment")
    assert told in problem.message
