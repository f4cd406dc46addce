"""Definitions that were found valid before. Who reads one again loads neither PyYAML nor pydantic.

They are kept under .provisimus/cache/definitions, one file for each; lost, they cost time only. A
repository that brings such files along is not believed: see `_seal`.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from provisimus import __version__
from provisimus.caching import read_json, write_json
from provisimus.model import fingerprint
from provisimus.workspace import marks, problems
from provisimus.workspace.definitions.common import KINDS, Definition

Model = TypeVar("Model", bound=Definition)
_DEFINITIONS = f"{__package__}.definitions."
"""Where the classes stand whose modules are loaded when a file is recalled that is one of them."""


@dataclass(frozen=True)
class Known:
    folder: Path

    def read(
        self,
        model: type[Model],
        file: Path,
        anew: Callable[[], Model] | None = None,
        part: str = "",
    ) -> Model:
        """What a file says: what is known of it, or what `anew` gives, which by default reads all
        of it. `part` names what of a file is asked for, if less.

        Raises as `anew`; by default InvalidDefinitions.
        """
        # Taken before the file is read anew: who changes it meanwhile is not outrun.
        seal = _seal(file)
        found = self._recalled(model, file, part, seal)
        if found is None:
            found = anew() if anew else problems.validate(model, marks.read(file))
            # What JSON does not hold as it is, a date with a time or a set, is read anew each time.
            with suppress(TypeError, ValueError, RecursionError):
                write_json(self._place(model, file, part), {"seal": seal, "value": _plain(found)})
        return found

    def recall(self, model: type[Model], file: Path) -> Model | None:
        """What a file says, when that is known."""
        return self._recalled(model, file, "", _seal(file))

    def _recalled(self, model: type[Model], file: Path, part: str, seal: str) -> Model | None:
        known = read_json(self._place(model, file, part))
        if known is None or not seal or known.get("seal") != seal:
            return None
        try:
            found = _built(known["value"])
        except (AttributeError, ImportError, KeyError, TypeError, ValueError, RecursionError):
            return None
        return found if isinstance(found, model) else None

    def _place(self, model: type[Definition], file: Path, part: str) -> Path:
        said = {"model": model.__name__, "file": str(file), "part": part}
        return self.folder / f"{fingerprint(said).hex}.json"


def _seal(file: Path) -> str:
    """Of all that the outcome depends on; empty for a file that cannot be read.

    When and where the file came to this disk is part of it, which nobody knows who writes a
    repository: what is kept here was checked here.
    """
    try:
        with file.open("rb") as opened:
            about = os.fstat(opened.fileno())
            text = hashlib.sha256(opened.read()).hexdigest()
    except OSError:
        return ""
    made = [about.st_ino, about.st_ctime_ns]
    return fingerprint({"text": text, "made": made, "by": _ours()}).hex


@cache
def _ours() -> str:
    """Of the code that decides what is valid: a newer Provisimus reads everything anew."""
    here = Path(__file__).parent
    code = [
        *here.glob("*.py"),
        *here.glob("definitions/**/*.py"),
        here.parent / "ondisk/references.py",
    ]
    texts = hashlib.sha256(__version__.encode())
    for file in sorted(code):
        with suppress(OSError):
            texts.update(file.read_bytes())
    return texts.hexdigest()


def _plain(value: Any) -> Any:
    """The value as JSON; what JSON does not tell apart stands under its name. Raises TypeError."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [_plain(each) for each in value]
    if kind is tuple:
        return {"tuple": [_plain(each) for each in value]}
    if kind is dict:
        return {"dict": [[_plain(key), _plain(each)] for key, each in value.items()]}
    if kind is date:
        return {"date": value.isoformat()}
    name = f"{kind.__module__}.{kind.__qualname__}"
    # A company's classes are not ours to seal: whoever edits them is read anew.
    if KINDS.get(name) is not kind or not name.startswith("provisimus."):
        raise TypeError(f"a {kind.__name__} is not kept")
    return {name: {each.name: _plain(getattr(value, each.name)) for each in fields(value)}}


def _built(plain: Any) -> Any:
    """The value again. Nothing is made but definitions and what stands in them. Raises much."""
    if isinstance(plain, list):
        return [_built(each) for each in plain]
    if not isinstance(plain, dict):
        return plain
    [(name, inside)] = plain.items()
    if name == "tuple":
        return tuple(_built(each) for each in inside)
    if name == "dict":
        return {_built(key): _built(each) for key, each in inside}
    if name == "date":
        return date.fromisoformat(inside)
    if name not in KINDS and name.startswith(_DEFINITIONS):
        importlib.import_module(name.rpartition(".")[0])
    return KINDS[name](**{key: _built(each) for key, each in inside.items()})
