"""`provisimus machine sbom`: what a machine image is made of."""

from __future__ import annotations

import click

from provisimus.cli.machine_images import one_image
from provisimus.cli.names import machine_images
from provisimus.cli.session import Session, with_session
from provisimus.errors import NotFound


@click.command()
@click.argument("target", metavar="AMI|MACHINE[@VERSION]", shell_complete=machine_images)
@click.option(
    "--spec",
    type=click.Choice(["1.5", "1.6"]),
    default="1.6",
    show_default=True,
    help="The version of CycloneDX to print.",
)
@with_session(env=True)
def sbom(session: Session, target: str, spec: str) -> None:
    """Print what a machine image is made of as a CycloneDX SBOM.

    Its Debian packages, its container images with what is inside them, and the files of its
    definition, as they were when it was baked.

    \b
    provisimus machine sbom greeter@1.0.0 > greeter.cdx.json
    """
    from provisimus.machines.sbom import ON_DISK
    from provisimus.release.joined_sbom import as_version
    from provisimus.release.machine_sbom import find_machine_sbom

    environment = session.open()
    image = one_image(session, environment, target).image
    document = find_machine_sbom(image, environment, session.workspace.state)
    if document is None:
        raise NotFound(
            f"nobody kept an SBOM of {image.image_id}",
            where=f"registry {environment.registry}",
            hint=f"machines baked by now have one on their disk: {ON_DISK}",
        )
    click.echo(as_version(document, spec), nl=False)
