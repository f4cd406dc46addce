"""The assemble lane's decisions: from a rendered Dockerfile to layers and configuration. Pure.

`read_assembly` says whether a Dockerfile can be assembled at all (no RUN, nothing that it does not
understand); `compose` then works out every layer, as Docker would make it. Neither reads or writes
anything: contents come along as functions.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.images import settings as rules
from provisimus.images.context import ContextEntry, matching
from provisimus.images.dockerfile import Instruction, NotUnderstood, expand, parse, words
from provisimus.images.layers import LayerEntry
from provisimus.images.render import named_image
from provisimus.images.settings import Settings
from provisimus.images.tree import Tree
from provisimus.workspace.problems import did_you_mean

_ARCHIVES = (
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tar.xz",
    ".txz",
    ".tbz2",
    ".gz",
    ".bz2",
    ".xz",
)
"""Endings of what ADD may unpack: left to the real builder."""


@dataclass(frozen=True)
class Assembly:
    """A Dockerfile that needs no builder. `base` is "scratch" or an image of the workspace."""

    base: str
    instructions: tuple[Instruction, ...]
    arguments: Mapping[str, str]


@dataclass(frozen=True)
class ComposedLayer:
    """One layer and the line of the Dockerfile that asked for it."""

    entries: tuple[LayerEntry, ...]
    created_by: str


@dataclass(frozen=True)
class Composition:
    """`history` has one entry per instruction; None stands for one without a layer."""

    config: Mapping[str, Any]
    layers: tuple[ComposedLayer, ...]
    history: tuple[tuple[str, bool], ...]


def read_assembly(text: str, base: str | None = None) -> Assembly:
    """Raises NotUnderstood with the reason for which the Dockerfile needs a real builder.

    `base` is the symbol of the image's own base, where its source is one.
    """
    instructions = parse(text)
    before: dict[str, str] = {}
    found: str | None = None
    body: list[Instruction] = []
    for each in instructions:
        if each.keyword == "FROM":
            if found is not None:
                raise NotUnderstood("several stages", each.line)
            found = _base(each, before, base)
        elif found is None:
            if each.keyword != "ARG":
                raise NotUnderstood(f"{each.keyword} before FROM", each.line)
            before = dict(rules.apply(Settings({}, before), each).arguments)
        else:
            _assemblable(each)
            body.append(each)
    if found is None:
        raise NotUnderstood("no FROM", 1)
    assembly = Assembly(found, tuple(body), before)
    _try(assembly)
    return assembly


def compose(
    assembly: Assembly,
    base_config: Mapping[str, Any],
    tree: Tree,
    context: Sequence[ContextEntry],
    where: str,
) -> Composition:
    """All layers and the final configuration over a base. `where` names the Dockerfile in errors.

    Raises NotUnderstood, and InvalidDefinitions for a COPY that cannot be.
    """
    # Arguments from before FROM are seen only when the body says ARG NAME.
    settings = Settings(base_config, {})
    if base_config.get("OnBuild"):
        raise NotUnderstood("ONBUILD of the base", 1)
    layers: list[ComposedLayer] = []
    history: list[tuple[str, bool]] = []
    for each in assembly.instructions:
        settings = _apply(settings, each, assembly.arguments)
        entries: tuple[LayerEntry, ...] = ()
        created_by = f"{each.keyword} {each.rest}"
        if each.keyword in ("COPY", "ADD"):
            entries = copied(each, settings, tree, context, where)
        elif each.keyword == "WORKDIR":
            entries = tuple(_parents(tree, settings.workdir.strip("/"), 0, 0, set()))
        if entries:
            layers.append(ComposedLayer(entries, created_by))
            tree = tree.with_layer((entry.path, entry.kind, entry.target) for entry in entries)
        history.append((created_by, bool(entries)))
    return Composition(settings.config, tuple(layers), tuple(history))


def copied(
    instruction: Instruction,
    settings: Settings,
    tree: Tree,
    context: Sequence[ContextEntry],
    where: str,
) -> tuple[LayerEntry, ...]:
    """The entries of the layer that one COPY or ADD makes. Raises as `compose`."""
    line = instruction.line
    parts = instruction.exec_form or tuple(words(instruction.rest, line))
    expanded = [expand(each, settings.variables, line) for each in parts]
    if len(expanded) < 2:
        raise _problem(where, line, f"{instruction.keyword} needs a source and a destination")
    *sources, given = expanded
    if not given:
        raise _problem(where, line, f"{instruction.keyword} has an empty destination")
    uid, gid = _owner(instruction.flags.get("chown", "0:0"), line)
    mode = _mode(instruction.flags.get("chmod"), line)
    into_folder = given.endswith("/") or posixpath.basename(given) in (".", "..")
    destination = tree.real(posixpath.join(settings.workdir, given))
    chosen = [each for source in sources for each in _chosen(source, context, where, line)]
    if len(chosen) > 1 and not into_folder:
        hint = f"write {given}/"
        message = f"several files go to {given}: it must end with a slash"
        raise _problem(where, line, message, hint)
    into_folder = into_folder or tree.is_folder(destination)
    by_path = {each.path: each for each in context}
    out: dict[str, LayerEntry] = {}
    made: set[str] = set()
    for path in chosen:
        entry = by_path.get(path)
        if entry is None or entry.kind == "folder":
            targets = _folder(path, destination, context)
            top = destination
        elif entry.kind == "link":
            raise NotUnderstood(f"the link {path} as a source", line)
        else:
            if instruction.keyword == "ADD" and path.lower().endswith(_ARCHIVES):
                raise NotUnderstood(f"ADD may unpack {path}", line)
            name = posixpath.basename(path)
            target = posixpath.join(destination, name) if into_folder else destination
            targets = [(target, entry)]
            top = posixpath.dirname(target)
        for parent in _parents(tree, top, uid, gid, made):
            out.setdefault(parent.path, parent)
        for target, each in targets:
            real = posixpath.join(tree.real(posixpath.dirname(target)), posixpath.basename(target))
            if each.kind == "folder":
                real = tree.real(target)
                if real in tree.folders or real == "" or real in made:
                    continue
                made.add(real)
            elif real in tree.links:
                # Docker replaces the link or writes through it, depending on the builder.
                raise NotUnderstood(f"{each.path} onto the link /{real}", line)
            elif real in tree.folders or real == "":
                raise _problem(where, line, f"{each.path} would replace the folder /{real}")
            applied = mode if mode is not None and each.kind != "link" else each.mode
            out[real] = LayerEntry(
                real, each.kind, applied, uid, gid, each.size, each.target, each.digest, each.pieces
            )
    return tuple(out[path] for path in sorted(out))


def _base(instruction: Instruction, arguments: Mapping[str, str], base: str | None) -> str:
    line = instruction.line
    if instruction.flags:
        raise NotUnderstood(f"FROM --{next(iter(instruction.flags))}", line)
    parts = [expand(each, arguments, line) for each in words(instruction.rest, line)]
    if len(parts) not in (1, 3) or (len(parts) == 3 and parts[1].upper() != "AS"):
        raise NotUnderstood(f"FROM {instruction.rest}", line)
    reference = parts[0]
    if reference == "scratch" or named_image(reference) or reference == base:
        return reference
    raise NotUnderstood(f"its base {reference} is no image of this workspace", line)


def _assemblable(instruction: Instruction) -> None:
    keyword, line = instruction.keyword, instruction.line
    if keyword in ("RUN", "ONBUILD"):
        raise NotUnderstood(keyword, line)
    if keyword in ("COPY", "ADD"):
        other = set(instruction.flags) - {"chown", "chmod"}
        if other:
            raise NotUnderstood(f"{keyword} --{min(other)}", line)
        if keyword == "ADD" and re.search(r"(^|[\s\"'])(\w+://|git@)", instruction.rest):
            raise NotUnderstood("ADD from a URL", line)
        _owner(instruction.flags.get("chown", "0:0"), line)
        _mode(instruction.flags.get("chmod"), line)


def _try(assembly: Assembly) -> None:
    """Interpret every instruction once over nothing, so that the lane is known while planning."""
    settings = Settings({}, {})
    for each in assembly.instructions:
        settings = _apply(settings, each, assembly.arguments)


def _apply(settings: Settings, instruction: Instruction, before: Mapping[str, str]) -> Settings:
    name = instruction.rest.strip()
    if instruction.keyword == "ARG" and name in before and name not in settings.arguments:
        return replace(settings, arguments={**settings.arguments, name: before[name]})
    return rules.apply(settings, instruction)


def _chosen(source: str, context: Sequence[ContextEntry], where: str, line: int) -> list[str]:
    """The paths in the context that one source names; "" is the whole context."""
    path = posixpath.normpath(source.lstrip("/") or ".")
    if path.startswith(".."):
        raise _problem(where, line, f"{source} is outside of the image's folder")
    if path == ".":
        return [""]
    paths = [each.path for each in context]
    found = matching(path, paths) if re.search(r"[*?\[\\]", path) else [path] * (path in paths)
    if not found:
        message = f"there is no {source} in the image's folder"
        raise _problem(where, line, message, did_you_mean(path, paths) if paths else None)
    return found


def _folder(
    path: str, destination: str, context: Sequence[ContextEntry]
) -> list[tuple[str, ContextEntry]]:
    """What is in a folder of the context goes into the destination, not the folder itself."""
    prefix = f"{path}/" if path else ""
    inside = [
        (posixpath.join(destination, each.path[len(prefix) :]), each)
        for each in context
        if each.path.startswith(prefix)
    ]
    own = ContextEntry(path or ".", "folder", 0o755)
    return [(destination, own), *inside]


def _parents(tree: Tree, path: str, uid: int, gid: int, made: set[str]) -> list[LayerEntry]:
    """The folders on the way to a path that are not there yet; `made` remembers them."""
    out = []
    done = ""
    for part in tree.real(path).split("/"):
        done = f"{done}/{part}" if done else part
        if done and done not in tree.folders and done not in made:
            made.add(done)
            out.append(LayerEntry(done, "folder", 0o755, uid, gid))
    return out


def _owner(text: str, line: int) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    if not found:
        raise NotUnderstood(f"--chown={text} by name", line)
    return int(found[1]), int(found[2] or found[1])


def _mode(text: str | None, line: int) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-7]{3,4}", text):
        raise NotUnderstood(f"--chmod={text}", line)
    return int(text, 8)


def _problem(where: str, line: int, message: str, hint: str | None = None) -> InvalidDefinitions:
    return InvalidDefinitions([Problem(where, line, "", message, hint)])
