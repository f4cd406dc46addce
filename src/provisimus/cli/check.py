"""`provisimus check`."""

from __future__ import annotations

import click

from provisimus.cli.session import Session, with_session
from provisimus.errors import InvalidDefinitions


@click.command()
@with_session()
def check(session: Session) -> None:
    """Validate every definition of the workspace and the templates of its images, offline.

    Every problem is shown with file, line and key. Exit code 3 when there is one.

    \b
    Examples:
      provisimus check
      provisimus check --json        for editors and build servers
    """
    from provisimus.images.checking import range_problems, template_problems
    from provisimus.stacks.checking import stack_problems
    from provisimus.workspace.check import check as check_all

    problems, count = check_all(session.workspace)
    problems += template_problems(session.workspace)
    problems += range_problems(session.workspace)
    problems += stack_problems(session.workspace)
    if problems:
        raise InvalidDefinitions(problems)
    session.emit({"definitions": count, "problems": []}, f"{count} definitions, no problem")
