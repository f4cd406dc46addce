"""`provisimus machine diff`: what differs between two machine images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.machine_images import one_image
from provisimus.cli.names import machine_images
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import ProvisimusError

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.machines.details import Details

TARGET = "AMI|MACHINE[@VERSION]"


@click.command()
@click.argument("one", metavar=TARGET, shell_complete=machine_images)
@click.argument("two", metavar=TARGET, shell_complete=machine_images)
@with_session(env=True)
def diff(session: Session, one: str, two: str) -> None:
    """Show what differs between two machine images, from the first to the second.

    Debian packages, images and what is inside them, files of the definition, its other inputs,
    commits and sizes.

    \b
    provisimus machine diff greeter@1.0.0 greeter@1.0.1
    """
    from provisimus.machines.diff import differences

    environment = session.open()
    first, second = (one_image(session, environment, target) for target in (one, two))
    sboms = {each.image.image_id: _sbom(session, environment, each) for each in (first, second)}
    names = [first.image.image_id, second.image.image_id]
    found = differences(first, second, *(sboms[name] for name in names))
    lacking = [name for name, sbom in sboms.items() if sbom is None]
    rows = [
        (each.kind, each.what, each.name, _short(each.before), _short(each.after)) for each in found
    ]
    head = ["kind", "what", "name", *names]
    text = table(head, rows) if rows else "nothing that is known of them differs"
    if lacking:
        text += f"\npackages and files are not compared: no SBOM of {' and '.join(lacking)}"
    data = {
        "one": first.as_json(),
        "two": second.as_json(),
        "changes": [each.as_json() for each in found],
        "without_sbom": lacking,
    }
    session.emit(data, text)


def _sbom(session: Session, environment: Environment, image: Details) -> dict[str, Any] | None:
    from provisimus.release.machine_sbom import find_machine_sbom

    try:
        return find_machine_sbom(image.image, environment, session.workspace.state)
    except ProvisimusError:
        return None


def _short(text: str | None) -> str:
    if text is None:
        return "-"
    name, at, digest = text.partition("@sha256:")
    return f"{name}@{digest[:12]}" if at else text
