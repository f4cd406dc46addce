"""`machine lock`: which base AMIs are pinned, which are not, and letting pins follow what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provisimus.environment import Environment
from provisimus.errors import NotFound, UsageFault
from provisimus.machines.catalogue import find_base
from provisimus.machines.lock import LockedBase, PackerLock, asked_for
from provisimus.workspace import Workspace
from provisimus.workspace.definitions.project import AwsEnvironment
from provisimus.workspace.problems import did_you_mean


@dataclass(frozen=True)
class Pin:
    """A base in an environment. `why` is what is wrong with its pin."""

    base: str
    environment: str
    region: str
    image: str
    name: str
    created: str
    asked: str
    why: str = ""


def used_bases(workspace: Workspace) -> dict[str, list[str]]:
    """The bases that machines start from, each with those machines."""
    found: dict[str, list[str]] = {}
    for name in workspace.machines():
        found.setdefault(workspace.machine(name).base, []).append(name)
    return dict(sorted(found.items()))


def aws_environments(workspace: Workspace) -> dict[str, AwsEnvironment]:
    return {
        name: each
        for name, each in sorted(workspace.project.environments.items())
        if isinstance(each, AwsEnvironment)
    }


def pins(workspace: Workspace, lock: PackerLock, environment: str | None = None) -> list[Pin]:
    """Every base that machines use in every environment of AWS (or in one), pinned or not; and pins
    of nothing. Asks nobody.
    """
    bases, environments = used_bases(workspace), aws_environments(workspace)
    wanted = [
        (base, name) for base in bases for name in environments if environment in (None, name)
    ]
    found = [_pin(workspace, lock, base, name, environments[name].region) for base, name in wanted]
    for (base, name), locked in sorted(lock.bases.items()):
        if (base, name) not in wanted and environment in (None, name):
            found.append(replace(_of(base, name, locked), why="no machine refers to it"))
    return found


def updated_lock(
    workspace: Workspace, environment: Environment, lock: PackerLock, names: Sequence[str] = ()
) -> PackerLock:
    """The lock with these bases (all, when none is named) at their newest in one environment.

    Without names, pins of what no machine refers to are taken out of it. Raises NotFound for a base
    that is not there, UsageFault for one that nobody uses, or in the local cloud.
    """
    if environment.local is not None:
        raise UsageFault(
            "the bases of the local cloud are made by their recipe: there is nothing to pin",
            hint="name an environment of AWS: --env staging",
        )
    used = used_bases(workspace)
    for name in names:
        if name not in used:
            if name not in workspace.project.bases:
                known = workspace.project.bases
                raise NotFound(f"there is no base {name!r}", hint=did_you_mean(name, known))
            raise UsageFault(f"no machine starts from {name}", hint=did_you_mean(name, used))
    for name in names or used:
        base = workspace.base(name)
        found = find_base(environment, name, base)
        locked = LockedBase(
            asked_for(base.aws),
            environment.cloud.region,
            found.image_id,
            found.name,
            found.owner,
            found.created,
        )
        lock = lock.having(name, environment.name, locked)
    for base_name, place in () if names else list(lock.bases):
        if place == environment.name and base_name not in used:
            lock = lock.without(base_name, place)
    return lock


def _pin(workspace: Workspace, lock: PackerLock, base: str, environment: str, region: str) -> Pin:
    asked = asked_for(workspace.base(base).aws)
    locked = lock.bases.get((base, environment))
    if locked is None:
        why = "not pinned: each bake takes the newest"
        return Pin(base, environment, region, "", "", "", asked, why)
    found = _of(base, environment, locked)
    if lock.pin(base, environment, region, asked) is None:
        where = asked if locked.region == region else f"{asked} in {region}"
        return replace(found, why=f"pinned when something else was asked for; now: {where}")
    return found


def _of(base: str, environment: str, locked: LockedBase) -> Pin:
    return Pin(
        *(base, environment, locked.region, locked.image, locked.name, locked.created),
        locked.asked,
    )
