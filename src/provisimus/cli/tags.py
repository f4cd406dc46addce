"""`provisimus tags …`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click

from provisimus.cli.group import Group
from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import UsageFault

LACKING = 4
"""Exit code when a tag is missing, with --exit-code."""


@click.group(cls=Group)
def tags() -> None:
    """The company's tags: `tags:` in provisimus.yaml, handed on by every stack."""


@tags.command()
@click.argument("services", metavar="[SERVICE]...", nargs=-1, shell_complete=service_names)
@click.option("--exit-code", is_flag=True, help="Exit with 4 when something lacks a tag.")
@with_session(env=True)
def check(session: Session, services: tuple[str, ...], exit_code: bool) -> None:
    """Check that each live resource of the stacks carries the company's tags.

    \b
    Examples:
      provisimus tags check
      provisimus tags check greeter --env production --exit-code
    """
    from provisimus.tasks.company_tags import lacking, live_resources

    wanted = session.workspace.project.tags
    if not wanted:
        raise UsageFault(
            "this workspace wants no tags",
            where=str(session.workspace.root / "provisimus.yaml"),
            hint='write them there: tags: {cost-center: "4711", owner: platform}',
        )
    found = live_resources(session.open(), session.workspace.name, services)
    short = list(lacking(found, wanted))
    unread = Counter(each.type for each in found if each.tags is None)
    rows = [
        (
            each.resource.service,
            each.resource.logical_id,
            each.resource.physical_id,
            " ".join([*each.missing, *(f"{name}={value}" for name, value in each.other.items())]),
        )
        for each in short
    ]
    read = sum(each.tags is not None for each in found)
    lines = [table(["service", "resource", "id", "lacks or has otherwise"], rows)] if rows else []
    lines.append(f"{len(short)} of {read} resources lack a tag" if rows else f"all {read} have all")
    if rows:
        names = " ".join(sorted({each.resource.service for each in short}))
        lines.append(f"the stacks set them when they are applied: {names}")
    if unread:
        told = ", ".join(f"{count} of {name}" for name, count in sorted(unread.items()))
        lines.append(f"not read, for their services tell no tags here: {told}")
    data = {
        "wanted": wanted,
        "read": read,
        "lacking": [asdict(each) for each in short],
        "unread": dict(unread),
    }
    session.emit(data, "\n".join(lines))
    if exit_code and short:
        click.get_current_context().exit(LACKING)
