"""What the stack of a service is called."""

from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.stacks.names import name_of
from provisimus.stacks.plan import others_of
from provisimus.workspace import Workspace, open_workspace


def workspace(root: Path, **stacks: str) -> Workspace:
    (root / "provisimus.yaml").write_text("project: acme\n")
    (root / "stacks").mkdir()
    for name, text in stacks.items():
        (root / f"stacks/{name}.yaml").write_text(text)
    return open_workspace(root)


def test_the_definition_says_it_or_it_is_made(tmp_path: Path) -> None:
    here = workspace(
        tmp_path,
        a="type: network\n",
        b="type: network\nstack_name: Network\nenvironments: {x: {stack_name: X-Network}}\n",
        c="type: cluster\n",
    )
    assert name_of(here, "local", "a") == "acme-local-a"
    assert name_of(here, "local", "b") == "Network"
    assert name_of(here, "x", "b") == "X-Network"
    assert name_of(here, "local", "c-2") == "acme-local-c-2"
    assert name_of(here, "local", "gone") == "acme-local-gone"


def test_whoever_uses_it_finds_it_by_that_name(tmp_path: Path) -> None:
    here = workspace(
        tmp_path, main="type: network\nstack_name: Network\n", a="type: service\nnetwork: main\n"
    )
    assert others_of(here, "local", "a", here.stack("a"))["main"].name == "Network"


@pytest.mark.parametrize(
    "text",
    [
        "type: network\nstack_name: no_dashes\n",
        "type: network\nstack_name: 1st\n",
        f"type: network\nstack_name: {'a' * 129}\n",
        "type: cluster\nstack_name: Cache\n",
        "type: network\ntags: {'aws:x': a}\n",
    ],
)
def test_what_is_no_name_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidDefinitions):
        name_of(workspace(tmp_path, a=text), "local", "a")
