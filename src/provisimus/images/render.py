"""From a template Dockerfile to a Dockerfile, purely: text in, text and dependencies out.

Jinja2 in its sandbox; an undefined variable is an error with file and line. Templates see `vars`,
`version`, `artifact` (`file` or `folder`, `version`), `artifacts` by name, `base` (for a source
that is a base) and `image("name")`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem

SYMBOL = "provisimus.image/"
"""How a rendered Dockerfile names an image of the workspace: its place is not an input."""

DEFAULT = "FROM {{ base }}\n"
"""The template of an image whose source is all there is to it."""


@dataclass(frozen=True)
class ArtifactValues:
    """What a template may ask of `artifact`: a file, or the folder of an unpacked archive.

    The other of the two is empty, and undefined to the template.
    """

    file: str
    version: str
    sha256: str = ""
    folder: str = ""

    @property
    def known(self) -> dict[str, str]:
        place = {"folder": self.folder} if self.folder else {"file": self.file}
        return {**place, "version": self.version, "sha256": self.sha256}


@dataclass(frozen=True)
class Values:
    """All that a template can see. `base` is None where the manifest's source is no base."""

    version: str
    vars: Mapping[str, Any] = field(default_factory=dict)
    artifact: ArtifactValues | None = None
    base: str | None = None
    artifacts: Mapping[str, ArtifactValues] = field(default_factory=dict)


@dataclass(frozen=True)
class Rendered:
    """`images` are the images of the workspace that the template named, in order, once each."""

    text: str
    images: tuple[str, ...]


def symbol(name: str) -> str:
    return SYMBOL + name


def named_image(reference: str) -> str | None:
    """The image of the workspace that a FROM in a rendered Dockerfile names."""
    return reference.removeprefix(SYMBOL) if reference.startswith(SYMBOL) else None


def render(
    template: str, where: Path, values: Values, reference: Callable[[str], str] = symbol
) -> Rendered:
    """Raises InvalidDefinitions with file, line and hint. `reference` names images."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    images: list[str] = []

    def image(name: str) -> str:
        if name not in images:
            images.append(name)
        return reference(name)

    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    known = _known(values)
    try:
        text = environment.from_string(template).render(**known, image=image)
    except jinja2.TemplateSyntaxError as error:
        raise _problem(where, error.lineno, f"this is no Jinja2: {error.message}") from None
    except jinja2.UndefinedError as error:
        said = error.message or "a variable is undefined"
        message = re.sub(r"'[^']*' has no attribute ('\w+')", r"there is no \1 here", said)
        raise _problem(where, _line(error), message, _hint(said, values)) from None
    except jinja2.TemplateError as error:
        raise _problem(where, _line(error), str(error)) from None
    except (TypeError, ValueError, ArithmeticError, OverflowError) as error:
        raise _problem(where, _line(error), f"{type(error).__name__}: {error}") from None
    return Rendered(text, tuple(images))


def _known(values: Values) -> dict[str, Any]:
    known: dict[str, Any] = {"version": values.version, "vars": dict(values.vars)}
    if values.artifact is not None:
        known["artifact"] = values.artifact.known
    if values.artifacts:
        known["artifacts"] = {name: each.known for name, each in values.artifacts.items()}
    if values.base is not None:
        known["base"] = values.base
    return known


def _line(error: BaseException) -> int | None:
    """The line of the template on which an error arose: Jinja2 rewrites its frames to template
    lines, under the name `<template>` for text that came from no file.
    """
    found = None
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "<template>":
            found = frame.tb_lineno
        frame = frame.tb_next
    return found


def _hint(message: str, values: Values) -> str | None:
    wanted = re.search(r"'(\w+)' is undefined|no attribute '(\w+)'", message)
    if not wanted:
        return None
    name = wanted[1] or wanted[2]
    if wanted[1] == "artifact":
        return "the manifest has no source with an artifact: add source: {maven: …}"
    if wanted[1] == "artifacts":
        return "the manifest names no further artifacts: add artifacts: {NAME: {maven: …}}"
    if wanted[2] in ("file", "folder"):
        return (
            "with unpack: true an artifact is a folder: write artifact.folder"
            if wanted[2] == "file"
            else "an artifact is a file unless its source says unpack: true: write artifact.file"
        )
    if wanted[1] == "base":
        return "the manifest's source is no base: add source: {debian: …}"
    known = {each: each for each in (*_known(values), "image")}
    if wanted[2]:
        known = {
            key: f"{group}.{key}"
            for group, each in _known(values).items()
            if isinstance(each, dict)
            for key in each
        }
    elif name in values.vars:
        return f"write vars.{name}"
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {known[near[0]]}?"
    if not known:
        return "declare it under vars: in the manifest"
    return "known: " + ", ".join(sorted(known.values()))


def _problem(
    where: Path, line: int | None, message: str, hint: str | None = None
) -> InvalidDefinitions:
    return InvalidDefinitions([Problem(str(where), line, "", message, hint)])
