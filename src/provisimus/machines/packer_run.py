"""Running Packer for one bake: its template written and checked, its words told, its failure
explained.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisimus.environment import Environment
from provisimus.errors import InvalidDefinitions, ToolFailed
from provisimus.events import Tell
from provisimus.machines import intents, packer, packer_template, runs
from provisimus.machines.packer_failure import GONE, failure
from provisimus.machines.packer_problems import problems_in
from provisimus.machines.packer_template import Build
from provisimus.machines.plan import MachinePlan
from provisimus.machines.pull_access import VARIABLE, PullAccess
from provisimus.process import run, stream

GRACE = 300.0
"""Seconds that an interrupted Packer gets to terminate what it launched."""
LATER = "sg-00000000000000000"
"""Stands for the security group that is made when the template is known to be sound."""
FETCHING = 600.0
"""Seconds for plugins to come over the network."""
NOT_CLEANED = re.compile(r"Please delete the .* manually|may still be around")
"""How Packer says that something stays."""


@dataclass(frozen=True)
class Job:
    """A template on the disk and what it is given: a file, or a folder of HCL."""

    template: Path
    variables: Mapping[str, str]
    fetches: bool
    """Whether it declares plugins for `packer init`."""


def write_template(plan: MachinePlan, tool: packer.Packer, build: Build, work: Path) -> Job:
    """Ours, written for this Packer, or the definition's own with the values that it declares."""
    own = plan.files.packer_template
    if own is not None:
        text = own.read_text("utf-8")
        wanted = packer_template.declared_variables(own.name, text)
        ours = packer_template.variables(build)
        given = {name: value for name, value in ours.items() if name in wanted}
        if VARIABLE in wanted and not build.signs_in:
            given[VARIABLE] = ""
        return Job(own, given, packer_template.declares_plugins(text))
    if tool.version >= packer_template.MODERN:
        folder = work / "template"
        folder.mkdir(exist_ok=True)
        for name, data in packer_template.modern_template(build).items():
            (folder / name).write_text(json.dumps(data, indent=2))
        return Job(folder, {}, fetches=True)
    path = work / "template.json"
    path.write_text(json.dumps(packer_template.template(build), indent=2))
    return Job(path, {}, fetches=False)


def check_template(
    plan: MachinePlan,
    environment: Environment,
    tool: packer.Packer,
    build: Build,
    work: Path,
    scraps: Path,
    access: PullAccess,
) -> None:
    """Fetch the plugins that the template declares, and have Packer read it, before anything is
    made. Raises InvalidDefinitions for the definition's own, with file and line; ToolFailed.
    """
    job = write_template(plan, tool, build, work)
    variables = {**_variables(environment, work, scraps), **access.variables()}
    if job.fetches:
        run(
            packer.init_argv(tool.path, job.template),
            cwd=plan.folder,
            env=variables,
            timeout=FETCHING,
            hint="Packer fetches its plugin for AWS from GitHub; without a way there, install it: "
            "packer plugins install github.com/hashicorp/amazon",
        )
    said: list[str] = []
    try:
        with _blanking(access):
            stream(
                packer.validate_argv(tool.path, job.template, job.variables),
                said.append,
                cwd=plan.folder,
                env=variables,
                hint=packer.INSTALL,
            )
    except ToolFailed as error:
        own = plan.files.packer_template
        problems = problems_in(map(access.blanked, said), own or job.template)
        if own is None or not problems:
            raise
        raise InvalidDefinitions(problems) from error


def run_packer(
    plan: MachinePlan,
    environment: Environment,
    tool: packer.Packer,
    build: Build,
    work: Path,
    scraps: Path,
    access: PullAccess,
    tell: Tell,
    left: Callable[[], str] = lambda: GONE,
) -> list[str]:
    """Launch, set up, image, clean up. What the machine says it is made of, for ``sbom.py``.

    `left` says what became of the machine of a bake that failed. With a key of ours, Packer leaves
    it to us. Raises ToolFailed, ToolMissing.
    """
    job = write_template(plan, tool, build, work)
    narrator = packer.Narrator(tell, plan.machine, access)
    try:
        with narrator, _blanking(access):
            stream(
                packer.build_argv(
                    *(tool.path, job.template, job.variables), keep=build.key_file is not None
                ),
                intents.listening(work, _heeding(work, narrator)),
                cwd=plan.folder,
                env={**_variables(environment, work, scraps), **access.variables()},
                grace=GRACE,
                hint=packer.INSTALL,
            )
    except ToolFailed as error:
        raise failure(*(narrator, error, plan.folder, left()), disk=plan.definition.disk) from error
    return narrator.sbom


def _heeding(work: Path, then: Callable[[str], None]) -> Callable[[str], None]:
    """Hears when Packer itself could not clean up: the run's journal is then still wanted."""

    def hear(line: str) -> None:
        if NOT_CLEANED.search(line):
            runs.leave_journal(work)
        then(line)

    return hear


@contextmanager
def _blanking(access: PullAccess) -> Iterator[None]:
    """The last lines of a program that failed may hold what nobody is to see: also not in the
    journal, nor in the error that this one came from.
    """
    try:
        yield
    except ToolFailed as error:
        raise ToolFailed(
            access.blanked(error.message),
            status=error.status,
            tail=tuple(map(access.blanked, error.tail)),
            hint=error.hint,
        ) from None


def _variables(environment: Environment, work: Path, scraps: Path) -> dict[str, str]:
    return packer.build_environment(environment.cloud.environment_variables(), work, scraps)
