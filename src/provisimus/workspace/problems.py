"""From pydantic's errors to ours: file, line, key path, what is wrong, what to do."""

from __future__ import annotations

import difflib
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.workspace.marks import Document, KeyPath

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], document: Document) -> Model:
    """The document as a model. Raises InvalidDefinitions with every problem found."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = [_problem(each, model, document) for each in _told(error.errors())]
        raise InvalidDefinitions(sorted(set(found), key=lambda one: (one.line or 0, one))) from None


def did_you_mean(name: str, known: Any) -> str | None:
    """A hint that names the nearest of the known names, or lists the few there are."""
    names = sorted(map(str, known))
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


def _problem(error: Any, model: type[BaseModel], document: Document) -> Problem:
    # Pydantic puts the names of union members into the location; the file knows only its keys.
    location: KeyPath = tuple(part for part in error["loc"])
    kind, message = error["type"], error["msg"]
    path = _in_file(location, document, missing=kind == "missing")
    hint = None
    if kind == "extra_forbidden":
        message, hint = "this key is not known here", _near_key(location, model)
    elif kind == "missing":
        message, hint = "this key is missing", f"add `{location[-1]}:`"
    elif kind == "too_short":
        message = "this must not be empty"
    elif kind in ("model_type", "dict_type", "model_attributes_type"):
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


def _near_key(location: KeyPath, model: type[BaseModel]) -> str | None:
    fields = _fields_at(location[:-1], model)
    return did_you_mean(str(location[-1]), fields) if fields else None


def _fields_at(location: KeyPath, model: type[BaseModel]) -> list[str]:
    """The keys that a mapping at this place may have; follows models through lists and dicts."""
    current: Any = model
    for part in location:
        fields = getattr(current, "model_fields", None)
        if fields and part in _by_name(fields):
            current = _model_in(_by_name(fields)[str(part)].annotation)
        elif fields is not None and isinstance(part, str):
            named = [each for each in _models_in(current) if each.__name__ == part]
            current = named[0] if named else current
    fields = getattr(current, "model_fields", None)
    return list(_by_name(fields)) if fields else []


def _by_name(fields: Any) -> dict[str, Any]:
    return {info.alias or name: info for name, info in fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for each in getattr(annotation, "__args__", ()) for found in _models_in(each)]


def _model_in(annotation: Any) -> Any:
    found = _models_in(annotation)
    return found[0] if found else None
