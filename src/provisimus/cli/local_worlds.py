"""`provisimus local freeze`, `thaw`, `worlds`, `forget`: whole worlds kept for later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from provisimus.cli.local_place import listener, local_cloud
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.local import LocalCloud


@contextmanager
def _standing_still(session: Session) -> Iterator[LocalCloud]:
    """The local cloud, stopped meanwhile if it runs. It runs again afterwards, whatever happens."""
    from provisimus.events import step

    (cloud, region), tell = local_cloud(session), listener(session)
    ran = cloud.status() is not None
    if ran:
        with step(tell, "stop the local cloud", "its machines are powered down meanwhile"):
            cloud.down()
    try:
        yield cloud
    finally:
        if ran:
            cloud.up(region, tell)


@click.command()
@click.argument("name")
@with_session(work=True)
def freeze(session: Session, name: str) -> None:
    """Keep the whole local cloud as it is, under a NAME: images, volumes, stacks, registry.

    Nothing is copied, so it takes neither time nor room; what changes afterwards does. A cloud that
    runs is stopped meanwhile, its machines boot again.

    \b
    Examples:
      provisimus local freeze baked
      provisimus local thaw baked
    """
    with _standing_still(session) as cloud:
        cloud.freeze(name)
    session.emit({"frozen": name}, f"kept as {name}; provisimus local thaw {name} brings it back")


@click.command()
@click.argument("name")
@with_session(yes=True, work=True)
def thaw(session: Session, name: str) -> None:
    """Put a world that was kept under NAME in the place of the local cloud's. It stays kept.

    \b
    Examples:
      provisimus local thaw baked --yes
      provisimus local worlds
    """
    session.confirm(f"Replace everything that is in the local cloud now by {name}?")
    with _standing_still(session) as cloud:
        cloud.thaw(name)
    session.emit({"thawed": name}, f"the local cloud is {name} again")


@click.command()
@with_session()
def worlds(session: Session) -> None:
    """List the worlds that are kept.

    \b
    Examples:
      provisimus local worlds
      provisimus local worlds --json
    """
    found = local_cloud(session)[0].worlds()
    rows = [(each["name"], each["frozen"]) for each in found]
    session.emit(found, table(["world", "frozen"], rows) if rows else "no world is kept")


@click.command()
@click.argument("name")
@with_session(yes=True, work=True)
def forget(session: Session, name: str) -> None:
    """Remove a world that was kept under NAME. The local cloud itself is not touched.

    \b
    Example:
      provisimus local forget baked --yes
    """
    session.confirm(f"Remove the world {name}?")
    with _standing_still(session) as cloud:
        cloud.forget(name)
    session.emit({"forgotten": name}, f"{name} is kept no longer")
