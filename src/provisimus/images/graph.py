"""Which images a build is about: those asked for and all that they stand on, bases first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provisimus.errors import InvalidDefinitions, Problem, UsageFault
from provisimus.images.definition import Definition, read_definition
from provisimus.workspace.problems import did_you_mean

if TYPE_CHECKING:
    from provisimus.artifacts import Repositories
    from provisimus.workspace import Workspace


class Graph:
    """The definitions of images and of all that they are built on, bases first."""

    def __init__(self, workspace: Workspace, repositories: Repositories) -> None:
        self._workspace = workspace
        self._repositories = repositories
        self._done: dict[str, Definition] = {}

    @property
    def definitions(self) -> list[Definition]:
        return list(self._done.values())

    def add(self, name: str, version: str | None) -> None:
        """Add an image and its bases, all or nothing."""
        before = dict(self._done)
        try:
            self._visit(name, version, ())
        except BaseException:
            self._done = before
            raise

    def _visit(self, name: str, version: str | None, way: tuple[Definition, ...]) -> None:
        names = [each.name for each in way]
        if name in names:
            circle = " ← ".join((*names[names.index(name) :], name))
            message = f"images are built on each other in a circle: {circle}"
            hint = "one of them must stand on something else"
            raise _problem(way[-1], name, message, hint)
        known = self._done.get(name)
        if known is not None:
            if version is not None and version != known.version:
                raise UsageFault(
                    f"{name} cannot be {known.version} and {version} in one command",
                    hint="use two commands",
                )
            return
        definition = read_definition(self._workspace, name, version, self._repositories)
        for base in definition.rendered.images:
            place = self._workspace.find_image_place(base)
            if place is None:
                near = did_you_mean(base, self._workspace.images())
                raise _problem(definition, base, f"there is no image {base!r}", near)
            # Variants have one version, so one that stands on another knows which.
            related = place.folder == definition.folder
            self._visit(base, definition.version if related else None, (*way, definition))
        self._done[name] = definition


def _problem(
    definition: Definition, base: str, message: str, hint: str | None
) -> InvalidDefinitions:
    """What is wrong with the line of an image's template that names a base."""
    path = definition.dockerfile
    text = path.read_text(encoding="utf-8", errors="replace")
    named = re.search(rf"image\(\s*['\"]{re.escape(base)}['\"]", text)
    line = text.count("\n", 0, named.start()) + 1 if named else None
    return InvalidDefinitions([Problem(str(path), line, "", message, hint)])
