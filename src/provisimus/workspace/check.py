"""`provisimus check`: every definition read, and every name that one file says of another found.

Offline. Returns all problems of all files, not the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from provisimus.errors import InvalidDefinitions, NotFound, Problem
from provisimus.workspace import marks
from provisimus.workspace.definitions.aws_names import architecture_of
from provisimus.workspace.definitions.image import ImageManifest
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.definitions.outputs import output_of
from provisimus.workspace.definitions.stack import MachineStack, StackDefinition
from provisimus.workspace.definitions.stacks.cluster import ClusterDefinition
from provisimus.workspace.definitions.stacks.service import ServiceDefinition
from provisimus.workspace.images import ImagePlace
from provisimus.workspace.problems import did_you_mean
from provisimus.workspace.stack_uses import use_faults
from provisimus.workspace.workspace import Workspace

Read = TypeVar("Read")


def check(workspace: Workspace) -> tuple[list[Problem], int]:
    """All problems, in the order of files and lines, and how many definitions were read."""
    problems: list[Problem] = []
    problems += _environments(workspace)
    machines, services = workspace.machines(), workspace.services()
    images: dict[str, ImageManifest | None] = {}
    for name in workspace.images():
        image = _collect(problems, lambda name=name: workspace.image(name))  # type: ignore[misc]
        images[name] = image
        if image is not None and image.dockerfile is not None:
            problems += _template(workspace.image_place(name), image.dockerfile)
    for name in machines:
        machine = _collect(problems, lambda name=name: workspace.machine(name))  # type: ignore[misc]
        if machine is not None:
            problems += _machine(workspace, name, machine, images)
    stacks: dict[str, StackDefinition] = {}
    for name in services:
        stack = _collect(problems, lambda name=name: workspace.stack(name))  # type: ignore[misc]
        if stack is not None:
            stacks[name] = stack
            problems += _stack(workspace, name, stack, set(machines))
            for each in (None, *stack.environments):
                problems += _architecture(workspace, name, each)
            for environment in stack.environments:
                _collect(problems, lambda n=name, e=environment: workspace.stack(n, e))  # type: ignore[misc]
    problems += _uses(workspace, stacks)
    count = len(workspace.image_folders()) + len(machines) + len(services) + 1
    return sorted(set(problems), key=lambda one: (one.file, one.line or 0, one.key)), count


def _collect(problems: list[Problem], read: Callable[[], Read]) -> Read | None:
    try:
        return read()
    except InvalidDefinitions as error:
        problems += error.problems
    except NotFound as error:
        problems.append(Problem(error.where or "", None, "", error.message, error.hint))
    return None


def _template(place: ImagePlace, name: str) -> Iterator[Problem]:
    if not (place.folder / name).is_file():
        key: marks.KeyPath = ("variants", place.variant, "dockerfile") if place.variant else ()
        if key not in marks.read(place.manifest).lines:
            key = ("dockerfile",)
        there = [each.name for each in place.folder.glob("Dockerfile*.j2")]
        hint = did_you_mean(name, there)
        yield _at(place.manifest, key, f"there is no file {name} beside it", hint)


def _environments(workspace: Workspace) -> Iterator[Problem]:
    known = workspace.project.environments
    for name, each in known.items():
        before = each.promote_from
        if before is not None and (before not in known or before == name):
            others = [one for one in known if one != name]
            key = ("environments", name, "promote_from")
            message = f"{before!r} is no other environment of provisimus.yaml"
            yield _at(
                workspace.root / "provisimus.yaml", key, message, did_you_mean(before, others)
            )


def _machine(
    workspace: Workspace, name: str, machine: Machine, images: Mapping[str, ImageManifest | None]
) -> Iterator[Problem]:
    path = workspace.packer / name / "machine.yaml"
    if machine.base not in workspace.project.bases:
        hint = did_you_mean(machine.base, workspace.project.bases)
        yield _at(path, ("base",), f"there is no base {machine.base!r} in provisimus.yaml", hint)
    for key, use in [(("main",), machine.main)] + [
        (("side_carts", index), use) for index, use in enumerate(machine.side_carts)
    ]:
        if isinstance(use, str) and use not in images:
            hint = did_you_mean(use, images)
            yield _at(path, key, f"there is no image {use!r}", hint)
        if key != ("main",) and isinstance(use, str) and use in images:
            manifest = workspace.image_place(use).manifest
            if not _has_version(images[use], manifest):
                hint = "side carts and bases carry their version in their own manifest"
                yield _at(manifest, (), f"{use} is a side cart of {name} and has no version", hint)


def _has_version(image: ImageManifest | None, manifest: Path) -> bool:
    """Of a faulty manifest, which is None, the file is asked."""
    if image is not None:
        return image.version is not None
    return "version" in (marks.read(manifest).data or {})


def _stack(
    workspace: Workspace, name: str, stack: StackDefinition, machines: set[str]
) -> Iterator[Problem]:
    path = workspace.stacks / f"{name}.yaml"
    for environment in stack.environments:
        if environment not in workspace.project.environments:
            hint = did_you_mean(environment, workspace.project.environments)
            message = f"there is no environment {environment!r} in provisimus.yaml"
            yield _at(path, ("environments", environment), message, hint)
    if not isinstance(stack, MachineStack):
        return
    machine = stack.machine or name
    if machine not in machines:
        hint = did_you_mean(machine, machines)
        yield _at(path, ("machine",), f"there is no machine {machine!r}", hint)
    else:
        volumes = (
            stack.data_volumes if isinstance(stack, ServiceDefinition | ClusterDefinition) else None
        )
        mounts = {volume.mount for volume in volumes or ()}
        try:
            known = workspace.machine(machine).volumes
        except InvalidDefinitions:
            return
        for volume in known:
            if volume.mount not in mounts:
                # The machine would wait for it for ever, and its containers with it.
                message = f"machine {machine} mounts {volume.mount}; this stack has no such volume"
                key, hint = "data_volumes", "add it to data_volumes"
                if volumes is None:
                    key, hint = "machine", "no volume follows its instances: name one without"
                yield _at(path, (key,), message, hint)


def _architecture(workspace: Workspace, name: str, environment: str | None) -> Iterator[Problem]:
    """A type of instance that does not run the machine image, which is of the architecture of the
    instance that baked it. What is faulty is told where it is read."""
    with suppress(InvalidDefinitions, NotFound):
        stack = workspace.stack(name, environment)
        if not isinstance(stack, MachineStack):
            return
        machine = stack.machine or name
        baked = architecture_of(workspace.machine(machine).instance_type)
        wanted: str = getattr(stack, "instance_type", "")
        if wanted and not output_of(wanted) and architecture_of(wanted) != baked:
            path = workspace.stacks / f"{name}.yaml"
            key: marks.KeyPath = ("environments", environment or "", "instance_type")
            if key not in marks.read(path).lines:
                key = ("instance_type",)
            message = f"{wanted} is of {architecture_of(wanted)}; machine {machine} is of {baked}"
            hint = (
                "choose a type of that architecture; or bake the machine on another instance_type"
            )
            yield _at(path, key, message, hint)


def _uses(workspace: Workspace, stacks: Mapping[str, StackDefinition]) -> Iterator[Problem]:
    """What is wrong with the uses of stacks, in general and in each environment that differs."""
    declared = set(workspace.services())
    for name, use, message, hint in use_faults(stacks):
        if use.stack in declared - stacks.keys():
            continue  # its file is faulty, which was told where it was read
        yield _at(workspace.stacks / f"{name}.yaml", use.key, message, hint)
    for environment in sorted({each for one in stacks.values() for each in one.environments}):
        there: dict[str, StackDefinition] = {}
        for name in stacks:
            # What is faulty was told where the overrides were read.
            with suppress(InvalidDefinitions):
                there[name] = workspace.stack(name, environment)
        for name, use, message, hint in use_faults(there):
            if use.stack in declared - there.keys():
                continue
            if use.key[0] in stacks[name].environments.get(environment, {}):
                key = ("environments", environment, *use.key)
                yield _at(workspace.stacks / f"{name}.yaml", key, message, hint)


def _at(path: Path, key: marks.KeyPath, message: str, hint: str | None) -> Problem:
    return Problem(str(path), marks.read(path).line(key), "/".join(map(str, key)), message, hint)
