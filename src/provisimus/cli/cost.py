"""`provisimus cost`."""

from __future__ import annotations

from dataclasses import asdict

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table


@click.command()
@click.argument("services", metavar="[SERVICE]...", nargs=-1, shell_complete=service_names)
@with_session(env=True)
def cost(session: Session, services: tuple[str, ...]) -> None:
    """Estimate what stacks cost a month, resource by resource, in US dollars.

    The figures come from a dated table of list prices. What is not counted is said by name.

    \b
    Examples:
      provisimus cost
      provisimus cost greeter catalog-db --env production --json
    """
    from provisimus.tasks.cost import estimate_costs

    made = estimate_costs(session.open(), session.workspace.name, services)
    counted = [each for each in made.lines if each.usd is not None]
    rows = [(each.service, each.resource, each.what, f"{each.usd:.2f}") for each in counted]
    names = list(dict.fromkeys(each.service for each in made.lines))
    sums = [(name, "", "a month", f"{made.of(name):.2f}") for name in names if len(names) > 1]
    lines = [table(["service", "resource", "what", "USD"], [*rows, *sums])] if rows else []
    lines += [f"{e.service} {e.resource}: {e.what}" for e in made.uncounted]
    lines.append(
        f"together {made.usd:.2f} USD a month: list prices of {made.region} as of {made.as_of}, "
        "not checked since; traffic, requests, snapshots, changing public addresses and taxes are "
        "not counted"
        if made.lines
        else "no stack that costs anything"
    )
    data = {**asdict(made), "usd": made.usd, "uncounted": len(made.uncounted)}
    session.emit(data, "\n".join(lines))
