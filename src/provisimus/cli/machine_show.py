"""`provisimus machine show`: one machine image, what is in it and who uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.machine_images import one_image
from provisimus.cli.names import machine_images
from provisimus.cli.session import Session, with_session
from provisimus.errors import ProvisimusError

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.machines.details import Details
    from provisimus.machines.uses import Use


@click.command()
@click.argument("target", metavar="AMI|MACHINE[@VERSION]", shell_complete=machine_images)
@with_session(env=True)
def show(session: Session, target: str) -> None:
    """Show a machine image: its lineage, what is in it, who uses it.

    By tags, by its SBOM, and by asking the account for stacks, instances and launch templates.

    \b
    Examples:
      provisimus machine show greeter@1.0.0
      provisimus machine show ami-0123456789abcdef0 --json
    """
    environment = session.open()
    details = one_image(session, environment, target)
    uses, unknown = _uses(environment, details.image.image_id)
    counts = _counts(session, environment, details)
    data = {
        **details.as_json(),
        "components": counts,
        "uses": None if unknown else [vars(use) for use in uses],
    }
    session.emit(data, "\n".join(_lines(details, counts, uses, unknown)))


def _uses(environment: Environment, image: str) -> tuple[Sequence[Use], str]:
    from provisimus.release.image_uses import image_uses

    try:
        return image_uses(environment).get(image, ()), ""
    except ProvisimusError as error:
        return (), error.message


def _counts(session: Session, environment: Environment, details: Details) -> dict[str, int] | None:
    """Components by kind, images' own included; None where no SBOM is at hand."""
    from provisimus.release.machine_sbom import find_machine_sbom

    try:
        document = find_machine_sbom(details.image, environment, session.workspace.state)
    except ProvisimusError:
        return None
    return dict(Counter(_kinds(document["components"]))) if document else None


def _kinds(components: Iterable[dict[str, Any]]) -> Iterator[str]:
    for each in components:
        yield "debian" if str(each.get("purl", "")).startswith("pkg:deb/") else each["type"]
        for _ in each.get("components", ()):
            yield "inside images"


def _lines(
    details: Details, counts: dict[str, int] | None, uses: Sequence[Use], unknown: str
) -> Iterator[str]:
    told = details.as_json()
    healthy = told["healthy_after_seconds"]
    tested = f"{healthy} s after power-on" if healthy is not None else "untested"
    packages = "unknown: no SBOM was kept"
    if counts is not None:
        inside = counts.get("inside images", 0)
        packages = f"{counts.get('debian', 0)} Debian packages, {inside} components in images"
    facts = {
        "image": told["image_id"],
        "name": told["name"],
        "machine": f"{told['machine']} {told['version']}",
        "fingerprint": told["fingerprint"] or "unknown",
        "created": told["created"],
        "state": told["state"],
        "healthy": tested,
        "size": f"{told['size_gib']} GiB, {'encrypted' if told['encrypted'] else 'not encrypted'}",
        "base": told["base"],
        "run": told["run"],
        **{f"image/{name}": value for name, value in told["images"].items()},
        **{f"commit/{name}": value for name, value in told["commits"].items()},
        "packages": packages,
        "copies in": " ".join(told["copies_in"]) or "nowhere else",
        "shared with": " ".join(told["shared_with"]) or "nobody",
        "deprecated": told["deprecated"] or "no",
    }
    width = max(map(len, facts))
    yield from (f"{key:<{width}} {value}" for key, value in facts.items())
    if unknown:
        yield f"{'used by':<{width}} unknown: {unknown}"
    elif not uses:
        yield f"{'used by':<{width}} nobody in this account and region"
    for index, use in enumerate(uses):
        yield f"{'' if index else 'used by':<{width}} {use}"
