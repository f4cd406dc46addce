"""`provisimus init`: a workspace to begin with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from provisimus.cli.new_files import write_new
from provisimus.errors import UsageFault


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--project", help="Its name, part of every stack's (default: the folder's).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def init(folder: Path, project: str | None, as_json: bool) -> None:
    """Begin a workspace in FOLDER (default: here): provisimus.yaml, annotated.

    \b
    Examples:
      provisimus init acme
      cd acme
      provisimus new service hello
      provisimus release hello
    """
    from provisimus.workspace.definitions.common import checked_name
    from provisimus.workspace.scaffold import workspace_files

    root = folder.resolve()
    name = project or re.sub(r"[^a-z0-9-]+", "-", root.name.lower()).strip("-")
    try:
        checked_name(name)
    except ValueError as error:
        raise UsageFault(str(error), hint="name the project with --project") from None
    files = workspace_files(name)
    if (root / ".gitignore").exists():
        del files[".gitignore"]
    written = write_new({root / path: text for path, text in files.items()}, root)
    text = [*written, "", "next:", *(f"  {line}" for line in _next(folder))]
    click.echo(json.dumps({"written": written}, indent=2) if as_json else "\n".join(text))


def _next(folder: Path) -> list[str]:
    """What one does with a fresh workspace."""
    return [
        *([f"cd {folder}"] if folder != Path() else []),
        "git init                       (what is made carries the commit of its definitions)",
        "provisimus new service NAME    (an image, a machine and a stack to begin with)",
        "provisimus check",
    ]
