"""Commands that change stacks, each in a situation, and what is true once it was done, once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.contract.stacks.desk import Desk, eventually

OURS = "provisimus-"


@dataclass(frozen=True)
class Deed:
    """A command in a situation. `calls` are all that it changes something by; `ends` says what
    the stacks are then, and `operations` how many began in the cloud meanwhile."""

    prepare: Callable[[Desk], None]
    command: tuple[str, ...]
    calls: tuple[str, ...]
    ends: dict[str, str]
    operations: int
    after: tuple[int, ...] = (0,)
    """How the same command may end, once more, after all was done."""


def one(desk: Desk) -> None:
    desk.declare("one", A="a")


def changed(desk: Desk) -> None:
    one(desk)
    desk.apply("one")
    desk.declare("one", A="b", B="b")


def protected_place(desk: Desk) -> None:
    one(desk)
    (desk.root / "provisimus.yaml").write_text(
        "project: desk\nenvironments: {local: {provider: local, protect: true}}\n"
    )


def two(desk: Desk) -> None:
    desk.declare("one", A="a")
    desk.declare("two", after="one", A="a")


def two_there(desk: Desk) -> None:
    two(desk)
    desk.run("apply", "--all", "--yes", "--quiet")


def there(desk: Desk) -> None:
    one(desk)
    desk.apply("one")


def undeclared(desk: Desk) -> None:
    there(desk)
    (desk.root / "stacks/one.yaml").unlink()


def protected(desk: Desk) -> None:
    there(desk)
    desk.run("protect", "one")


def rolled_back(desk: Desk) -> None:
    desk.declare("one", A="bad")
    desk.apply("one", expect=1)


def mended(desk: Desk) -> None:
    rolled_back(desk)
    one(desk)


def half_done(desk: Desk) -> None:
    """UPDATE_FAILED, with a topic changed and one that could not be made."""
    desk.declare("one", A="a")
    desk.apply("one")
    body = json.loads(desk.run("template", "one", "--json").stdout)
    body["Resources"]["A"]["Properties"]["DisplayName"] = "other"
    broken = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "not a name"}}
    body["Resources"]["B"] = {**broken, "DependsOn": "A"}
    desk.cloudformation.update_stack(
        StackName="desk-local-one", TemplateBody=json.dumps(body), DisableRollback=True
    )
    eventually(lambda: desk.status("one") == "UPDATE_FAILED", "it did not fail")


def stuck(desk: Desk) -> None:
    half_done(desk)
    desk.fault("sns:SetTopicAttributes", "fail", code="AuthorizationError")
    desk.cloudformation.rollback_stack(StackName="desk-local-one")
    eventually(lambda: desk.status("one") == "UPDATE_ROLLBACK_FAILED", "it is not stuck")
    desk.heal()


def left_over(desk: Desk) -> None:
    there(desk)
    body = desk.run("template", "one", "--json").stdout
    desk.cloudformation.create_change_set(
        StackName="desk-local-one", ChangeSetName=f"{OURS}x-1", TemplateBody=body
    )
    eventually(lambda: change_sets(desk, "one") != [], "there is no change set")


def updating(desk: Desk) -> None:
    there(desk)
    desk.declare("one", A="a", B="b")
    _held(desk, "UPDATE_IN_PROGRESS")
    # The same again would be what is under way, so it is what was there before.
    desk.declare("one", A="a")


def creating(desk: Desk) -> None:
    one(desk)
    _held(desk, "CREATE_IN_PROGRESS")


def _held(desk: Desk, status: str) -> None:
    """Apply it, at a cloud that makes no topic before somebody follows what comes after."""
    number = desk.fault("sns:CreateTopic", "delay", seconds=100)
    desk.apply("one", "--timeout", "0", expect=1)
    assert desk.status("one") == status
    # Events are read by `begun`, by each of two that look for the newest, and by who follows then.
    witness = desk.fault("cloudformation:DescribeStackEvents", "delay", seconds=0.01, times=4)
    threading.Thread(target=_let_go, args=(desk, number, witness), daemon=True).start()


def _let_go(desk: Desk, number: int, witness: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and witness in desk.faults():
        time.sleep(0.05)
    desk.heal(number)


def foreign(desk: Desk) -> None:
    desk.cloudformation.create_stack(
        StackName="desk-local-one",
        TemplateBody='{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}',
    )
    eventually(lambda: desk.status("one") == "CREATE_COMPLETE", "it is not made")


APPLY = ("stack", "apply", "one", "--yes", "--quiet")
CHANGE = ("CreateChangeSet", "ExecuteChangeSet")
READ = ("CreateChangeSet", "DeleteChangeSet")
UNSTICK = ("stack", "unstick", "one", "--yes", "--quiet")
GONE = (0, 1, 2)
DEEDS = {
    "create": Deed(one, APPLY, CHANGE, {"one": "CREATE_COMPLETE"}, 1),
    "update": Deed(changed, APPLY, CHANGE, {"one": "UPDATE_COMPLETE"}, 1),
    "create again": Deed(
        mended, APPLY, ("DeleteStack", *CHANGE), {"one": "CREATE_COMPLETE"}, 2
    ),
    "create protected": Deed(
        protected_place, APPLY, (*CHANGE, "UpdateTerminationProtection"),
        {"one": "CREATE_COMPLETE, protected"}, 1,
    ),
    "plan": Deed(
        changed, ("stack", "plan", "one"), READ, {"one": "CREATE_COMPLETE"}, 0,
    ),
    "apply --all": Deed(
        two, ("stack", "apply", "--all", "--yes", "--quiet"), CHANGE,
        {"one": "CREATE_COMPLETE", "two": "CREATE_COMPLETE"}, 2,
    ),
    "delete": Deed(
        there, ("stack", "delete", "one", "--yes", "--quiet"), ("DeleteStack",),
        {"one": "gone"}, 1, GONE,
    ),
    "delete --all": Deed(
        two_there, ("stack", "delete", "--all", "--yes", "--quiet"), ("DeleteStack",),
        {"one": "gone", "two": "gone"}, 2,
    ),
    "prune": Deed(
        undeclared, ("stack", "prune", "--yes", "--quiet"), ("DeleteStack",), {"one": "gone"}, 1,
    ),
    "protect": Deed(
        there, ("stack", "protect", "one"), ("UpdateTerminationProtection",),
        {"one": "CREATE_COMPLETE, protected"}, 0,
    ),
    "protect --off": Deed(
        protected, ("stack", "protect", "one", "--off", "--yes"), ("UpdateTerminationProtection",),
        {"one": "CREATE_COMPLETE"}, 0,
    ),
    "unstick a creation": Deed(
        rolled_back, UNSTICK, ("DeleteStack",), {"one": "gone"}, 1, GONE,
    ),
    "unstick what is half done": Deed(
        half_done, UNSTICK, ("RollbackStack",), {"one": "UPDATE_ROLLBACK_COMPLETE"}, 1,
    ),
    "unstick a rollback": Deed(
        stuck, UNSTICK, ("ContinueUpdateRollback",), {"one": "UPDATE_ROLLBACK_COMPLETE"}, 1,
    ),
    "unstick a leftover": Deed(
        left_over, UNSTICK, ("DeleteChangeSet",), {"one": "CREATE_COMPLETE"}, 0,
    ),
    "cancel an update": Deed(
        updating, ("stack", "cancel", "one", "--yes", "--quiet"), ("CancelUpdateStack",),
        {"one": "UPDATE_ROLLBACK_COMPLETE"}, 1, (0, 5),
    ),
    "cancel a creation": Deed(
        creating, ("stack", "cancel", "one", "--yes", "--quiet"), ("DeleteStack",),
        {"one": "gone"}, 1, (*GONE, 5),
    ),
    "adopt": Deed(
        foreign, ("stack", "adopt", "desk-local-one", "--as", "one", "--yes", "--quiet"),
        (*READ, "ExecuteChangeSet"), {"one": "UPDATE_COMPLETE"}, 1,
    ),
    "drift": Deed(there, ("stack", "drift", "one"), (), {"one": "CREATE_COMPLETE"}, 0),
    "plan --drift": Deed(
        changed, ("stack", "plan", "one", "--drift"), READ, {"one": "CREATE_COMPLETE"}, 0,
    ),
}  # fmt: skip


def change_sets(desk: Desk, name: str) -> list[str]:
    try:
        found = desk.cloudformation.list_change_sets(StackName=f"desk-local-{name}")["Summaries"]
    except desk.cloudformation.exceptions.ClientError:
        return []
    return [
        each["ChangeSetName"]
        for each in found
        if each["ExecutionStatus"] == "AVAILABLE" or each["Status"] == "FAILED"
    ]


def state(desk: Desk, name: str) -> str:
    held = desk.status(name)
    if held == "gone":
        return held
    [found] = desk.cloudformation.describe_stacks(StackName=f"desk-local-{name}")["Stacks"]
    return held + (", protected" if found["EnableTerminationProtection"] else "")


def gone(desk: Desk) -> set[str]:
    """The stacks of earlier tests, by id."""
    return {each["StackId"] for each in desk.cloudformation.list_stacks()["StackSummaries"]}


def begun(desk: Desk, earlier: set[str]) -> int:
    """How many operations began on stacks that are more than a name."""
    starts = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")
    count = 0
    for each in gone(desk) - earlier:
        events = desk.cloudformation.describe_stack_events(StackName=each)["StackEvents"]
        seen = [one["ResourceStatus"] for one in events if one["PhysicalResourceId"] == each]
        if "CREATE_IN_PROGRESS" in seen:
            count += sum(status in (*starts, "DELETE_IN_PROGRESS") for status in seen)
    return count


def done_once(desk: Desk, deed: Deed, earlier: set[str], before: int) -> None:
    assert {name: state(desk, name) for name in deed.ends} == deed.ends
    done = begun(desk, earlier) - before
    assert done == deed.operations, f"{done} operations began where {deed.operations} do it"
    assert [change_sets(desk, name) for name in deed.ends] == [[] for _ in deed.ends]
