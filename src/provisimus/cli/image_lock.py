"""`provisimus image lock` and `outdated`: what is pinned, and what has moved since."""

from __future__ import annotations

import click

from provisimus.cli.names import image_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import UsageFault


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]…", shell_complete=image_names)
@click.option("--update", is_flag=True, help="Let the pins follow what moved.")
@click.option("--check", is_flag=True, help="Exit with 4 when something that moves is not pinned.")
@with_session(dry_run=True)
@click.pass_context
def lock(
    ctx: click.Context, session: Session, names: tuple[str, ...], update: bool, check: bool
) -> None:
    """Show what is pinned: versions, digests, sizes, and where from.

    docker.lock holds bases made from Debian packages, which the next build makes anew after
    --update, and SNAPSHOTs named in manifests, which --update pins to their newest file. Commit it.
    Vendors' images and files are pinned by digest in their manifests. Those are yours, and no
    command edits them: `provisimus image outdated` says what to write there.

    \b
    provisimus image lock
    provisimus image lock --check             in a build server's first step
    provisimus image lock --update jre        newer Debian packages for one base
    """
    from provisimus.images.lock import read_lock, write_lock
    from provisimus.images.locking import pins, unsound, updated_lock

    if update and check:
        raise UsageFault("--check looks, --update changes", hint="say one of them")
    if session.dry_run and not update:
        raise UsageFault("--dry-run goes with --update", hint="without it, nothing changes anyway")
    if names and not update:
        raise UsageFault("names go with --update", hint="without it, everything is shown")
    folder = session.workspace.docker
    before = read_lock(folder)
    after = updated_lock(session.workspace, before, names) if update else before
    if after != before and not session.dry_run:
        write_lock(folder, after)
    found = pins(session.workspace, after)
    rows = [
        (
            each.image,
            each.kind,
            each.version or "-",
            each.digest[:19] or "-",
            f"{each.size / 1e6:.1f} MB" if each.size else "-",
            each.why or each.source,
        )
        for each in found
    ]
    text = table(["image", "kind", "version", "digest", "size", "where from"], rows)
    session.emit([vars(each) for each in found], text if found else "nothing that moves is used")
    loose = sorted({each.image for each in unsound(found)})
    if check and loose:
        if not session.json:
            hint = (
                "provisimus image lock --update, and build what stands on them; commit docker.lock"
            )
            click.echo(f"not pinned: {', '.join(loose)}\n  hint: {hint}", err=True)
        ctx.exit(4)


@click.command()
@click.option("--exit-code", is_flag=True, help="Exit with 4 when there is something newer.")
@with_session(env=True)
@click.pass_context
def outdated(ctx: click.Context, session: Session, exit_code: bool) -> None:
    """Show of what there is something newer, and what to do about it. Changes nothing.

    Releases and SNAPSHOTs in the binary repositories, tags of vendors' images that moved, and
    Debian packages by this machine's package lists (after `apt-get update`).

    \b
    provisimus image outdated
    provisimus image outdated --json --exit-code
    """
    from provisimus.artifacts import open_repositories
    from provisimus.images.lock import read_lock
    from provisimus.images.outdated import find_outdated

    workspace = session.workspace
    found = find_outdated(
        workspace,
        read_lock(workspace.docker),
        open_repositories(workspace),
        session.open().registry,
        workspace.state / "cache",
    )
    rows = [
        (each.image, each.what, _short(each.now), _short(each.newer) or "?", each.todo)
        for each in found
    ]
    text = table(["image", "what", "now", "newer", "what to do"], rows)
    session.emit([vars(each) for each in found], text if found else "everything is up to date")
    if exit_code and any(each.newer for each in found):
        ctx.exit(4)


def _short(text: str) -> str:
    return text[:19] if text.startswith("sha256:") else text
