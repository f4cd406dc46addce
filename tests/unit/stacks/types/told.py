"""What is told of a stack's file: line, key and message of each problem."""

from pathlib import Path

from provisimus.errors import InvalidDefinitions
from provisimus.workspace import open_workspace


def told(root: Path, text: str, name: str = "main") -> list[str]:
    (root / "provisimus.yaml").write_text("project: acme\n")
    (root / "stacks").mkdir(exist_ok=True)
    (root / f"stacks/{name}.yaml").write_text(text)
    try:
        open_workspace(root).stack(name)
    except InvalidDefinitions as error:
        return [f"{each.line} {each.key}: {each.message}" for each in error.problems]
    return []
