"""`provisimus local fault`, `faults`, `heal`, `kill`: what happens when things go wrong."""

from __future__ import annotations

from typing import Any

import click

from provisimus.cli.local_place import local_cloud
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import UsageFault

EVERY = 100
"""The share of a fault that happens to every call that is named, in percent."""


@click.command()
@click.argument("calls")
@click.option("--throttle", is_flag=True, help="They are asked to come slower.")
@click.option("--fail", metavar="CODE", help="They fail with an error of this code.")
@click.option("--message", help="What the error says.")
@click.option("--delay", type=float, metavar="SECONDS", help="Their answer is kept back.")
@click.option(
    "--cut",
    type=click.Choice(["before", "after"]),
    help="The connection ends, before or after it was done.",
)
@click.option("--no-capacity", is_flag=True, help="There is none for the instances to launch.")
@click.option("--type", "kind", metavar="PATTERN", help="… for instance types like t3.* only.")
@click.option("--zone", metavar="PATTERN", help="… in zones like *1a only.")
@click.option("--times", type=click.IntRange(1), help="To so many calls; without, until healed.")
@click.option(
    *("--share", "share"),
    type=click.IntRange(1, 100),
    metavar="PERCENT",
    help="To so many of a hundred calls, here and there.",
)
@with_session()
def fault(
    session: Session,
    calls: str,
    throttle: bool,
    fail: str | None,
    message: str | None,
    delay: float | None,
    cut: str | None,
    no_capacity: bool,
    kind: str | None,
    zone: str | None,
    times: int | None,
    share: int | None,
) -> None:
    """Let something happen to CALLS of the local cloud's API: SERVICE:ACTION, with * and ?.

    What names no action is called by method and path: "ebs:PUT /snapshots/*". It is over when the
    local cloud stops.

    \b
    Examples:
      provisimus local fault ec2:RunInstances --no-capacity --type t3.* --zone eu-west-1a
      provisimus local fault "ec2:Describe*" --throttle --times 5
      provisimus local fault "cloudformation:*" --throttle --share 30
      provisimus local fault cloudformation:CreateChangeSet --cut after --times 1
      provisimus local fault "ssm:*" --delay 3
    """
    kinds = {"throttle": throttle, "fail": fail, "delay": delay, f"cut-{cut}": cut,
             "no-capacity": no_capacity}  # fmt: skip
    chosen = [name for name, given in kinds.items() if given]
    if len(chosen) != 1:
        raise UsageFault("say one of --throttle, --fail, --delay, --cut and --no-capacity")
    order = {"code": fail, "message": message, "seconds": delay, "times": times, "type": kind,
             "zone": zone, "share": share}  # fmt: skip
    cloud, _ = local_cloud(session)
    given = {key: value for key, value in order.items() if value}
    made = cloud.command("POST", "faults", {"calls": calls, "kind": chosen[0], **given})
    text = f"fault {made['id']}: {chosen[0]} {calls}; provisimus local heal {made['id']} ends it"
    session.emit(made, text)


def _how(fault: dict[str, Any]) -> str:
    seconds = f"{fault['seconds']:g} s" if fault["seconds"] else ""
    how = fault["code"] or seconds or f"{fault['type']} {fault['zone']}".strip()
    part = f"{fault['share']} %" if fault["share"] < EVERY else ""
    return " ".join(filter(None, (how, part))) or "-"


@click.command()
@with_session()
def faults(session: Session) -> None:
    """List what happens to calls now.

    \b
    Examples:
      provisimus local faults
      provisimus local faults --json
    """
    found = local_cloud(session)[0].command("GET", "faults")
    rows = [
        (
            *(str(each["id"]), each["calls"], each["kind"]),
            _how(each),
            "always" if each["left"] is None else str(each["left"]),
        )
        for each in found
    ]
    session.emit(
        found, table(["id", "calls", "kind", "how", "left"], rows) if rows else "nothing goes wrong"
    )


@click.command()
@click.argument("number", metavar="[ID]", type=int, required=False)
@with_session()
def heal(session: Session, number: int | None) -> None:
    """Let nothing happen to calls any more, or the fault with this ID no more.

    \b
    Examples:
      provisimus local heal
      provisimus local heal 2
    """
    what = "faults" if number is None else f"faults/{number}"
    lifted = local_cloud(session)[0].command("DELETE", what)["lifted"]
    if number is not None and not lifted:
        raise UsageFault(f"there is no fault {number}", hint="provisimus local faults lists them")
    session.emit({"lifted": lifted}, f"{lifted} fault{'s' if lifted != 1 else ''} lifted")


@click.command()
@click.argument("instance")
@with_session()
def kill(session: Session, instance: str) -> None:
    """End the machine of an INSTANCE as when its host fails.

    EC2 recovers it, or its Auto Scaling group replaces it; so does this.

    \b
    Example:
      provisimus local kill i-0123456789abcdef0
    """
    local_cloud(session)[0].command("POST", f"instances/{instance}/kill")
    session.emit(
        {"killed": instance}, f"the machine of {instance} is gone; it is recovered or replaced"
    )


@click.command()
@click.argument("instance")
@click.option("--off", is_flag=True, help="Let it go on.")
@with_session()
def hang(session: Session, instance: str, off: bool) -> None:
    """Have the machine of an INSTANCE hang: it is there and answers nothing.

    Its health checks fail, those of a balancer and EC2's status check; a group replaces it, an
    alarm may reboot it.

    \b
    Examples:
      provisimus local hang i-0123456789abcdef0
      provisimus local hang i-0123456789abcdef0 --off
    """
    method = "DELETE" if off else "POST"
    made = local_cloud(session)[0].command(method, f"instances/{instance}/hang")
    session.emit(made, f"{instance} {'goes on' if off else 'hangs: its health checks fail'}")
