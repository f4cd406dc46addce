"""The file of `stack plan --out`, which `stack apply --plan` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.cli.session import Session
from provisimus.errors import Refused, UsageFault

if TYPE_CHECKING:
    from provisimus.cli.stack_plans import Asked, Planned
    from provisimus.environment import Environment
    from provisimus.release import ReleasePlan

KIND, FORMAT = "provisimus stack plan", 1


@dataclass(frozen=True)
class SavedPlans:
    """What was saved: names with versions in the order in which they are applied, what each is
    bound to, and what holds data and may go."""

    path: Path
    bound: Mapping[str, Mapping[str, Any]]
    allow: frozenset[str]

    @property
    def names(self) -> list[str]:
        return [
            f"{name}@{each['version']}" if each.get("version") else name
            for name, each in self.bound.items()
        ]

    def check(self, made: ReleasePlan, environment: Environment) -> None:
        """Raises Refused when a plan is not the one that was saved, and says what moved."""
        from provisimus.release.saved import bound, check_bound

        check_bound(self.bound[made.plan.service], bound(made, environment))


def save_plans(session: Session, path: Path, found: Mapping[str, Planned], asked: Asked) -> None:
    """Write what was planned, whole or not at all. Raises UsageFault where the file cannot be."""
    from provisimus.files import replacing
    from provisimus.release.saved import bound

    environment = session.open()
    plans = [
        {**each.as_data(), "bound": bound(each.release, environment)} for each in found.values()
    ]
    whole = {
        "kind": KIND,
        "format": FORMAT,
        "project": session.workspace.name,
        "allow": sorted(asked.allow),
        "plans": plans,
    }
    try:
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(whole, indent=2, default=str) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageFault(
            f"{path} cannot be written: {error.strerror}", hint="name a file in a folder of yours"
        ) from None


def read_plans(session: Session, path: Path) -> SavedPlans:
    """Raises UsageFault for what is no such file, Refused for one of another project or place."""
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        if (whole["kind"], whole["format"]) != (KIND, FORMAT):
            raise ValueError(f"it is {whole['kind']!r}, format {whole['format']!r}")
        bound = {each["bound"]["service"]: each["bound"] for each in whole["plans"]}
        saved = SavedPlans(path, bound, frozenset(whole["allow"]))
        project = whole["project"]
        environments = {each["environment"] for each in bound.values()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageFault(
            f"{path} is no saved plan of stacks: {error}",
            hint=f"make one: provisimus stack plan NAME --out {path}",
        ) from None
    if project != session.workspace.name or environments - {session.env}:
        raise Refused(
            f"{path} is a plan for {', '.join(sorted(environments))} of {project}",
            where=f"this is {session.env} of {session.workspace.name}",
            hint="name its environment with --env",
        )
    return saved


def apply_saved(session: Session, path: Path, *, timeout: float | None) -> None:
    """Carry saved plans out. All are checked before anything is touched, and each once more before
    it is. Raises Refused for one that no longer holds."""
    from provisimus.cli.release import carry_out
    from provisimus.cli.stack_plans import Asked, show_plans
    from provisimus.model import ServiceVersion
    from provisimus.release import plan_release

    saved = read_plans(session, path)
    environment = session.open(start=not session.dry_run)
    for name in saved.names:
        asked = ServiceVersion.parse(name)
        saved.check(plan_release(session.workspace, environment, asked), environment)
    if session.dry_run:
        show_plans(session, saved.names, Asked(tuple(sorted(saved.allow))))
        return
    if len(saved.names) == 1:
        carry_out(session, *saved.names, check=saved.check, timeout=timeout, allow=saved.allow)
        return
    from provisimus.cli.stack_applies import apply_many

    apply_many(session, saved.names, check=saved.check, timeout=timeout, allow=saved.allow)
