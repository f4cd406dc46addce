"""What `provisimus check` says of templates, and of ranges of versions: offline, and before anybody
asks for a version.

Nothing is rendered, so only what is written out is looked at: syntax, macros that are imported by
name, images that are named in quotes, variables. What stands under an `if` may never come true: it
makes no circle, and its variables are not asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisimus.artifacts.maven.ranges import parse_range
from provisimus.errors import InvalidDefinitions, Problem, ProvisimusError, UsageFault
from provisimus.images.definition import template_of
from provisimus.images.render import MACROS, NAMES, Values, hint_for, read_text
from provisimus.workspace import marks
from provisimus.workspace.problems import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import nodes

    from provisimus.workspace import Workspace
    from provisimus.workspace.definitions.image import Source


@dataclass(frozen=True)
class Named:
    """An image that a template names, on a line; `always`, whatever the variables say."""

    image: str
    line: int
    always: bool


def template_problems(workspace: Workspace) -> Iterator[Problem]:
    """Of all templates of the images and of the macros that they share."""
    macros = sorted((workspace.docker / MACROS).glob("*.j2"))
    images = workspace.images()
    places = _templates(workspace, images)
    templates = [*macros, *dict.fromkeys(places.values())]
    if not templates:
        return
    from jinja2 import TemplateSyntaxError

    from provisimus.images.sandbox import new_sandbox

    environment = new_sandbox({}, {})
    named: dict[str, list[Named]] = {}
    for path in templates:
        try:
            tree = environment.parse(read_text(path))
        except InvalidDefinitions as error:
            yield from error.problems
            continue
        except TemplateSyntaxError as error:
            yield Problem(str(path), error.lineno, "", f"this is no Jinja2: {error.message}")
            continue
        yield from _unknown_macros(tree, path, [each.name for each in macros])
        found = list(_named(tree))
        for each in found:
            if each.image not in images:
                message, hint = (
                    f"there is no image {each.image!r}",
                    did_you_mean(each.image, images),
                )
                yield Problem(str(path), each.line, "", message, hint)
        mine = [name for name, place in places.items() if place == path]
        given = [workspace.image(name).vars for name in mine]
        yield from _unknown_names(tree, path, {*NAMES, *environment.globals}, given)
        yield from dict.fromkeys(
            each for values in given for each in _unknown_vars(tree, path, Values("", values))
        )
        named |= dict.fromkeys(mine, found)
    for circle, line in circles(named):
        path = places[circle[0]]
        way = " ← ".join((*circle, circle[0]))
        message = f"images are built on each other in a circle: {way}"
        yield Problem(str(path), line, "", message, "one of them must stand on something else")


def range_problems(workspace: Workspace) -> Iterator[Problem]:
    """Of the ranges of versions that `image outdated` is to follow."""
    for name in workspace.image_folders():
        try:
            manifest = workspace.image(name)
        except ProvisimusError:
            # Told by others.
            continue
        place = workspace.image_place(name).manifest
        named: dict[marks.KeyPath, Source] = {
            ("artifacts", key): each for key, each in manifest.artifacts.items()
        }
        for variant, own in manifest.variants.items():
            at: marks.KeyPath = ("variants", variant, "artifacts")
            named |= {(*at, key): each for key, each in own.artifacts.items()}
        if manifest.source is not None:
            named[("source",)] = manifest.source
        for key, source in named.items():
            try:
                parse_range(source.follow or "1")
            except UsageFault as error:
                where = (*key, "follow")
                line = marks.read(place).line(where)
                yield Problem(
                    str(place), line, "/".join(map(str, where)), error.message, error.hint
                )


def _templates(workspace: Workspace, images: list[str]) -> dict[str, Path]:
    """By image, variants included, where there is one. Faulty manifests are told by others."""
    found = {}
    for name in images:
        try:
            path = template_of(workspace.image_place(name).folder, workspace.image(name))
        except ProvisimusError:
            continue
        if path.is_file():
            found[name] = path
    return found


def circles(named: Mapping[str, list[Named]]) -> Iterator[tuple[list[str], int]]:
    """A circle through each image, told by the one whose name comes first: all its images, and the
    line on which that one names the next. Pure.
    """
    graph = {
        name: {each.image: each.line for each in reversed(found) if each.always}
        for name, found in named.items()
    }
    for start in sorted(graph):
        ways, visited = [[start]], set[str]()
        while ways:
            way = ways.pop()
            onward = graph.get(way[-1], {})
            if start in onward:
                yield way, graph[start][(*way, start)[1]]
                break
            fresh = [name for name in onward if name > start and name not in visited]
            visited.update(fresh)
            ways += [[*way, name] for name in fresh]


def _named(tree: nodes.Node, *, always: bool = True) -> Iterator[Named]:
    from jinja2 import nodes

    for each in tree.iter_child_nodes():
        if (
            isinstance(each, nodes.Call)
            and isinstance(each.node, nodes.Name)
            and each.node.name == "image"
            and each.args
            and isinstance(each.args[0], nodes.Const)
            and isinstance(each.args[0].value, str)
        ):
            yield Named(each.args[0].value, each.lineno, always)
        yield from _named(each, always=always and _is_sure(each))


def _is_sure(node: nodes.Node) -> bool:
    """Whether what stands inside a node is reached whatever the variables say."""
    from jinja2 import nodes

    return not isinstance(node, (nodes.If, nodes.CondExpr, nodes.Macro, nodes.For))


def _unknown_names(
    tree: nodes.Template,
    path: Path,
    known: Collection[str],
    given: Collection[Mapping[str, object]],
) -> Iterator[Problem]:
    """Names that nobody gives: neither Provisimus, nor Jinja2, nor the template itself."""
    from jinja2 import meta, nodes

    unknown = meta.find_undeclared_variables(tree) - set(known)
    for each in _asked_for(tree):
        if isinstance(each, nodes.Name) and each.name in unknown:
            unknown.remove(each.name)  # told once
            declared = any(each.name in values for values in given)
            hint = f"write vars.{each.name}" if declared else did_you_mean(each.name, NAMES)
            yield Problem(str(path), each.lineno, "", f"{each.name!r} is undefined", hint)


def _unknown_vars(tree: nodes.Template, path: Path, values: Values) -> Iterator[Problem]:
    """`vars.NAME` that an image's manifest does not give."""
    from jinja2 import nodes

    for each in _asked_for(tree):
        if (
            isinstance(each, nodes.Getattr)
            and isinstance(each.node, nodes.Name)
            and each.node.name == "vars"
            and each.attr not in values.vars
            and not hasattr(values.vars, each.attr)  # vars.items()
        ):
            hint = hint_for(f"no attribute '{each.attr}'", values)
            yield Problem(str(path), each.lineno, "", f"there is no {each.attr!r} here", hint)


def _asked_for(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Every node whose value must be there, wherever the template leads."""
    from jinja2 import nodes

    for each in tree.iter_child_nodes():
        if isinstance(each, (nodes.And, nodes.Or)) or not _is_sure(each):
            continue
        if isinstance(each, nodes.Test) and each.name in ("defined", "undefined"):
            continue
        if isinstance(each, nodes.Filter) and each.name in ("default", "d"):
            continue
        yield each
        yield from _asked_for(each)


def _unknown_macros(tree: nodes.Template, path: Path, known: list[str]) -> Iterator[Problem]:
    from jinja2 import nodes

    for each in tree.find_all(nodes.Stmt):
        if not isinstance(each, (nodes.Import, nodes.FromImport, nodes.Include)):
            continue
        file = each.template.value if isinstance(each.template, nodes.Const) else None
        if isinstance(file, str) and file.removeprefix(f"{MACROS}/") not in known:
            message = f"there is no {file} in {MACROS}/"
            yield Problem(str(path), each.lineno, "", message, did_you_mean(file, known))
