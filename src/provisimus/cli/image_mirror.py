"""`provisimus image mirror`: vendors' images into our registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from provisimus.images.registry import Registry


@click.command()
@click.argument("wanted", nargs=-1, metavar="[NAME|REFERENCE]…")
@click.option("--as", "name", metavar="NAME", help="The name in our registry, for one reference.")
@with_session(env=True, dry_run=True, work=True)
def mirror(session: Session, wanted: tuple[str, ...], name: str | None) -> None:
    """Copy vendors' images by digest into the registry, with every platform that they name.

    A NAME is an image of the workspace whose source is a vendor's image; without any, all of them.
    A REFERENCE names an image in any registry by its digest. The copy has the same digest.

    \b
    provisimus image mirror
    provisimus image mirror node-exporter
    provisimus image mirror quay.io/prometheus/node-exporter@sha256:… --as vendor/node-exporter
    """
    from provisimus.images.mirror import mirror_image
    from provisimus.images.registry import open_registry, parse_reference

    if name and len(wanted) != 1:
        raise UsageFault("--as names one image", hint="give one reference with it")
    pairs = _pairs(session, wanted, name)
    target = open_registry(session.open().registry)
    target.ping()
    if session.dry_run:
        _show(session, target, pairs)
        return
    done = []
    for own, reference in pairs:
        vendor = parse_reference(reference)
        source = target if vendor.host == target.host else open_registry(vendor.host)
        done.append((vendor, mirror_image(source, vendor, target, own, session.tell)))
    data = [
        {
            "from": str(vendor),
            "image": made.reference,
            "digest": str(made.digest),
            "copied": made.copied,
        }
        for vendor, made in done
    ]
    rows = [
        (made.reference, f"{made.copied / 1e6:.1f} MB copied" if made.copied else "was there")
        for _, made in done
    ]
    session.emit(data, table(["image", ""], rows) if rows else "no image is a vendor's")


def _show(session: Session, target: Registry, pairs: list[tuple[str, str]]) -> None:
    """What would be copied."""
    from provisimus.images.registry import parse_reference

    data = []
    for own, reference in pairs:
        selector = parse_reference(reference).selector
        there = target.digest_of(target.repository(own), selector) is not None
        data.append({"from": reference, "name": own, "copy": not there})
    rows = [(each["name"], "copy" if each["copy"] else "is there", each["from"]) for each in data]
    text = table(["image", "action", "from"], rows) if rows else "no image is a vendor's"
    session.emit(data, text)


def _pairs(session: Session, wanted: tuple[str, ...], name: str | None) -> list[tuple[str, str]]:
    """(name in our registry, the vendor's reference) of what is to be mirrored."""
    workspace = session.workspace
    vendors = {}
    named = not wanted or any("@" not in one for one in wanted)
    for each in workspace.image_folders() if named else ():
        source = workspace.image(each).source
        if source is not None and source.image:
            vendors[each] = source.image
    if not wanted:
        return sorted(vendors.items())
    pairs = []
    for each in wanted:
        if "@sha256:" in each:
            path = each.partition("@")[0].rpartition("/")[2].partition(":")[0]
            pairs.append((name or path, each))
        elif each in vendors:
            pairs.append((name or each, vendors[each]))
        else:
            raise UsageFault(
                f"{each} is no vendor's image of this workspace, and no reference by digest",
                hint="write host/name@sha256:…, or source: {image: …} in its manifest",
            )
    return pairs
