"""`provisimus artifact …`: files in the binary repositories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import NotFound, UsageFault
from provisimus.model import UNKNOWN

if TYPE_CHECKING:
    from provisimus.model import Artifact


@click.group()
def artifact() -> None:
    """Files in the binary repositories: JARs and TAR/GZs under Maven coordinates."""


@artifact.command(name="list")
@click.argument("name", required=False, metavar="[GROUP:ARTIFACT]")
@with_session()
def list_(session: Session, name: str | None) -> None:
    """List artifacts, or the versions of GROUP:ARTIFACT as Maven orders them."""
    from provisimus.artifacts import open_repositories

    repositories = open_repositories(session.workspace)
    silent: list[str] = []
    if name is None:
        pairs, silent = repositories.artifacts()
    else:
        group, separator, own = name.partition(":")
        if not separator or not group or not own or ":" in own:
            raise UsageFault(f"{name!r} is no GROUP:ARTIFACT", hint="for example com.acme:greeter")
        pairs = [(group, own)]
    rows = [(group, own, repositories.versions(group, own)) for group, own in pairs]
    if name is not None and not rows[0][2]:
        hint = "`provisimus artifact list` shows what there is"
        raise NotFound(f"there is no artifact {name}", hint=hint)
    data = [{"group": group, "artifact": own, "versions": found} for group, own, found in rows]
    if name is not None:
        session.emit(data, "\n".join(rows[0][2]))
        return
    text = table(
        ["artifact", "versions", "newest"],
        [(f"{group}:{own}", len(found), found[-1]) for group, own, found in rows if found],
    )
    lines = [text] if rows else [] if silent else ["there is no artifact yet"]
    lines += [
        f"{each} cannot be listed as a whole: provisimus artifact list GROUP:ARTIFACT"
        for each in silent
    ]
    session.emit(data, "\n".join(lines))


@artifact.command()
@click.argument("coordinates", metavar="GROUP:ARTIFACT:VERSION[:PACKAGING]")
@with_session()
def show(session: Session, coordinates: str) -> None:
    """Show one artifact: file, checksum, size, commit."""
    from provisimus.artifacts import open_repositories
    from provisimus.artifacts.maven.layout import parse_coordinates

    found = open_repositories(session.workspace).resolve(parse_coordinates(coordinates))
    session.emit(_as_json(found), _as_text(found))


@artifact.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--commit", metavar="SHA", help="The commit it was built from (default: the JAR's).")
@click.option(
    "--coordinates", metavar="G:A:V[:PACKAGING]", help="Default: those Maven put into it."
)
@click.option("--repository", metavar="NAME", help="Default: releases, or the only one there is.")
@with_session()
def publish(
    session: Session,
    file: Path,
    commit: str | None,
    coordinates: str | None,
    repository: str | None,
) -> None:
    """Put FILE into a binary repository, with checksums, commit and metadata.

    Whole or not at all. A release never changes: the same bytes again are fine, others are refused.
    """
    from provisimus.artifacts import open_repositories
    from provisimus.artifacts import publish as publish_file
    from provisimus.artifacts.maven.layout import parse_coordinates

    repositories = open_repositories(session.workspace)
    only = repositories.each[0].name if len(repositories.each) == 1 else "releases"
    target = repositories.named(repository or only)
    given = parse_coordinates(coordinates) if coordinates else None
    done = publish_file(target, file, given, commit)
    how = "published" if done.created else "was there already, the same bytes:"
    text = f"{how} {done.artifact.coordinates}\n{_as_text(done.artifact)}"
    session.emit({**_as_json(done.artifact), "created": done.created}, text)


def _as_json(found: Artifact) -> dict[str, object]:
    return {
        "coordinates": str(found.coordinates),
        "repository": found.repository,
        "location": found.location,
        "sha256": found.sha256.hex,
        "size": found.size,
        "commit": found.commit,
    }


def _as_text(found: Artifact) -> str:
    return "\n".join(
        f"{name:<12} {value}"
        for name, value in {
            "coordinates": found.coordinates,
            "repository": found.repository,
            "file": found.location,
            "sha256": found.sha256.hex,
            "size": f"{found.size:,} bytes",
            "commit": found.commit or UNKNOWN,
        }.items()
    )
