"""`provisimus local …`: the local cloud."""

from __future__ import annotations

import sys

import click

from provisimus.cli.group import Group
from provisimus.cli.local_expose import expose
from provisimus.cli.local_faults import fault, faults, hang, heal, kill
from provisimus.cli.local_place import listener, local_cloud
from provisimus.cli.local_worlds import forget, freeze, thaw, worlds
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import NotFound
from provisimus.local import HINT


@click.group(cls=Group)
def local() -> None:
    """The local cloud: a real AWS-shaped cloud on this machine, on loopback only."""


for _command in (freeze, thaw, worlds, forget, fault, faults, heal, kill, hang, expose):
    local.add_command(_command)


@local.command()
@with_session(work=True)
def up(session: Session) -> None:
    """Start the local cloud. Does nothing when it runs already.

    \b
    Examples:
      provisimus local up
      provisimus local up --json
    """
    cloud, region = local_cloud(session)
    status = cloud.up(region, listener(session))
    session.emit(status, f"the local cloud answers at {cloud.endpoint}")


@local.command()
@with_session()
def down(session: Session) -> None:
    """Stop the local cloud with all that it runs. Its state stays for the next `up`.

    \b
    Example:
      provisimus local down
    """
    cloud, _ = local_cloud(session)
    stopped = cloud.down()
    text = "the local cloud is stopped" if stopped else "the local cloud was not running"
    session.emit({"stopped": stopped}, text)


@local.command()
@with_session()
def status(session: Session) -> None:
    """Show what runs. Exit code 1 when nothing does.

    \b
    Examples:
      provisimus local status
      provisimus local status --json
    """
    cloud, _ = local_cloud(session)
    found = cloud.status()
    if found is None:
        raise NotFound("the local cloud is not running", hint=HINT)
    acceleration = found["acceleration"] or {}
    lines = [
        f"endpoint      {found['endpoint']}  region {found['region']}  process {found['pid']}",
        f"directory     {found['directory']}",
        f"acceleration  {acceleration.get('name', 'unknown')}  {acceleration.get('why', '')}",
    ]
    for service in found["services"]:
        place = service.get("url") or service.get("host") or ""
        lines.append(f"{service['name']:<13} {service['state']}  {place}")
    rows = [
        (each["id"], each["state"], each.get("public_ip") or "-", each.get("private_ip") or "-")
        for each in found["instances"]
    ]
    if rows:
        lines += ["", table(["instance", "state", "public", "private"], rows)]
    rows = [
        (each["id"], each["state"], each["public"] or "-", each["endpoint"])
        for each in found.get("databases", [])
    ]
    if rows:
        lines += ["", table(["database", "state", "public", "endpoint"], rows)]
    session.emit(found, "\n".join(lines))


@local.command()
@click.option("--lines", "-n", default=50, show_default=True, help="How many last lines.")
@click.argument("instance", required=False)
@with_session()
def logs(session: Session, lines: int, instance: str | None) -> None:
    """Show the local cloud's log, or the console of an INSTANCE.

    \b
    Examples:
      provisimus local logs
      provisimus local logs i-0123456789abcdef0 --lines 200
    """
    cloud, _ = local_cloud(session)
    if instance:
        text = cloud.console(instance)
    elif cloud.log.exists():
        text = cloud.log.read_text(errors="replace")
    else:
        raise NotFound("the local cloud has no log yet", where=str(cloud.log), hint=HINT)
    tail = text.splitlines()[-lines:]
    session.emit({"lines": tail}, "\n".join(tail))


@local.command()
@with_session(yes=True)
def reset(session: Session) -> None:
    """Remove every file of the local cloud: images, volumes, stacks, registry, kept worlds.

    \b
    Examples:
      provisimus local down
      provisimus local reset --yes
    """
    cloud, _ = local_cloud(session)
    if not cloud.directory.exists():
        session.emit({"removed": None}, "there is nothing to remove")
        return
    session.confirm(f"Remove {cloud.directory} with all images, volumes, stacks and kept worlds?")
    cloud.reset()
    session.emit({"removed": str(cloud.directory)}, f"removed {cloud.directory}")
    sys.stdout.flush()
