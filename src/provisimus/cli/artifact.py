"""`provisimus artifact …`: files in the binary repositories."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisimus.cli.group import Group
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import NotFound, UsageFault
from provisimus.model import UNKNOWN, Digest

if TYPE_CHECKING:
    from provisimus.artifacts import Published, Repositories
    from provisimus.artifacts.interface import Repository
    from provisimus.model import Artifact


@click.group(cls=Group)
def artifact() -> None:
    """Files in the binary repositories: JARs and TAR/GZs under Maven coordinates."""


@artifact.command(name="list")
@click.argument("name", required=False, metavar="[GROUP:ARTIFACT]")
@with_session()
def list_(session: Session, name: str | None) -> None:
    """List artifacts, or the versions of GROUP:ARTIFACT as Maven orders them.

    \b
      provisimus artifact list
      provisimus artifact list com.acme:greeter --json
    """
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
    """Show one artifact: file, checksum, size, commit, and where it was imported from.

    \b
      provisimus artifact show com.acme:greeter:1.0.0
      provisimus artifact show org.apache.activemq:apache-activemq:5.18.3:tar.gz:bin --json
    """
    from provisimus.artifacts import open_repositories
    from provisimus.artifacts.maven.layout import parse_coordinates

    repositories = open_repositories(session.workspace)
    found = repositories.resolve(parse_coordinates(coordinates))
    origin = repositories.origin(found)
    text = _as_text(found) + (f"\n{'origin':<12} {origin}" if origin else "")
    session.emit({**_as_json(found), "origin": origin}, text)


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

    \b
      provisimus artifact publish target/greeter-1.0.0.jar
      provisimus artifact publish dist/broker.tgz --coordinates com.acme:broker:2.1:tgz
    """
    from provisimus.artifacts import open_repositories
    from provisimus.artifacts import publish as publish_file
    from provisimus.artifacts.maven.layout import parse_coordinates

    repositories = open_repositories(session.workspace)
    target = _target(repositories, repository)
    given = parse_coordinates(coordinates) if coordinates else None
    _tell(session, publish_file(target, file, given, commit), "published")


@artifact.command(name="import")
@click.argument("source", metavar="FILE|URL|G:A:V[:PACKAGING[:CLASSIFIER]]")
@click.option("--coordinates", metavar="G:A:V[:PACKAGING]", help="What it shall be called here.")
@click.option("--sha256", metavar="HEX", help="What it must be; needed for an address.")
@click.option("--origin", metavar="TEXT", help="Where it is from (default: what is known of it).")
@click.option("--repository", metavar="NAME", help="Default: releases, or the only one there is.")
@with_session(work=True)
def import_(
    session: Session,
    source: str,
    coordinates: str | None,
    sha256: str | None,
    origin: str | None,
    repository: str | None,
) -> None:
    """Put what others made into a binary repository, and write down where it is from.

    Coordinates are fetched by this machine's Maven, with its mirrors and credentials.

    \b
      provisimus artifact import com.hazelcast:hazelcast:5.3.6
      provisimus artifact import https://vendor.example/broker-5.1.tgz --sha256 HEX \\
          --coordinates com.vendor:broker:5.1:tgz
      provisimus artifact import ~/broker-5.1.tgz --coordinates com.vendor:broker:5.1:tgz
    """
    from provisimus.artifacts import open_repositories
    from provisimus.artifacts.importing import import_artifact
    from provisimus.artifacts.maven.layout import parse_coordinates
    from provisimus.events import step

    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256.lower()):
        raise UsageFault(f"{sha256!r} is no SHA-256", hint="64 hexadecimal digits")
    repositories = open_repositories(session.workspace)
    with step(session.tell, f"import {source.partition('?')[0]}") as outcome:
        done = import_artifact(
            repositories,
            _target(repositories, repository),
            source,
            coordinates=parse_coordinates(coordinates) if coordinates else None,
            sha256=Digest(sha256.lower()) if sha256 else None,
            origin=origin,
            tell=session.tell,
        )
        outcome.result = str(done.artifact.coordinates)
    _tell(session, done, "imported", repositories.origin(done.artifact))


def _target(repositories: Repositories, name: str | None) -> Repository:
    only = repositories.each[0].name if len(repositories.each) == 1 else "releases"
    return repositories.named(name or only)


def _tell(session: Session, done: Published, how: str, origin: str | None = None) -> None:
    how = how if done.created else "was there already, the same bytes:"
    text = f"{how} {done.artifact.coordinates}\n{_as_text(done.artifact)}"
    text += f"\n{'origin':<12} {origin}" if origin else ""
    about = {"origin": origin} if origin else {}
    session.emit({**_as_json(done.artifact), **about, "created": done.created}, text)


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
