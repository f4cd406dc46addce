"""Running Packer for one bake: its template written, its words told, its failure explained."""

from __future__ import annotations

import json
from pathlib import Path

from provisimus.environment import Environment
from provisimus.errors import ToolFailed
from provisimus.events import Tell
from provisimus.machines import packer, packer_template, runs
from provisimus.machines.packer_template import Build
from provisimus.machines.plan import MachinePlan
from provisimus.process import stream

GRACE = 300.0
"""Seconds that an interrupted Packer gets to terminate what it launched."""


def run_packer(
    plan: MachinePlan,
    environment: Environment,
    tool: packer.Packer,
    build: Build,
    run: str,
    work: Path,
    tell: Tell,
) -> None:
    """Launch, set up, image, clean up. Raises ToolFailed, ToolMissing."""
    own = plan.files.packer_template
    if own is None:
        path = work / "template.json"
        path.write_text(json.dumps(packer_template.template(build), indent=2))
        given: dict[str, str] = {}
    else:
        path = own
        wanted = packer_template.declared_variables(own.name, own.read_text("utf-8"))
        ours = packer_template.variables(build)
        given = {name: value for name, value in ours.items() if name in wanted}
    narrator = packer.Narrator(tell, plan.machine)
    try:
        with narrator:
            stream(
                packer.build_argv(tool.path, path, given),
                narrator,
                cwd=plan.folder,
                env=packer.build_environment(
                    environment.cloud.environment_variables(), work, runs.scraps_folder(run)
                ),
                grace=GRACE,
                hint=packer.INSTALL,
            )
    except ToolFailed as error:
        raise packer.failure(narrator, error, plan.folder) from error
