"""Which class reads a stack's file: that of its type. Types are found, nothing lists them.

Provisimus's own stand in `definitions/stacks/`. A company's own are files in the workspace's folder
`stack_types/`, or come with an installed package (entry points of the group
`provisimus.stack_types`): each has a constant `TYPE`, which says its `name` and its `definition`.
A company's code is loaded only when a stack's file names a type that is none of our own.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.workspace.definitions.stack import StackDefinition
from provisimus.workspace.marks import Document
from provisimus.workspace.problems import did_you_mean, validate

FOLDER = "stack_types"
GROUP = "provisimus.stack_types"
_OWN = "provisimus.workspace.definitions.stacks"
_HERE = Path(__file__).parent / "definitions" / "stacks"


def own_kinds() -> list[str]:
    """The names of Provisimus's own types. `autoscaled-service` stands in autoscaled_service.py."""
    files = (path.stem for path in _HERE.glob("*.py"))
    return sorted(name.replace("_", "-") for name in files if not name.startswith("_"))


def read_stack(root: Path, document: Document) -> StackDefinition:
    """A stack's file by the class of its type. Raises InvalidDefinitions."""
    data = document.data if isinstance(document.data, dict) else {}
    name = data.get("type", "service")
    found = definition_class(root, str(name))
    if found is None:
        hint = did_you_mean(str(name), [*own_kinds(), *company_types(root)])
        problem = f"there is no stack type {name!r}"
        raise InvalidDefinitions(
            [Problem(str(document.path), document.line(("type",)), "type", problem, hint)]
        )
    return validate(found, document)


def definition_class(root: Path, name: str) -> type[StackDefinition] | None:
    """Raises InvalidDefinitions for a company's type that cannot be loaded."""
    if name in own_kinds():
        module = importlib.import_module(f"{_OWN}.{name.replace('-', '_')}")
        own: type[StackDefinition] = module.DEFINITION
        return own
    found = company_types(root).get(name)
    return found.definition if found is not None else None


def company_types(root: Path) -> dict[str, Any]:
    """The company's own types by name, of this workspace and of installed packages.

    Raises InvalidDefinitions for one that cannot be loaded, says too little, or has a taken name.
    """
    return _company_types(root.resolve())


@cache
def _company_types(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    taken = dict.fromkeys(own_kinds(), "Provisimus itself")
    for where, made in (*_in_folder(root / FOLDER), *_installed()):
        name, definition = getattr(made, "name", None), getattr(made, "definition", None)
        if not isinstance(name, str) or not (
            isinstance(definition, type) and issubclass(definition, StackDefinition)
        ):
            hint = "see docs/stacks.md, “A type of your own”"
            raise _faulty(where, "its TYPE has no name and definition", hint)
        if name in taken:
            raise _faulty(where, f"the stack type {name!r} comes from {taken[name]} already")
        taken[name] = where
        found[name] = made
    return found


def _in_folder(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("_"):
            yield str(path), _loaded(path)


def _loaded(path: Path) -> Any:
    name = f"provisimus_stack_types.{path.parent.parent.name}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look for their own module there.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        return module.TYPE
    except AttributeError:
        if hasattr(module, "TYPE"):
            raise
        raise _faulty(str(path), "it has no constant TYPE") from None
    except Exception as error:
        lines = [each.lineno for each in traceback.extract_tb(error.__traceback__)
                 if each.filename == str(path)]  # fmt: skip
        line = lines[-1] if lines else getattr(error, "lineno", None)
        said = f"it cannot be loaded: {type(error).__name__}: {error}"
        raise InvalidDefinitions([Problem(str(path), line, "", said)]) from error


def _installed() -> Iterator[tuple[str, Any]]:
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        try:
            yield point.value, point.load()
        except Exception as error:
            said = f"it cannot be loaded: {type(error).__name__}: {error}"
            raise _faulty(f"the installed stack type {point.name} ({point.value})", said) from error


def _faulty(where: str, message: str, hint: str | None = None) -> InvalidDefinitions:
    return InvalidDefinitions([Problem(where, None, "", message, hint)])
