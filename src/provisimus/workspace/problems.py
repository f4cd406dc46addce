"""From pydantic's errors to ours: file, line, key path, what is wrong, what to do."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, get_args, get_origin

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
    current: list[type[BaseModel]] = [model]
    for part in location:
        # Of a union pydantic names the member: by its class, or by the tag that tells it apart.
        named = [each for each in current if part == each.__name__ or part in _tags(each)]
        fields = _by_name(current[0].model_fields)
        if named:
            current = named
        elif part in fields:
            current = _models_in(fields[str(part)].annotation)
        if not current:
            return []
    return list(_by_name(current[0].model_fields))


def _tags(model: type[BaseModel]) -> set[Any]:
    return {
        tag
        for info in model.model_fields.values()
        if get_origin(info.annotation) is Literal and info.is_required()
        for tag in get_args(info.annotation)
    }


def _by_name(fields: Any) -> dict[str, Any]:
    return {info.alias or name: info for name, info in fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for each in getattr(annotation, "__args__", ()) for found in _models_in(each)]
