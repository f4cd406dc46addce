"""A stack's instance type runs what its machine image was baked for."""

from pathlib import Path

import pytest

from provisimus.workspace import open_workspace
from provisimus.workspace.check import check


@pytest.mark.parametrize(
    ("baked_on", "text", "told"),
    [
        ("t3.small", "instance_type: m6i.large\n", []),
        ("t4g.small", "instance_type: m7g.large\n", []),
        (
            "t3.small",
            "machine: greeter\ninstance_type: t4g.small\n",
            ["2 instance_type: t4g.small is of arm64; machine greeter is of x86_64"],
        ),
        (
            "t3.small",
            "environments:\n  local:\n    instance_type: m7g.large\n",
            ["3 environments/local/instance_type: "],
        ),
        ("t4g.small", "type: cluster\n", ["1 instance_type: t3.small is of x86_64"]),
    ],
)
def test_of_one_architecture(tmp_path: Path, baked_on: str, text: str, told: list[str]) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    for folder in ("stacks", "packer/greeter"):
        (tmp_path / folder).mkdir(parents=True)
    machine = f"base: b\nmain: greeter\ninstance_type: {baked_on}\n"
    (tmp_path / "packer/greeter/machine.yaml").write_text(machine)
    (tmp_path / "stacks/greeter.yaml").write_text(text)
    problems = [each for each in check(open_workspace(tmp_path))[0] if "_type" in each.key]
    found = [f"{each.line} {each.key}: {each.message}" for each in problems]
    assert len(found) == len(told)
    for said, begins in zip(found, told, strict=True):
        assert said.startswith(begins)
        assert problems[0].hint
