"""`provisimus image sbom` and `image show --sbom`: what is inside an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisimus.cli.names import image_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import NotFound

if TYPE_CHECKING:
    from provisimus.images.registry import Registry
    from provisimus.images.registry.content import Manifest


@click.command()
@click.argument("name", metavar="NAME[@VERSION]", shell_complete=image_names)
@click.option("--attach", is_flag=True, help="Attach it to the image, where none is yet.")
@click.option(
    "--spec",
    type=click.Choice(["1.5", "1.6"]),
    default="1.6",
    show_default=True,
    help="The version of CycloneDX to print.",
)
@with_session(env=True, work=True)
def sbom(session: Session, name: str, attach: bool, spec: str) -> None:
    """Print what is inside an image as a CycloneDX SBOM, read from its layers.

    JARs with those inside them, by the coordinates that Maven wrote there, and Debian packages.
    The same image gives the same bytes. Attached, it is an OCI referrer of the image.

    \b
    provisimus image sbom greeter@1.0.0 > greeter.cdx.json
    provisimus image sbom greeter@1.0.0 --attach --quiet > /dev/null
    """
    from provisimus.images.sbom import attach_sbom, make_sbom

    client, repository, found = _in_registry(session, name)
    cache = session.workspace.state / "cache"
    if attach:
        attach_sbom(client, repository, found, cache, session.tell)
    click.echo(make_sbom(client, repository, found, cache, spec), nl=False)


def show_sbom(session: Session, name: str) -> None:
    """Print the SBOM that is attached to an image as a table. Raises NotFound without one."""
    import json

    from provisimus.images.sbom import attached_sbom

    client, repository, found = _in_registry(session, name)
    attached = attached_sbom(client, repository, found.digest)
    if attached is None:
        raise NotFound(
            f"no SBOM is attached to {repository}@{found.digest.short}…",
            hint=f"attach it: provisimus image sbom {name} --attach",
        )
    data = json.loads(attached.body)
    rows = [
        (
            each["name"],
            each.get("version", "-"),
            ", ".join(
                str(given["license"].get("id") or given["license"].get("name"))
                for given in each.get("licenses", [])
            )
            or "-",
            each.get("purl") or each["type"],
        )
        for each in data["components"]
    ]
    session.emit(data, table(["component", "version", "licence", "what"], rows))


def _in_registry(session: Session, name: str) -> tuple[Registry, str, Manifest]:
    """An image of the registry, by the tag of its version, for this machine's processor."""
    from provisimus.cli.image import own_version
    from provisimus.images.find import one_platform
    from provisimus.images.registry import as_tag, open_registry
    from provisimus.model import ServiceVersion

    wanted = ServiceVersion.parse(name)
    version = wanted.version or own_version(session, wanted.name)
    client = open_registry(session.open().registry)
    repository = client.repository(wanted.name)
    found = client.manifest(repository, as_tag(version))
    if found is None:
        raise NotFound(
            f"{wanted.name} {version} is not in the registry {client.host}",
            hint=f"build it: provisimus image build {wanted.name}@{version}",
        )
    return client, repository, one_platform(client, repository, found)
