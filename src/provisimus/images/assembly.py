"""The assemble lane's decisions: from a rendered Dockerfile to layers and configuration. Pure.

`read_assembly` says whether a Dockerfile can be assembled at all (no RUN, nothing that it does not
understand); `compose` then works out every layer, as Docker would make it. Neither reads or writes
anything: contents come along as functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from provisimus.images import settings as rules
from provisimus.images.accounts import owner_of
from provisimus.images.context import ContextEntry
from provisimus.images.copying import Copy, copied, parents, read_copy
from provisimus.images.dockerfile import (
    Instruction,
    NotUnderstood,
    expand,
    parse,
    plain_words,
    words,
)
from provisimus.images.layers import LayerEntry
from provisimus.images.render import named_image
from provisimus.images.settings import Settings
from provisimus.images.tree import Tree


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next. `base`: "scratch", an image's symbol, or a stage by its index."""

    base: str | int
    name: str
    instructions: tuple[Instruction, ...]
    before: tuple[Instruction, ...] = ()
    """ARGs that a builder has dealt with and that still have a meaning."""
    own_cmd: bool = False


@dataclass(frozen=True)
class Assembly:
    """A Dockerfile that needs no builder. `arguments` are the ARGs before the first FROM."""

    stages: tuple[Stage, ...]
    arguments: Mapping[str, str]

    @property
    def base(self) -> str:
        """What the image in the end stands on."""
        base: str | int = len(self.stages) - 1
        while isinstance(base, int):
            base = self.stages[base].base
        return base

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        return self.stages[-1].instructions


@dataclass(frozen=True)
class ComposedLayer:
    """One layer and the line of the Dockerfile that asked for it."""

    entries: tuple[LayerEntry, ...]
    created_by: str


@dataclass(frozen=True)
class Composition:
    """`history` has one entry per instruction, and whether it made a layer."""

    config: Mapping[str, Any]
    layers: tuple[ComposedLayer, ...]
    history: tuple[tuple[str, bool], ...]


SCRATCH = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
"""What BuildKit gives to an image that starts from nothing."""


@dataclass(frozen=True)
class Ground:
    """An image to stand on or to copy from. What is rarely needed is asked for when it is."""

    config: Mapping[str, Any] = field(default_factory=dict)
    tree: Callable[[], Tree] = Tree
    entries: Callable[[], Sequence[ContextEntry]] = tuple
    read: Callable[[str], bytes | None] = lambda path: None  # noqa: ARG005 - nothing is there


def read_assembly(text: str, base: str | None = None) -> Assembly:
    """Raises NotUnderstood with the reason for which the Dockerfile needs a real builder.

    `base` is the symbol of the image's own base, where its source is one.
    """
    assembly = stages_of(parse(text), base)
    for index, each in enumerate(assembly.stages):
        for instruction in each.instructions:
            assemblable(instruction, assembly, base)
        try_stage(each, inherited(assembly, index), assembly.arguments)
    return assembly


def stages_of(
    instructions: Sequence[Instruction], base: str | None, *, foreign: bool = False
) -> Assembly:
    """The stages, whatever they say inside. `foreign` bases are let through where asked."""
    before: dict[str, str] = {}
    stages: list[Stage] = []
    for each in instructions:
        if each.keyword == "FROM":
            start, name = _from(each, before, base, stages, foreign=foreign)
            stages.append(Stage(start, name, ()))
        elif stages:
            last = stages[-1]
            stages[-1] = replace(last, instructions=(*last.instructions, each))
        elif each.keyword != "ARG":
            raise NotUnderstood(f"{each.keyword} before FROM", each.line)
        else:
            before = dict(rules.apply(Settings({}, before), each).arguments)
    if not stages:
        raise NotUnderstood("no FROM", 1)
    return Assembly(tuple(stages), before)


def compose(
    assembly: Assembly,
    ground: Callable[[str], Ground],
    context: Sequence[ContextEntry],
    where: str,
) -> Composition:
    """All layers and the final configuration. `ground` gives an image of the workspace by symbol;
    `where` names the Dockerfile in errors.

    Raises NotUnderstood, and InvalidDefinitions for a COPY that cannot be.
    """
    done: dict[int, _Built] = {}

    def stage(index: int) -> _Built:
        if index not in done:
            done[index] = _Built.of(assembly, index, stage, ground, context, where)
        return done[index]

    found = stage(len(assembly.stages) - 1)
    return Composition(found.settings.config, tuple(found.layers), tuple(found.history))


@dataclass
class _Built:
    """A stage while it grows."""

    ground: Ground
    settings: Settings
    layers: list[ComposedLayer]
    history: list[tuple[str, bool]]
    known: Tree | None = None

    @classmethod
    def of(
        cls,
        assembly: Assembly,
        index: int,
        stage: Callable[[int], _Built],
        ground: Callable[[str], Ground],
        context: Sequence[ContextEntry],
        where: str,
    ) -> _Built:
        own = assembly.stages[index]
        if isinstance(own.base, int):
            below = stage(own.base)
            built = cls(
                below.ground,
                Settings(below.settings.config, below.settings.arguments),
                list(below.layers),
                list(below.history),
                below.known,
            )
        else:
            start = Ground(SCRATCH) if own.base == "scratch" else ground(own.base)
            # Arguments from before FROM are seen only when the body says ARG NAME.
            built = cls(start, Settings(start.config, {}), [], [])
        if built.settings.config.get("OnBuild"):
            raise NotUnderstood("ONBUILD of the base", 1)
        built.settings = replace(built.settings, own_cmd=own.own_cmd)
        for each in own.before:
            built.settings = apply(built.settings, each, assembly.arguments)
        for each in own.instructions:
            built.apply(each, assembly, index, stage, ground, context, where)
        return built

    def apply(
        self,
        each: Instruction,
        assembly: Assembly,
        index: int,
        stage: Callable[[int], _Built],
        ground: Callable[[str], Ground],
        context: Sequence[ContextEntry],
        where: str,
    ) -> None:
        self.settings = apply(self.settings, each, assembly.arguments)
        entries: tuple[LayerEntry, ...] = ()
        created_by = f"{each.keyword} {each.rest}"
        if each.keyword in ("COPY", "ADD"):
            copy = read_copy(each, self.settings, self.owner, where)
            source: Sequence[ContextEntry] = context
            if "from" in each.flags:
                place = source_of(each, assembly, index)
                if isinstance(place, int):
                    source = stage(place).entries()
                else:
                    source = ground(place).entries()
            entries = copied(copy, self.tree(), source)
        elif each.keyword == "WORKDIR":
            user = str(self.settings.config.get("User") or "0:0")
            uid, gid = self.owner(user, each.line)
            entries = tuple(
                parents(self.tree(), self.settings.workdir.strip("/"), uid, gid, set(), each.line)
            )
        if entries:
            self.layers.append(ComposedLayer(entries, created_by))
            self.known = self.tree().with_layer((one.path, one.kind, one.target) for one in entries)
        self.history.append((created_by, bool(entries)))

    def tree(self) -> Tree:
        if self.known is None:
            self.known = self.ground.tree()
        return self.known

    def owner(self, text: str, line: int) -> tuple[int, int]:
        return owner_of(text, self.read, line)

    def read(self, path: str) -> bytes | None:
        for layer in reversed(self.layers):
            for each in layer.entries:
                if each.path == path and each.kind == "file":
                    return b"".join(each.pieces() if each.pieces else ())
        return self.ground.read(path)

    def entries(self) -> Sequence[ContextEntry]:
        """Everything in this stage, as a COPY of another stage sees it."""
        found = {each.path: each for each in self.ground.entries()}
        for layer in self.layers:
            for one in layer.entries:
                if one.kind != "folder":
                    gone = [path for path in found if path.startswith(one.path + "/")]
                    for path in gone:
                        del found[path]
                found[one.path] = ContextEntry(
                    *(one.path, one.kind, one.mode, one.digest, one.size, one.target),
                    *(one.uid, one.gid, one.pieces),
                )
        return tuple(found[path] for path in sorted(found))


def source_of(instruction: Instruction, assembly: Assembly, index: int) -> int | str:
    """What COPY --from names: an earlier stage by its index, or the symbol of an image."""
    name = expand(instruction.flags["from"], assembly.arguments, instruction.line)
    for number, each in enumerate(assembly.stages[:index]):
        if each.name and each.name == name.lower():
            return number
    if name.isdigit() and int(name) < index:
        return int(name)
    return name


def apply(settings: Settings, instruction: Instruction, before: Mapping[str, str]) -> Settings:
    """The settings after one more instruction; `before` are the ARGs before the first FROM."""
    if instruction.keyword == "ARG":
        names = words(instruction.rest, instruction.line)
        taken = {
            each: before[each]
            for each in names
            if each in before and each not in settings.arguments
        }
        if taken and len(names) > len(taken):
            raise NotUnderstood("ARG with names from before FROM and others", instruction.line)
        settings = replace(settings, arguments={**settings.arguments, **taken})
    return rules.apply(settings, instruction)


def inherited(assembly: Assembly, index: int) -> tuple[Instruction, ...]:
    """The ARGs of the stages that a stage stands on, which it sees as its own."""
    stage = assembly.stages[index]
    if not isinstance(stage.base, int):
        return ()
    below = assembly.stages[stage.base]
    own = tuple(each for each in below.instructions if each.keyword == "ARG")
    return (*inherited(assembly, stage.base), *own)


def assemblable(instruction: Instruction, assembly: Assembly, base: str | None) -> None:
    """Raises NotUnderstood for what only a builder can do."""
    keyword, line = instruction.keyword, instruction.line
    if keyword in ("RUN", "ONBUILD", "MAINTAINER"):
        raise NotUnderstood(keyword, line)
    if keyword in ("COPY", "ADD"):
        other = set(instruction.flags) - {"chown", "chmod", *(["from"] * (keyword == "COPY"))}
        if other:
            raise NotUnderstood(f"{keyword} --{min(other)}", line)
        if keyword == "ADD" and re.search(r"(^|[\s\"'])(\w+://|git@)", instruction.rest):
            raise NotUnderstood("ADD from a URL", line)
        if "$" in instruction.flags.get("from", ""):
            raise NotUnderstood("COPY --from with a variable, which not every builder knows", line)
        if "from" in instruction.flags:
            index = next(
                number
                for number, each in enumerate(assembly.stages)
                if any(one is instruction for one in each.instructions)
            )
            place = source_of(instruction, assembly, index)
            if isinstance(place, str) and not (named_image(place) or place == base):
                raise NotUnderstood(f"COPY --from={place}", line)


def _from(
    instruction: Instruction,
    arguments: Mapping[str, str],
    base: str | None,
    stages: Sequence[Stage],
    *,
    foreign: bool,
) -> tuple[str | int, str]:
    line = instruction.line
    if instruction.flags and not foreign:
        raise NotUnderstood(f"FROM --{next(iter(instruction.flags))}", line)
    parts = [expand(each, arguments, line) for each in plain_words(instruction.rest, line)]
    if len(parts) not in (1, 3) or (len(parts) == 3 and parts[1].upper() != "AS"):
        raise NotUnderstood(f"FROM {instruction.rest}", line)
    reference, name = parts[0], parts[2].lower() if len(parts) == 3 else ""
    if name and not re.fullmatch(r"[a-z][a-z0-9_.-]*", name):
        raise NotUnderstood(f"the stage {name!r}", line)
    if name and any(each.name == name for each in stages):
        raise NotUnderstood(f"two stages are called {name}", line)
    for number, each in enumerate(stages):
        if each.name and each.name == reference.lower():
            return number, name
    if reference == "scratch" or named_image(reference) or reference == base or foreign:
        return reference, name
    raise NotUnderstood(f"its base {reference} is no image of this workspace", line)


def try_stage(stage: Stage, before: Sequence[Instruction], arguments: Mapping[str, str]) -> None:
    """Interpret every instruction once over nothing, so that the lane is known while planning.

    `before` are the ARGs that it sees already.
    """
    settings = Settings({}, {})
    for each in (*before, *stage.instructions):
        settings = apply(settings, each, arguments)
        if each.keyword in ("COPY", "ADD"):
            try_copy(each, settings)


def try_copy(instruction: Instruction, settings: Settings) -> Copy | None:
    """Read a COPY before its base is known. Raises NotUnderstood."""
    from provisimus.errors import InvalidDefinitions

    try:
        return read_copy(instruction, settings, lambda *_: (0, 0), "")
    except InvalidDefinitions:
        # Told with its place when the image is built.
        return None
