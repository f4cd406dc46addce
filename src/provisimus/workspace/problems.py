"""From pydantic's errors to ours: file, line, key path, what is wrong, what to do."""

from __future__ import annotations

import os
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.workspace.definitions.common import Definition, Misfit
from provisimus.workspace.marks import Document, KeyPath

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Model = TypeVar("Model", bound=Definition)

_adapters: dict[type[Definition], TypeAdapter[Any]] = {}
"""Made once: that takes pydantic longer than all else."""


def parse(model: type[Model], data: Any) -> Model:
    """What YAML gave, as a definition. Raises pydantic's ValidationError."""
    # Pydantic would search all installed packages for plugins of its own before the first
    # validation: 10 ms, and more the more is installed. Nobody else's code has a say in what a
    # definition means.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    found: Model = adapter(model).validate_python(data)
    return found


def adapter(model: type[Definition]) -> TypeAdapter[Any]:
    """What pydantic reads a class with."""
    from pydantic import TypeAdapter

    if model not in _adapters:
        _adapters[model] = TypeAdapter(model)
    return _adapters[model]


def validate(model: type[Model], document: Document) -> Model:
    """The document as a definition. Raises InvalidDefinitions with every problem found."""
    from pydantic import ValidationError

    try:
        return parse(model, document.data)
    except ValidationError as error:
        found = [_problem(each, model, document) for each in _told(error.errors())]
        raise InvalidDefinitions(sorted(set(found), key=lambda one: (one.line or 0, one))) from None


def did_you_mean(name: str, known: Any) -> str | None:
    """A hint that names the nearest of the known names, or lists the few there are."""
    names = sorted(map(str, known))
    import difflib

    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return "known: " + ", ".join(names) if 0 < len(names) <= 20 else None


def _told(errors: Any) -> list[Any]:
    """Without "too short" of a list whose items are faulty: they count as missing to pydantic."""
    places = [each["loc"] for each in errors]
    return [
        each
        for each in errors
        if each["type"] != "too_short"
        or not any(len(place) > len(each["loc"]) and place[: len(each["loc"])] == each["loc"]
                   for place in places)
    ]  # fmt: skip


def _problem(error: Any, model: type[Definition], document: Document) -> Problem:
    # Pydantic puts the names of union members into the location; the file knows only its keys.
    location: KeyPath = tuple(part for part in error["loc"])
    kind, message = error["type"], error["msg"]
    raised = error.get("ctx", {}).get("error")
    if isinstance(raised, Misfit):
        location = (*location, *raised.key)
    path = _in_file(location, document, missing=kind == "missing")
    hint = None
    if kind == "unexpected_keyword_argument":
        message, hint = "this key is not known here", _near_key(location, model)
    elif kind == "missing":
        message, hint = "this key is missing", f"add `{location[-1]}:`"
    elif kind == "too_short":
        least = error["ctx"]["min_length"]
        message = "this must not be empty" if least == 1 else f"here belong at least {least}"
    elif kind == "too_long":
        message = f"here belong at most {error['ctx']['max_length']}"
    elif kind in ("dataclass_type", "dict_type", "model_attributes_type"):
        message, hint = "here belong keys with values", "write `key: value` lines"
    elif kind == "union_tag_invalid":
        context = error["ctx"]
        key_name = str(context["discriminator"]).strip("'")
        message = f"{key_name} {context['tag']!r} is not known"
        hint = f"known: {context['expected_tags']}".replace("'", "")
    else:
        message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
        message, _, advice = message.partition(" — ")
        hint = advice or None
        if kind not in ("value_error", "assertion_error") and not isinstance(
            error.get("input"), (dict, list)
        ):
            message = f"{message[0].lower()}{message[1:]}, not {error.get('input')!r}"
    key = "/".join(map(str, path))
    return Problem(str(document.path), document.line(path), key, message, hint)


def _in_file(location: KeyPath, document: Document, *, missing: bool) -> KeyPath:
    path: KeyPath = ()
    for index, part in enumerate(location):
        if (*path, part) in document.lines or (missing and index == len(location) - 1):
            path = (*path, part)
    return path


def _near_key(location: KeyPath, model: type[Definition]) -> str | None:
    keys = _keys_at(location[:-1], model)
    return did_you_mean(str(location[-1]), keys) if keys else None


def _keys_at(location: KeyPath, model: type[Definition]) -> list[str]:
    """The keys that a mapping at this place may have; follows models through lists and dicts."""
    current: list[type[Definition]] = [model]
    for part in location:
        # Of a union pydantic names the member: by its class, or by the tag that tells it apart.
        named = [each for each in current if part == each.__name__ or part in _tags(each)]
        keys = _keys(current[0])
        if named:
            current = named
        elif part in keys:
            current = _models_in(keys[str(part)])
        if not current:
            return []
    return list(_keys(current[0]))


def _tags(model: type[Definition]) -> set[Any]:
    return {
        tag
        for each in fields(model)
        if each.default is each.default_factory is MISSING
        for hint in [get_type_hints(model)[each.name]]
        if get_origin(hint) is Literal
        for tag in get_args(hint)
    }


def _keys(model: type[Definition]) -> dict[str, Any]:
    """The keys that a mapping may have, and the type of what stands there."""
    hints = get_type_hints(model)
    return {each.metadata.get("alias", each.name): hints[each.name] for each in fields(model)}


def _models_in(annotation: Any) -> list[type[Definition]]:
    if isinstance(annotation, type) and issubclass(annotation, Definition):
        return [annotation]
    return [found for each in getattr(annotation, "__args__", ()) for found in _models_in(each)]
