"""Templates of stack types against golden files, one for each interesting set of parameters.

`PROVISIMUS_WRITE_GOLDEN=1` writes them anew; look at the difference before it is committed.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from provisimus.stacks.gate import findings
from provisimus.stacks.template import yaml_of
from provisimus.stacks.types.interface import OtherStack, StackType, WantedStack
from provisimus.workspace.definitions.stack import StackDefinition
from provisimus.workspace.problems import parse

GOLDEN = Path(__file__).parents[2] / "golden" / "stacks"


def check_golden(kind: StackType[Any], name: str, wanted: WantedStack[Any]) -> None:
    """The template is the golden one, AWS's validator is silent, each parameter has a value."""
    template = kind.template(wanted)
    path = GOLDEN / f"{kind.name}-{name}.yaml"
    text = yaml_of(template)
    if os.environ.get("PROVISIMUS_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
    assert [each for each in findings(template) if each[0] not in ("INFO", "DEBUG")] == []
    given = set(kind.given(wanted)) | {"ImageId", "RootDevice"}
    assert set(template.get("Parameters", {})) <= given
    assert given - {"ImageId", "RootDevice"} <= set(template.get("Parameters", {}))


def check_no_other(kind: StackType[Any], names: Iterable[str]) -> None:
    found = {path.stem for path in GOLDEN.glob(f"{kind.name}-*.yaml")}
    assert found == {f"{kind.name}-{name}" for name in names}


def other(kind: type[StackDefinition], name: str, **given: Any) -> OtherStack:
    """Another stack of the workspace, which the wanted one names."""
    return OtherStack(f"acme-local-{name}", parse(kind, given))
