"""What killed bakes left in the cloud: found by tags, shown, removed in the right order.

Only what carries the mark of a run is touched (``temporary.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError
from provisimus.events import Tell, Warned, step
from provisimus.machines import runs, tags
from provisimus.machines.intents import read_intents, settles_at
from provisimus.machines.removal import mark_snapshots, remove
from provisimus.machines.temporary import Marked, find_marked, marks_of_run

ORDER = ("instance", "image", "snapshot", "volume", "key pair", "security group")
"""What must go first: an instance holds its volumes and groups, an image its snapshots."""


@dataclass(frozen=True)
class Leftover:
    """One thing that a run made for a while. `removable` says whether it may go, `reason` why."""

    kind: str
    id: str
    run: str
    machine: str
    removable: bool
    reason: str
    project: str = ""


def find_temporary(
    environment: Environment,
    project: str,
    state: Path,
    *,
    all_runs: bool = False,
    now: datetime | None = None,
) -> tuple[Leftover, ...]:
    """Everything temporary of a project, in the order in which it would be removed. Read-only.

    What belongs to a run that may be alive is in it and not removable; `all_runs` takes that of
    other machines too.
    """
    now = now or datetime.now(UTC)
    here = runs.place_of(state)
    known = runs.known_runs(state)
    journals = {run: read_intents(runs.folder_of(state, run)) for run in known}
    marked = [
        each
        for each in find_marked(environment, project, journals)
        # The filters say so too, but what is removed must not hang on how they are understood.
        if {tags.RUN, tags.EXPIRES} <= each.tags.keys()
    ]
    alive = {run: runs.is_alive(state, run) for run in {each.tags[tags.RUN] for each in marked}}
    found = []
    testing: dict[str, str] = {}
    kept: dict[str, str] = {}
    for each in sorted(marked, key=lambda each: ORDER.index(each.kind)):
        run = each.tags[tags.RUN]
        removable, reason = verdict(
            each.tags,
            now=now,
            here=here,
            known=run in known,
            alive=alive[run],
            all_runs=all_runs,
        )
        busy = _busy(each, state, testing, kept)
        if busy:
            removable, reason = False, busy
        if not removable and each.kind == "instance":
            testing[each.image] = run
        elif not removable and each.kind == "image":
            kept[each.id] = reason
        reason = f"{reason}; {each.note}" if each.note else reason
        machine = each.tags.get(tags.MACHINE, "unknown")
        found.append(Leftover(each.kind, each.id, run, machine, removable, reason, project))
    return tuple(sorted(found, key=lambda each: (ORDER.index(each.kind), each.run, each.id)))


def _busy(
    each: Marked, state: Path, testing: Mapping[str, str], kept: Mapping[str, str]
) -> str | None:
    """Why an image, or a snapshot of it, stays although its own run is dead; None when it need not.

    `testing` are the runs whose instances stay, by AMI, `kept` the AMIs that stay, with why.
    """
    if each.kind == "snapshot":
        return kept.get(each.image)
    if each.kind != "image":
        return None
    if each.id in testing:
        return f"run {testing[each.id]} is testing it"
    if runs.is_held(state, each.tags.get(tags.FINGERPRINT, "")):
        return "a bake of the same is going on"
    return None


def verdict(
    tagged: Mapping[str, str],
    *,
    now: datetime,
    here: str,
    known: bool,
    alive: bool,
    all_runs: bool,
) -> tuple[bool, str]:
    """Whether something temporary may be removed, and why. Pure.

    `known` and `alive` are this machine's knowledge of its run.
    """
    if alive:
        return False, "its bake is going on"
    if known or tagged.get(tags.PLACE) == here:
        kept = f"kept by {tagged[tags.KEPT]}" if tags.KEPT in tagged else None
        return True, kept or "its bake ended here without cleaning up"
    expires = _time(tagged.get(tags.EXPIRES, ""))
    if expires is not None and expires <= now:
        return True, f"expired {tagged[tags.EXPIRES]}"
    if all_runs:
        return True, "asked for with --all-runs"
    until = tagged.get(tags.EXPIRES, "unknown")
    return False, f"its bake may be going on elsewhere until {until}"


def reap(
    environment: Environment,
    leftovers: Iterable[Leftover],
    state: Path,
    tell: Tell,
) -> tuple[Leftover, ...]:
    """Remove what is removable, in order; gives what was removed.

    Goes on after a failure, so that one thing which resists keeps nothing else alive, and raises
    the first one at the end.
    """
    removed: list[Leftover] = []
    faults: list[ProvisimusError] = []
    todo = [each for each in leftovers if each.removable]
    if todo:
        environment.cloud.check_account()
    for kind in ORDER:
        group = [each for each in todo if each.kind == kind]
        if kind == "image" and group:
            _mark_snapshots(environment, [each for each in todo if each.kind == "snapshot"])
        for each in group:
            try:
                with step(tell, f"remove {each.kind} {each.id}", each.reason):
                    remove(environment.cloud, each.kind, each.id)
                removed.append(each)
            except ProvisimusError as error:
                faults.append(error)
        if kind == "instance" and group:
            _wait_until_terminated(environment, [each.id for each in group], tell)
    if faults:
        raise faults[0]
    forget_settled(state)
    return tuple(removed)


def forget_settled(state: Path, now: datetime | None = None) -> dict[str, datetime]:
    """Forget the killed runs of this machine of which EC2 has nothing more to show.

    Gives the others, with the time when it has: until then, look again.
    """
    now = now or datetime.now(UTC)
    waiting = {}
    for run in runs.known_runs(state):
        when = settles_at(read_intents(runs.folder_of(state, run)))
        if when is None or when <= now:
            runs.forget(state, run)
        elif not runs.is_alive(state, run):
            waiting[run] = when
    return waiting


def _mark_snapshots(environment: Environment, snapshots: Iterable[Leftover]) -> None:
    """Tag the snapshots of images that go: once an image is gone, only tags tell whose they are."""
    for each in snapshots:
        marks = {tags.PROJECT: each.project, **marks_of_run(each.run)}
        mark_snapshots(environment.cloud, [each.id], marks)


def _wait_until_terminated(environment: Environment, ids: list[str], tell: Tell) -> None:
    waiter = environment.cloud.ec2.get_waiter("instance_terminated")
    delay = 1 if environment.cloud.endpoint else 5
    try:
        with speaking(environment.cloud, "wait until the instances are gone"):
            waiter.wait(InstanceIds=ids, WaiterConfig={"Delay": delay, "MaxAttempts": 300 // delay})
    except ProvisimusError as error:
        tell(Warned(error.message))


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, tags.TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
