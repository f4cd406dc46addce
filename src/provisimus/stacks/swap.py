"""The first half of a swap: the instance rests, its data is safe, its volumes are free.

CloudFormation makes the new before it removes the old, so an instance that owns volumes takes two
updates. Nothing here does by hand what the template declares: whether an instance runs, and its
snapshots, it does not declare.
"""

from __future__ import annotations

from provisimus.errors import ProvisimusError, StillRunning, Unreachable
from provisimus.events import step
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.change_set import Deployment, Operation, deploy
from provisimus.stacks.instances import make_running, make_stopped, resources_by_id, snapshot
from provisimus.stacks.template import INSTANCE, VOLUME, detached, resources_of

_KEPT = (live.PROJECT, live.ENVIRONMENT, live.SERVICE, live.VERSION)


def release_volumes(
    operation: Operation, stack: Stack, running: Deployment, reason: str, *, number: int
) -> None:
    """Stop the instance, snapshot its volumes, and update the stack to one without attachments.

    Where that cannot be done, the instance is started again and the error goes on. Unreachable and
    StillRunning leave things as they are, for the next run.
    """
    environment = operation.environment
    physical = resources_by_id(environment, stack)
    for name in resources_of(running.template, INSTANCE):
        if name in physical:
            why = "it gives up its data volumes"
            make_stopped(environment, physical[name], operation.tell, operation.deadline, why)
    named = running.tags.get(live.FINGERPRINT, "unknown")
    freed = Deployment(detached(running.template, named), running.parameters, running.tags)
    title = f"release the volumes of {stack.name}"
    try:
        _snapshot(operation, stack, running, physical)
        deploy(operation, freed, create=False, number=number, title=title, reason=reason)
    except (StillRunning, Unreachable):
        raise
    except ProvisimusError:
        make_running(environment, stack, operation.tell, operation.deadline)
        raise


def _snapshot(
    operation: Operation, stack: Stack, running: Deployment, physical: dict[str, str]
) -> None:
    # At rest the file systems are whole, and nothing is written after the snapshot.
    title, why = "snapshot data volumes", "before another instance mounts them"
    with step(operation.tell, title, why) as outcome:
        taken = []
        for name in resources_of(running.template, VOLUME):
            if name not in physical:
                continue
            tags = {
                **{key: stack.tags[key] for key in _KEPT if key in stack.tags},
                live.RUN: operation.run,
                "provisimus:volume": name,
                "Name": f"{stack.name} {name}",
            }
            taken.append(snapshot(operation.environment, physical[name], tags))
        outcome.result = ", ".join(taken)
