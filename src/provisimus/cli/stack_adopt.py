"""`provisimus stack adopt`: a stack that others made comes under management."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisimus.cli.names import foreign_stacks, service_names
from provisimus.cli.session import Session, with_session

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.stacks.adoption import Adoption


@click.command()
@click.argument("name", metavar="STACK", shell_complete=foreign_stacks)
@click.option(
    *("--as", "service"),
    metavar="SERVICE",
    shell_complete=service_names,
    help="The service that it becomes (default: called like the stack).",
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def adopt(session: Session, name: str, service: str | None, timeout: float | None) -> None:
    """Bring an existing STACK under management: one made by hand, by Sceptre, by the CDK …

    Writes stacks/SERVICE.yaml of type raw with the template and the parameters that run, unless it
    is there; and sets the tags that say whose the stack is. No resource changes but in its tags: a
    change set is read first, and where it would do more, the stack stays as it is (5).

    \b
    Examples:
      provisimus stack adopt Payments --dry-run
      provisimus stack adopt Payments --as payments --env production
      provisimus stack adopt payments-prod-queue --as queue --yes
    """
    from provisimus.release import one_at_a_time
    from provisimus.stacks.adopt import read_tagging, tag_stack
    from provisimus.stacks.adoption import wish
    from provisimus.stacks.change_set import Operation
    from provisimus.stacks.follow import Deadline

    environment = session.open()
    plan = _planned(session, environment, name, service, timeout)
    deadline = Deadline.after(timeout)
    token = wish(session.env, plan.stack.name)
    operation = Operation(
        environment, plan.service, plan.stack.name, session.run, session.tell, deadline, wish=token
    )
    tagging = [] if plan.tagged else read_tagging(operation, plan)
    data: dict[str, object] = {
        "stack": plan.stack.name,
        "service": plan.service,
        "write": [f"stacks/{path}" for path in plan.files],
        "say": plan.unsaid,
        "tags": {} if plan.tagged else plan.ours,
        "differences": plan.differences,
    }
    if session.dry_run or (plan.tagged and not plan.files):
        session.emit({**data, "adopted": plan.tagged}, "\n".join(_lines(plan, tagging)))
        return
    place = environment.whose()
    click.echo("\n".join([place, *_lines(plan, tagging)]), err=True)
    session.confirm(f"Adopt {plan.stack.name} in {place}?")
    with one_at_a_time(session.workspace, session.env, plan.service, session.run):
        _write(session, plan)
        if not plan.tagged:
            tag_stack(operation, plan)
    done = f"{plan.stack.name} is the stack of {plan.service}"
    session.emit({**data, "adopted": True}, "\n".join([done, _next(plan)]))


def _planned(
    session: Session,
    environment: Environment,
    name: str,
    service: str | None,
    timeout: float | None,
) -> Adoption:
    """What is to be done; an adoption that was interrupted is followed to its end before."""
    from provisimus.errors import UnderWay
    from provisimus.release.reattach import await_change
    from provisimus.stacks.adoption import plan_adoption

    while True:
        try:
            return plan_adoption(session.workspace, environment, name, service)
        except UnderWay as same:
            reason = "its adoption was interrupted"
            await_change(
                environment, same.stack_id, same.stack, same.service, reason, session.tell, timeout
            )


def _write(session: Session, plan: Adoption) -> None:
    """The files before the tags: a stack that is ours and that nobody declares might be pruned."""
    from provisimus.cli.new_files import write_new

    workspace = session.workspace
    files = {workspace.stacks / path: text for path, text in plan.files.items()}
    write_new(files, workspace.root)


def _lines(plan: Adoption, tagging: list[str]) -> list[str]:
    name, service = plan.stack.name, plan.service
    if plan.tagged and not plan.files:
        return [f"{name} is the stack of {service} already", *_differing(plan), _next(plan)]
    lines = [f"{name} becomes the stack of {service}"]
    lines += [f"  write stacks/{path}" for path in plan.files]
    if not plan.tagged:
        lines.append("  tag   " + ", ".join(f"{k}={v}" for k, v in plan.ours.items()))
    lines += [f"    {each}" for each in tagging]
    return [*lines, *_differing(plan), *(f"  to say: {each}" for each in plan.unsaid)]


def _differing(plan: Adoption) -> list[str]:
    if not plan.differences:
        return []
    head = f"  stacks/{plan.service}.yaml wants another template than the one that runs:"
    return [head, *(f"    {each}" for each in plan.differences)]


def _next(plan: Adoption) -> str:
    first = ""
    if plan.unsaid:
        first = f"say {', '.join(plan.unsaid)} in stacks/{plan.service}.yaml by reference, then: "
    return f"next: {first}provisimus stack plan {plan.service}"
