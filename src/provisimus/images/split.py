"""The split lane's decisions: what of a Dockerfile only a builder can do, and what follows. Pure.

Everything up to the last such instruction (a RUN, most often) is the *prefix*: an image of its own,
kept in the registry under a name made of its inputs. The rest is assembled onto it. What the prefix
does not copy is no input of it, and the builder does not even see it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provisimus.images.assembly import (
    Assembly,
    Stage,
    apply,
    assemblable,
    inherited,
    source_of,
    stages_of,
    try_copy,
    try_stage,
)
from provisimus.images.context import ContextEntry, matching
from provisimus.images.dockerfile import Instruction, NotUnderstood, parse
from provisimus.images.render import symbol
from provisimus.images.settings import Settings
from provisimus.model import Digest, fingerprint

PREFIX = "provisimus.prefix"
"""How the rest names what it stands on."""

RECIPE = 1
"""Raise it when the same prefix would be built otherwise."""


@dataclass(frozen=True)
class Split:
    """`last` is the last line of the rendered Dockerfile that the builder gets."""

    instructions: tuple[Instruction, ...]
    last: int
    rest: Assembly
    root: str
    """What the last stage stands on in the end: an image's symbol, or a name from elsewhere."""
    images: tuple[str, ...]
    own_base: bool
    visible: tuple[str, ...] | None
    """The paths in the context that the builder sees, with all below them; None for all."""

    def context(self, context: Sequence[ContextEntry]) -> tuple[ContextEntry, ...]:
        if self.visible is None:
            return tuple(context)
        return tuple(each for each in context if _is_seen(each.path, self.visible))

    def fingerprint(
        self,
        context: Sequence[ContextEntry],
        bases: Mapping[str, Digest],
        own: object,
        architecture: str,
    ) -> Digest:
        """Of what the prefix is made from: `bases` are fingerprints of images of the workspace,
        `own` is what the image's own base is made from.
        """
        return fingerprint(
            {
                "prefix": RECIPE,
                "architecture": architecture,
                "dockerfile": [_identity(each) for each in self.instructions],
                "context": [each.identity for each in self.context(context)],
                "bases": {name: bases[name].hex for name in sorted(self.images)},
                "own": own if self.own_base else None,
            }
        )


def read_split(text: str, base: str | None, context: Sequence[ContextEntry]) -> Split:
    """Raises NotUnderstood where not even the place to split is sure: the builder does it all."""
    instructions = parse(text)
    whole = stages_of(instructions, base, foreign=True)
    final = whole.stages[-1]
    kept = _rest(whole, base)
    before = final.instructions[: len(final.instructions) - len(kept)]
    own = tuple(each for each in before if each.keyword == "ARG")
    arguments = (*inherited(whole, len(whole.stages) - 1), *own)
    for each in arguments:
        if "$" in each.rest:
            raise NotUnderstood("an ARG made of another variable, before a RUN", each.line)
    prefix = instructions[: len(instructions) - len(kept)]
    rest = Stage(
        PREFIX,
        final.name,
        kept,
        arguments,
        own_cmd=any(each.keyword == "CMD" for each in before),
    )
    assembly = Assembly((rest,), whole.arguments)
    try_stage(rest, arguments, whole.arguments)
    last = prefix[-1].end
    # A line feed alone ends a line, as for the lexer.
    said = "\n".join(text.split("\n")[:last]) + "\n"
    images = tuple(dict.fromkeys(re.findall(re.escape(symbol("")) + r"([a-z0-9._-]+)", said)))
    return Split(
        prefix,
        last,
        assembly,
        whole.base,
        images,
        base is not None and base in said,
        _visible(whole, len(kept), context),
    )


def _rest(whole: Assembly, base: str | None) -> tuple[Instruction, ...]:
    """The instructions at the end of the last stage that need no builder."""
    final = whole.stages[-1]
    kept: list[Instruction] = []
    for each in reversed(final.instructions):
        try:
            assemblable(each, whole, base)
        except NotUnderstood:
            break
        if "from" in each.flags and isinstance(source_of(each, whole, len(whole.stages) - 1), int):
            break
        kept.append(each)
    return tuple(reversed(kept))


def _visible(whole: Assembly, kept: int, context: Sequence[ContextEntry]) -> tuple[str, ...] | None:
    paths = [each.path for each in context]
    links = {each.path for each in context if each.kind == "link"}
    found: list[str] = []
    for number, stage in enumerate(whole.stages):
        last = number == len(whole.stages) - 1
        settings = Settings({}, {})
        count = len(stage.instructions) - (kept if last else 0)
        for each in stage.instructions[:count]:
            if each.keyword == "ONBUILD" or _binds(each):
                return None
            try:
                sources = _sources(each, settings)
                settings = (
                    settings if each.keyword == "RUN" else apply(settings, each, whole.arguments)
                )
                for source in sources:
                    path = source.strip("/").removeprefix("./")
                    named = matching(path, paths) if re.search(r"[*?\[\\]", path) else [path]
                    if not path or path == "." or ".." in path.split("/"):
                        return None
                    found += named
            except (NotUnderstood, ValueError):
                return None
    seen = tuple(sorted(set(found)))
    if any(_is_seen(each, seen) or _leads(each, seen) for each in links):
        # What a link points to would have to come along.
        return None
    return seen


def _sources(instruction: Instruction, settings: Settings) -> tuple[str, ...]:
    if instruction.keyword not in ("COPY", "ADD") or "from" in instruction.flags:
        return ()
    if re.search(r"(^|[\s\"'])(\w+://|git@)", instruction.rest):
        raise NotUnderstood("ADD from a URL", instruction.line)
    if any(each in instruction.flags for each in ("parents", "exclude")):
        raise NotUnderstood("COPY --parents", instruction.line)
    # Variables of the base are not known here, and could name anything.
    copy = try_copy(instruction, settings)
    if copy is None or "$" in instruction.rest:
        raise NotUnderstood("a COPY with variables", instruction.line)
    return copy.sources


def _binds(instruction: Instruction) -> bool:
    """Whether a RUN may mount files of the context: `bind` is what a mount is by default."""
    mounts = instruction.flags.get("mount", "").split() if instruction.keyword == "RUN" else []
    return not all(re.search(r"(^|,)type=(secret|cache|tmpfs|ssh)(,|$)", each) for each in mounts)


def _is_seen(path: str, visible: Sequence[str]) -> bool:
    return any(path == each or path.startswith(each + "/") for each in visible)


def _leads(path: str, visible: Sequence[str]) -> bool:
    return any(each.startswith(path + "/") for each in visible)


def _identity(each: Instruction) -> list[object]:
    heredocs = [[one.name, one.body, one.expand] for one in each.heredocs]
    return [each.keyword, each.rest, dict(each.flags), heredocs]
