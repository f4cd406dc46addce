"""`provisimus stack apply` and `delete`: one stack, or many in the order of what they use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from provisimus.cli.names import service_names
from provisimus.cli.release import carry_out
from provisimus.cli.session import Session, with_session
from provisimus.errors import UsageFault

allow_option = click.option(
    *("--allow", "allow"),
    multiple=True,
    metavar="[SERVICE/]RESOURCE",
    help="A resource with data that may be replaced or deleted, by its logical id.",
)


def check_allowed(names: Sequence[str], allow: Iterable[str]) -> None:
    """Raises UsageFault where many stacks are asked for and it is not said of which one a resource
    may go: two may call theirs the same."""
    plain = [each for each in allow if "/" not in each]
    if len(names) > 1 and plain:
        raise UsageFault(
            f"of which stack may {plain[0]} go?", hint=f"say it: --allow SERVICE/{plain[0]}"
        )


@click.command()
@click.argument("services", metavar="SERVICE[@VERSION]...", nargs=-1, shell_complete=service_names)
@click.option("--all", "every", is_flag=True, help="Every stack of the workspace.")
@click.option(
    *("--plan", "saved"),
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Do what this saved plan says; refuse (5) when anything moved since.",
)
@allow_option
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for each stack after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def apply(
    session: Session,
    services: tuple[str, ...],
    every: bool,
    saved: Path | None,
    allow: tuple[str, ...],
    timeout: float | None,
) -> None:
    """Bring the stack of a SERVICE to what is declared, with all that it is made of.

    Goes through a change set, tells its events, waits until the service answers. Of many, each
    begins as soon as what it uses is done; what uses one that failed is not touched.

    \b
    Examples:
      provisimus stack apply greeter@1.0.0
      provisimus stack apply greeter --env staging --yes --timeout 900
      provisimus stack apply main catalog-db catalog
      provisimus stack apply --all --env local --yes
      provisimus stack apply --plan plan.json --env staging
    """
    from provisimus.cli.stack_plans import Asked, all_names, show_plans

    if bool(services) + every + (saved is not None) != 1:
        raise UsageFault("which stacks?", hint="name some, or say --all, or --plan FILE")
    if saved is not None:
        from provisimus.cli.saved_plans import apply_saved

        if allow:
            raise UsageFault(
                "a saved plan says itself what may go", hint="plan again with --allow and --out"
            )
        apply_saved(session, saved, timeout=timeout)
        return
    names = all_names(session) if every else list(services)
    check_allowed(names, allow)
    if session.dry_run or not names:
        show_plans(session, names, Asked(allow), exit_code=False)
    elif services and len(names) == 1:
        carry_out(session, names[0], timeout=timeout, allow=frozenset(allow))
    else:
        from provisimus.cli.stack_applies import apply_many

        apply_many(session, names, timeout=timeout, allow=frozenset(allow))


@click.command()
@click.argument("services", metavar="SERVICE...", nargs=-1, shell_complete=service_names)
@click.option("--all", "every", is_flag=True, help="Every stack of this project there.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for each stack after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def delete(session: Session, services: tuple[str, ...], every: bool, timeout: float | None) -> None:
    """Delete the stack of a SERVICE. Each data volume leaves a snapshot.

    Of many, each goes as soon as what uses it is gone. With --all, what is protected stays, with
    what it uses, and is told.

    \b
    Examples:
      provisimus stack delete greeter --dry-run
      provisimus stack delete greeter --env staging --yes
      provisimus stack delete catalog catalog-db
      provisimus stack delete --all --env local --yes
    """
    from provisimus.cli.stack_deletes import delete_many

    if every == bool(services):
        raise UsageFault("which stacks?", hint="name some, or say --all")
    delete_many(session, list(services), every=every, timeout=timeout)
