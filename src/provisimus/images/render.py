"""From a template Dockerfile to a Dockerfile, purely: text in, text and dependencies out.

Jinja2 in a sandbox; an undefined variable is an error with file and line. Templates see `vars`,
`labels`, `version`, `artifact` (`file` or `folder`, `version`), `artifacts` by name, `base` (for a
source that is a base) and `image("name")`; so do the macros in docker/_macros/, which
`{% import "java.j2" as java %}` brings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem

SYMBOL = "provisimus.image/"
"""How a rendered Dockerfile names an image of the workspace: its place is not an input."""

MACROS = "_macros"
"""The folder in docker/ that holds the templates which others import."""

NAMES = ("artifact", "artifacts", "base", "image", "labels", "vars", "version")
"""All that a template may ask for by name; some are there for some sources only."""

TEMPLATE = "<template>"
"""Jinja2's name for a template that came from no file."""

MOST = 1 << 20
"""Characters of a rendered Dockerfile."""

LOOPS = "what loops?"

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
    labels: Mapping[str, str] = field(default_factory=dict)
    """The manifest's own; those that tell where an image comes from are not known yet."""


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
    template: str,
    where: Path,
    values: Values,
    reference: Callable[[str], str] = symbol,
    macros: Mapping[Path, str] | None = None,
) -> Rendered:
    """Raises InvalidDefinitions with file, line and hint. `reference` names images; `macros` are
    the shared templates that `import` and `include` know by their file's name.
    """
    import jinja2

    from provisimus.images.sandbox import bounded_memory, new_sandbox

    images: list[str] = []

    def image(name: str) -> str:
        if not isinstance(name, str):
            raise TypeError(f"image(…) takes the name of an image in quotes, not {name!r}")
        if name not in images:
            images.append(name)
        return reference(name)

    # As globals, so that macros see them too.
    environment = new_sandbox(macros or {}, {**_known(values), "image": image})
    places = {TEMPLATE: where, **{str(path): path for path in macros or {}}}
    try:
        with bounded_memory():
            text = _joined(environment.from_string(template).generate(), where)
    except jinja2.TemplateSyntaxError as error:
        place = places.get(error.filename or TEMPLATE, where)
        raise _problem(place, error.lineno, f"this is no Jinja2: {error.message}") from None
    except jinja2.TemplateNotFound as error:
        known = ", ".join(sorted(path.name for path in macros or {})) or "none"
        message = f"there is no {error.name} in {MACROS}/"
        raise _problem(where, None, message, f"known: {known}") from None
    except jinja2.UndefinedError as error:
        said = error.message or "a variable is undefined"
        message = re.sub(r"'[^']*' has no attribute ('\w+')", r"there is no \1 here", said)
        raise _problem(*_place(error, places), message, hint_for(said, values)) from None
    except jinja2.TemplateError as error:
        raise _problem(*_place(error, places), str(error)) from None
    except RecursionError as error:
        raise _problem(*_place(error, places), "a macro calls itself without end") from None
    except MemoryError as error:
        raise _problem(*_place(error, places), "it makes more than fits", LOOPS) from None
    except (TypeError, ValueError, ArithmeticError, OverflowError) as error:
        said = str(error).replace("render.<locals>.", "")
        raise _problem(*_place(error, places), f"{type(error).__name__}: {said}") from None
    return Rendered(text, tuple(images))


def _joined(pieces: Iterable[str], where: Path) -> str:
    found, size = [], 0
    for each in pieces:
        size += len(each)
        if size > MOST:
            raise _problem(where, None, f"it renders to more than {MOST:,} characters", LOOPS)
        found.append(each)
    return "".join(found)


_SIMPLE = r"\.(file|folder|version)\b"
_ARTIFACT = re.compile(rf"\bartifact(?!{_SIMPLE}|s\.\w+{_SIMPLE})")
"""Where a template may see more of an artifact than its name and its version."""


def seen_by(values: Values, texts: Iterable[str]) -> Values:
    """The values on which the text depends that is rendered from these templates: without the
    checksums of artifacts where none can ask for one. A changed JAR is then rendered already. Pure.
    """
    if any(_ARTIFACT.search(text) for text in texts):
        return values
    named = {name: replace(each, sha256="") for name, each in values.artifacts.items()}
    main = replace(values.artifact, sha256="") if values.artifact else None
    return replace(values, artifact=main, artifacts=named)


def read_text(path: Path) -> str:
    """A template's text. Raises InvalidDefinitions for one that is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _problem(path, None, f"the file is not UTF-8: {error.reason}") from None


def read_macros(docker: Path, template: str) -> dict[Path, str]:
    """The shared macros of a workspace; not even looked for where the template names none."""
    if not re.search(r"\{%-?\+?\s*(import|from|include)\b", template):
        return {}
    found = sorted((docker / MACROS).glob("*.j2"))
    return {path: read_text(path) for path in found}


def _known(values: Values) -> dict[str, Any]:
    known: dict[str, Any] = {
        "version": values.version,
        "vars": dict(values.vars),
        "labels": dict(values.labels),
    }
    if values.artifact is not None:
        known["artifact"] = values.artifact.known
    if values.artifacts:
        known["artifacts"] = {name: each.known for name, each in values.artifacts.items()}
    if values.base is not None:
        known["base"] = values.base
    return known


def _place(error: BaseException, places: Mapping[str, Path]) -> tuple[Path, int | None]:
    """The file and line on which an error arose: Jinja2 rewrites its frames to those of templates,
    under the name `<template>` for text that came from no file.
    """
    found: tuple[Path, int | None] = (places[TEMPLATE], None)
    frame = error.__traceback__
    while frame is not None:
        place = places.get(frame.tb_frame.f_code.co_filename)
        if place is not None:
            found = place, frame.tb_lineno
        frame = frame.tb_next
    return found


def hint_for(message: str, values: Values) -> str | None:
    """What to write instead of what Jinja2 found undefined. Pure."""
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
    import difflib

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
