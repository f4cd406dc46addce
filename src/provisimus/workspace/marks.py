"""YAML with the line of every key, so that an error can point at it.

PyYAML's C parser composes nodes with marks; values are then built by its safe constructor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """The data of one YAML file and the line (from 1) of each key path in it."""

    path: Path
    data: Any
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """The line of a key path, or of its nearest parent that stands in the file."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def read(path: Path) -> Document:
    """Read one YAML file. Raises InvalidDefinitions: missing, not UTF-8, not YAML, a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidDefinitions(
            [Problem(str(path), None, "", "the file does not exist")]
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidDefinitions(
            [Problem(str(path), None, "", f"the file is not UTF-8: {error.reason}")]
        ) from None
    return parse(path, text)


def parse(path: Path, text: str) -> Document:
    """What a file says, or would say. Raises InvalidDefinitions: not YAML, a key twice."""
    import yaml

    Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # noqa: N806 a class
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(path, {}, {(): 1})
        lines: dict[KeyPath, int] = {}
        problems = list(_walk(node, (), lines, path))
        if problems:
            raise InvalidDefinitions(problems)
        return Document(path, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else None
        message = f"this is not YAML: {error.problem or error}"
        raise InvalidDefinitions([Problem(str(path), line, "", message)]) from None
    except yaml.YAMLError as error:
        raise InvalidDefinitions(
            [Problem(str(path), None, "", f"this is not YAML: {error}")]
        ) from None
    finally:
        loader.dispose()


def _walk(node: Any, path: KeyPath, lines: dict[KeyPath, int], file: Path) -> Iterator[Problem]:
    lines.setdefault(path, node.start_mark.line + 1)
    if node.id == "mapping":
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen and name != "<<":
                where = "/".join(map(str, (*path, name)))
                yield Problem(str(file), line, where, "this key stands twice", "keep one of them")
            seen.add(name)
            lines[(*path, name)] = line
            yield from _walk(value, (*path, name), lines, file)
    elif node.id == "sequence":
        for index, value in enumerate(node.value):
            yield from _walk(value, (*path, index), lines, file)
