"""A workspace: the folder with provisimus.yaml and the definition repositories that it names.

Each definition is read when it is asked for, and only that one; so is the module of its kind, for
making its classes takes milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from provisimus.errors import InvalidDefinitions, Problem, Undeclared, UsageFault
from provisimus.workspace import marks, problems
from provisimus.workspace.definitions.common import Definition
from provisimus.workspace.definitions.project import Base, EnvironmentDefinition, Project
from provisimus.workspace.images import (
    ImagePlace,
    find_image_place,
    image_folders,
    image_places,
    read_image,
)
from provisimus.workspace.known import Known

if TYPE_CHECKING:
    from provisimus.workspace.definitions.image import ImageManifest
    from provisimus.workspace.definitions.machine import Machine
    from provisimus.workspace.definitions.stack import StackDefinition

FILE = "provisimus.yaml"
STATE = ".provisimus"
GROUP = "autoscaled-service"
"""The type of a stack that has its instances from a group."""
Model = TypeVar("Model", bound=Definition)


@dataclass(frozen=True)
class Workspace:
    """`root` holds provisimus.yaml; `docker` and `packer` may be repositories of their own."""

    root: Path
    project: Project
    drafts: Mapping[str, str] = field(default_factory=dict)
    """What the files of some services shall say, by the service; read in their place."""

    @property
    def name(self) -> str:
        return self.project.project

    @cached_property
    def docker(self) -> Path:
        return (self.root / self.project.repositories.docker).resolve()

    @cached_property
    def packer(self) -> Path:
        return (self.root / self.project.repositories.packer).resolve()

    @property
    def stacks(self) -> Path:
        return self.root / "stacks"

    @property
    def state(self) -> Path:
        """What may be lost without harm: the journal, locks, caches."""
        return _state(self.root)

    @cached_property
    def known(self) -> Known:
        return _known(self.root)

    @property
    def repositories(self) -> dict[str, Path]:
        """The definition repositories by the name under which lineage records their commits."""
        return {"services": self.root, "docker": self.docker, "packer": self.packer}

    def images(self) -> list[str]:
        """Every image, variants too."""
        return [each.name for each in image_places(self.docker, self.known)]

    def image_folders(self) -> list[str]:
        """The images without their variants, which share source, version and pins with them."""
        return [folder.name for folder in image_folders(self.docker)]

    def machines(self) -> list[str]:
        return sorted(path.parent.name for path in self.packer.glob("*/machine.yaml"))

    def services(self) -> list[str]:
        return sorted(path.stem for path in self.stacks.glob("*.yaml"))

    def has_service(self, name: str) -> bool:
        """Without reading what it is."""
        return (self.stacks / f"{name}.yaml").is_file()

    def image(self, name: str) -> ImageManifest:
        """Raises Undeclared for a name that is not there, InvalidDefinitions for a faulty one."""
        return read_image(self.docker, name, self.project.environments, self.images, self.known)

    def image_place(self, name: str) -> ImagePlace:
        """The folder of an image, and which variant it is; a name that is not there is a folder."""
        return self.find_image_place(name) or ImagePlace(self.docker / name)

    def find_image_place(self, name: str) -> ImagePlace | None:
        return find_image_place(self.docker, name, self.known)

    def declared_version(self, image: str, environment: str | None = None) -> str | None:
        """The version in the stack of an image's name; of a variant, else in that of its folder's.

        Raises as `stack`.
        """
        for service in (image, self.image_place(image).folder.name):
            if self.has_service(service):
                from provisimus.workspace.definitions.stack import version_of

                return version_of(self.stack(service, environment))
        return None

    def machine(self, name: str) -> Machine:
        from provisimus.workspace.definitions.machine import Machine

        path = self.packer / name / "machine.yaml"
        return self._read(path, Machine, "machine", name, self.machines)

    def stack(self, name: str, environment: str | None = None) -> StackDefinition:
        """The stack as it is in one environment: its overrides laid over the rest."""
        from provisimus.workspace.definitions.stack import StackDefinition

        path = self.stacks / f"{name}.yaml"
        if name in self.drafts:
            return _drafted(self.root, marks.parse(path, self.drafts[name]), environment or "")
        if not path.is_file() and (member := self._member(name, environment)):
            return member

        def anew() -> StackDefinition:
            from provisimus.workspace.stack_kinds import read_stack

            return read_stack(self.root, marks.read(path))

        definition = self._read(path, StackDefinition, "service", name, self.services, anew)
        overrides = definition.environments.get(environment or "")
        if not overrides:
            return definition
        assert environment is not None
        kind = type(definition)
        return self.known.read(
            *(kind, path),
            lambda: _overridden(kind, marks.read(path), environment, overrides),
            environment,
        )

    def with_draft(self, service: str, text: str) -> Workspace:
        """The workspace as it would be with other text in a stack's file."""
        return replace(self, drafts={**self.drafts, service: text})

    def cluster_of(self, name: str) -> str | None:
        """The stack whose file tells of what has none of its own: `cache` for `cache-2`."""
        cluster, _, number = name.rpartition("-")
        member = number.isdigit() and not self.has_service(name) and self.has_service(cluster)
        return cluster if member else None

    def _member(self, name: str, environment: str | None) -> StackDefinition | None:
        """The member of a cluster that `cache-2` means; None where there is no such cluster."""
        cluster, number = self.cluster_of(name), name.rpartition("-")[2]
        if cluster is None:
            return None
        from provisimus.workspace.definitions.stacks.cluster import ClusterDefinition

        found = self.stack(cluster, environment)
        if isinstance(found, ClusterDefinition) and 1 <= int(number) <= found.members:
            return found.member(cluster, int(number))
        return None

    def members(self, name: str, environment: str | None = None) -> list[str]:
        """The services that a cluster consists of; none of any other stack."""
        from provisimus.workspace.definitions.stacks.cluster import ClusterDefinition

        found = self.stack(name, environment)
        return found.names(name) if isinstance(found, ClusterDefinition) else []

    def with_several(self, name: str, environment: str | None = None) -> list[str]:
        """The services that have the instances of a cluster or a group; none of any other name."""
        if not self.has_service(name):
            return []
        if members := self.members(name, environment):
            return members
        return [name] if self.stack(name, environment).type == GROUP else []

    def declared(self, environment: str) -> list[str]:
        """Every name that a stack may have: services, and the members of clusters."""
        names = self.services()
        return sorted({*names, *(one for each in names for one in self.members(each, environment))})

    def machine_of(self, service: str, environment: str | None = None) -> str | None:
        """The name of the machine that a stack runs; None for a stack without one."""
        from provisimus.workspace.definitions.stack import MachineStack

        definition = self.stack(service, environment)
        return (definition.machine or service) if isinstance(definition, MachineStack) else None

    def base(self, name: str) -> Base:
        try:
            return self.project.bases[name]
        except KeyError:
            hint = problems.did_you_mean(name, self.project.bases)
            raise Undeclared(
                f"there is no base {name!r}", where=str(self.root / FILE), hint=hint
            ) from None

    def environment(self, name: str) -> EnvironmentDefinition:
        try:
            return self.project.environments[name]
        except KeyError:
            hint = problems.did_you_mean(name, self.project.environments)
            raise UsageFault(
                f"there is no environment {name!r}", where=str(self.root / FILE), hint=hint
            ) from None

    def _read(
        self,
        path: Path,
        model: type[Model],
        kind: str,
        name: str,
        there: Callable[[], list[str]],
        anew: Callable[[], Model] | None = None,
    ) -> Model:
        if not path.is_file():
            raise Undeclared(
                f"there is no {kind} {name!r}",
                where=str(path),
                hint=problems.did_you_mean(name, there()),
            )
        return self.known.read(model, path, anew)


def _state(root: Path) -> Path:
    return root / STATE


def _known(root: Path) -> Known:
    return Known(_state(root) / "cache" / "definitions")


def _drafted(root: Path, document: marks.Document, environment: str) -> StackDefinition:
    """Raises InvalidDefinitions."""
    from provisimus.workspace.stack_kinds import read_stack

    definition = read_stack(root, document)
    overrides = definition.environments.get(environment)
    if not overrides:
        return definition
    return _overridden(type(definition), document, environment, overrides)


def _overridden(
    kind: type[StackDefinition],
    document: marks.Document,
    environment: str,
    overrides: Mapping[str, object],
) -> StackDefinition:
    """The stack with what its file says for one environment. Raises InvalidDefinitions."""
    data = {**document.data, **overrides, "environments": {}}
    here, there = document.data.get("environment"), overrides.get("environment")
    if isinstance(here, dict) and isinstance(there, dict):
        # Variables one by one: who changes one does not want to repeat the others.
        data["environment"] = {**here, **there}
    # Overridden keys stand under environments/<name>/…: errors must point there.
    depth = ("environments", environment)
    moved = {
        key[len(depth) :]: line
        for key, line in document.lines.items()
        if key[: len(depth)] == depth
    }
    lines = {**document.lines, **{key: line for key, line in moved.items() if key}}
    try:
        return problems.validate(kind, marks.Document(document.path, data, lines))
    except InvalidDefinitions as error:
        raise InvalidDefinitions(
            [_under(each, "/".join(depth), overrides) for each in error.problems]
        ) from None


def _under(problem: Problem, prefix: str, overrides: Mapping[str, object]) -> Problem:
    """The problem with the key that the file has, when an override brought it."""
    overridden = problem.key.partition("/")[0] in overrides
    return replace(problem, key=f"{prefix}/{problem.key}") if overridden else problem


def open_workspace(start: str | os.PathLike[str] | None = None) -> Workspace:
    """The workspace around `start` (the current folder): provisimus.yaml there or above.

    Raises UsageFault when there is none, InvalidDefinitions when the file is faulty.
    """
    folder = Path(start or ".").resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE).is_file():
            return Workspace(candidate, _known(candidate).read(Project, candidate / FILE))
    raise UsageFault(
        f"there is no {FILE} in {folder} or above it",
        hint="go to a workspace, or name one with --workspace",
    )
