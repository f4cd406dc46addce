"""`provisimus machine lock`: which base AMIs are pinned, and moving their pins."""

from __future__ import annotations

import click

from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import UsageFault


@click.command()
@click.argument("names", nargs=-1, metavar="[BASE]…")
@click.option("--update", is_flag=True, help="Pin to what is newest now.")
@click.option("--check", is_flag=True, help="Exit with 4 when a base is not pinned.")
@with_session(env=True, dry_run=True)
@click.pass_context
def lock(
    ctx: click.Context, session: Session, names: tuple[str, ...], update: bool, check: bool
) -> None:
    """Show which base AMIs are pinned, in the environments of AWS.

    packer.lock holds each by its id, name, owner and day, per environment. A pin is an input of the
    machine images: moving it bakes anew what stands on the base. Commit it. The local cloud makes
    its bases by their recipe, which needs no pin.

    \b
    provisimus machine lock                                   in all environments of AWS
    provisimus machine lock --check                           in a build server's first step
    provisimus machine lock --update debian-12 --env staging  the newest of one base
    """
    from provisimus.machines.lock import read_lock, write_lock
    from provisimus.machines.locking import pins, updated_lock

    if update and check:
        raise UsageFault("--check looks, --update changes", hint="say one of them")
    if session.dry_run and not update:
        raise UsageFault("--dry-run goes with --update", hint="without it, nothing changes anyway")
    if names and not update:
        raise UsageFault("names go with --update", hint="without it, everything is shown")
    workspace = session.workspace
    before = read_lock(workspace.packer)
    after = updated_lock(workspace, session.open(), before, names) if update else before
    if after != before and not session.dry_run:
        write_lock(workspace.packer, after)
    local = workspace.environment(session.env).provider == "local"
    found = pins(workspace, after, None if local else session.env)
    rows = [
        (
            *(each.base, each.environment, each.image or "-", each.name or "-"),
            *(each.created[:10] or "-", each.why or each.asked),
        )
        for each in found
    ]
    text = table(["base", "environment", "image", "name", "created", "where from"], rows)
    session.emit([vars(each) for each in found], text if found else "nothing that moves is used")
    loose = sorted({f"{each.base} in {each.environment}" for each in found if each.why})
    if check and loose:
        if not session.json:
            hint = "provisimus machine lock --update --env …; commit packer.lock"
            click.echo(f"not pinned: {', '.join(loose)}\n  hint: {hint}", err=True)
        ctx.exit(4)
