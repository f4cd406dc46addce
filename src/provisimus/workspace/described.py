"""What a class of definitions takes, in words and as a JSON schema: for people and for editors."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from provisimus.workspace.definitions import common
from provisimus.workspace.definitions.common import Definition, as_data


@dataclass(frozen=True)
class Parameter:
    """One key of a file. `default` is None where the key must be given."""

    key: str
    kind: str
    default: str | None
    doc: str


def parameters_of(model: type[Definition], above: str = "") -> Iterator[Parameter]:
    """The keys of a class in the order of its fields, those within below theirs."""
    hints, docs = get_type_hints(model, include_extras=True), docs_of(model)
    for each in fields(model):
        key = above + each.metadata.get("alias", each.name)
        kind = kind_of(hints[each.name])
        if each.default_factory is not MISSING:
            default: str | None = "{}"
        else:
            default = None if each.default is MISSING else written(each.default, kind)
        yield Parameter(key, kind, default, docs.get(each.name, ""))
        for inner in _definitions(hints[each.name]):
            yield from parameters_of(inner, f"{key}.")


def schema_of(model: type[Definition]) -> dict[str, Any]:
    """The JSON schema of a file, with the words of the definitions."""
    from provisimus.workspace.problems import adapter

    schema = adapter(model).json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    kinds = {kind.__name__: kind for kind in _all_in(model)}
    for name, part in {**schema.get("$defs", {}), model.__name__: schema}.items():
        docs = docs_of(kinds[name]) if name in kinds else {}
        aliases = {f.name: f.metadata.get("alias", f.name) for f in fields(kinds[name])}
        for field, doc in docs.items():
            part["properties"].get(aliases[field], {}).setdefault("description", doc)
        for told in part.get("properties", {}).values():
            told.pop("title", None)
            if told.get("type") == "string" and not isinstance(told.get("default", ""), str):
                del told["default"]  # it is what a text becomes
    return dict(schema)


def docs_of(model: type[Definition]) -> dict[str, str]:
    """What stands below each field of a class, its bases' too, on one line."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if not issubclass(kind, Definition) or kind is Definition:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
        assert isinstance(body, ast.ClassDef)
        for line, below in zip(body.body, body.body[1:], strict=False):
            match line, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = " ".join(text.split())
    known = {each.name for each in fields(model)}
    return {name: text for name, text in found.items() if name in known}


def kind_of(hint: Any) -> str:
    """A type in words."""
    origin, inside = get_origin(hint), get_args(hint)
    if hasattr(hint, "__metadata__"):
        for known, words in _KNOWN:
            # More rules may follow those that make the kind.
            if hint.__metadata__[: len(known.__metadata__)] == known.__metadata__:
                return words
        return kind_of(inside[0])
    if origin is Literal:
        return " | ".join(map(str, inside))
    if origin in (Union, UnionType):
        told = [kind_of(each) for each in inside if each is not NoneType]
        return " | ".join(dict.fromkeys(told))
    if origin is tuple:
        return f"list of {kind_of(inside[0])}"
    if origin is dict:
        return "keys with values"
    if isinstance(hint, type) and issubclass(hint, Definition):
        return "{" + ", ".join(f.metadata.get("alias", f.name) for f in fields(hint)) + "}"
    return {str: "text", int: "number", bool: "true | false", float: "number"}.get(hint, str(hint))


_KNOWN: tuple[tuple[Any, str], ...] = (
    (common.Seconds, "time: 30s, 5m, 24h, 7d"),
    (common.Gibibytes, "size: 20 GiB"),
    (common.Mebibytes, "size: 512 MiB"),
    (common.Name, "name"),
    (common.Port, "port"),
    (common.Version, "version"),
)


def written(value: Any, kind: str) -> str:
    """A value as a file would say it: `5m`, `20 GiB`, `true`; None is `none`."""
    data = as_data(value)
    match data:
        case int() if kind.startswith("time"):
            return next(f"{data // size}{unit}" for unit, size in _UNITS if data % size == 0)
        case int() if kind.startswith("size: 20 GiB"):
            return f"{data} GiB"
        case int() if kind.startswith("size: 512 MiB"):
            return f"{data} MiB"
        case None:
            return "none"
        case bool():
            return str(data).lower()
        case dict():
            return "{}"
        case list():
            return "[" + ", ".join(map(str, data)) + "]"
        case _:
            return str(data)


_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def _definitions(hint: Any) -> list[type[Definition]]:
    """The class whose keys stand below this one: none where there is a choice of several."""
    found = list(_within(hint))
    return found if len(found) == 1 else []


def _within(hint: Any) -> Iterator[type[Definition]]:
    if isinstance(hint, type) and issubclass(hint, Definition):
        yield hint
    for each in get_args(hint):
        yield from _within(each)


def _all_in(model: type[Definition]) -> Iterator[type[Definition]]:
    yield model
    for hint in get_type_hints(model).values():
        for inner in _within(hint):
            yield from _all_in(inner)
