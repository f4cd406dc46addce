"""Whom to ask after a failure, and how it is told."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisimus.container_words import SaidContainer
from provisimus.events import Event, Failed, Said, about, as_json
from provisimus.model import Stack
from provisimus.release.kept_evidence import kept_evidence, kept_failure
from provisimus.stacks.diagnosis import Diagnosis, Returned, what_failed
from provisimus.stacks.follow import Deadline, StackEvent
from provisimus.stacks.group_activities import Activity, activity, suspects
from provisimus.stacks.machine_evidence import MachineEvidence
from provisimus.stacks.tokens import token_of
from provisimus.stacks.witness import evidence_step, hear_out, is_telling

STACK = Stack("acme-local-greeters", "arn:1", "UPDATE_COMPLETE")
FAILED = {
    "StartTime": datetime(2026, 1, 1, tzinfo=UTC),
    "StatusCode": "Failed",
    "Description": "Launching a new EC2 instance.",
    "StatusMessage": "no capacity",
    "Cause": "At 2026-01-01T00:00:00Z an instance was started",
}


def launched(instance: str) -> Activity:
    return Activity(0.0, "Successful", f"Launching a new EC2 instance: {instance}", "", instance)


def sick(instance: str) -> Activity:
    cause = "taken out of service in response to an ELB system health check failure."
    return Activity(0.0, "Successful", f"Terminating EC2 instance: {instance}", cause, instance)


def test_an_activity_is_read_with_its_reason() -> None:
    found = activity(FAILED)
    assert (found.failed, found.instance) == (True, None)
    assert found.line == "Failed: Launching a new EC2 instance. (no capacity)"
    named = activity({**FAILED, "Description": "Terminating EC2 instance: i-0ab1"})
    assert named.instance == "i-0ab1"


def test_those_that_tell_most_are_asked_first() -> None:
    done = [sick("i-gone"), launched("i-new"), launched("i-old")]
    targets = {"i-old": "healthy", "i-new": "unhealthy (502)"}
    assert suspects(done, ["i-old", "i-new"], targets) == ["i-new", "i-gone", "i-old"]
    assert suspects([], ["i-1", "i-2"], {}, most=1) == ["i-1"]
    assert suspects([], [], {}) == []


@pytest.mark.parametrize(
    ("kind", "status", "reason", "telling"),
    [
        ("AWS::EC2::Instance", "CREATE_FAILED", None, True),
        ("AWS::AutoScaling::AutoScalingGroup", "UPDATE_FAILED", "refresh failed", True),
        ("AWS::CloudFormation::WaitCondition", "CREATE_FAILED", "0 signals", True),
        ("AWS::EC2::Instance", "CREATE_FAILED", "Resource creation cancelled", False),
        ("AWS::EC2::Instance", "CREATE_COMPLETE", None, False),
        ("AWS::SNS::Topic", "CREATE_FAILED", None, False),
    ],
)
def test_which_failure_has_its_reason_on_a_machine(
    kind: str, status: str, reason: str | None, telling: bool
) -> None:
    assert is_telling(StackEvent("1", 0.0, "It", "i-1", kind, status, reason)) is telling


def machine(**more: object) -> MachineEvidence:
    given = {"state": "running", "target": "", "service": "", "containers": (), **more}
    return MachineEvidence(  # type: ignore[arg-type]
        *("i-1", given["state"], "10.0.0.1", "ami-1", given["target"], given["service"]),
        *(given["containers"], (), ("x",)),
    )


BAD = SaidContainer("greeter", "Exited (1) 1 second ago", "reg/greeter@sha256:aa", ("boom",))
UNHEALTHY = "unhealthy: http://127.0.0.1/health (404) after 90 s"


def test_a_machine_is_told_with_its_failing_container() -> None:
    assert machine(containers=(BAD,), target="unhealthy").lines == (
        "instance i-1 is running, of ami-1, unhealthy at the load balancer",
        "  container greeter: Exited (1) 1 second ago",
        "    image reg/greeter@sha256:aa",
        "    | boom",
        "  console: x",
    )


def test_one_that_runs_and_does_not_answer_is_told_with_its_last_words() -> None:
    silent = SaidContainer("greeter", "Up 2 minutes", "reg/greeter@sha256:aa", ("waiting for db",))
    beside = SaidContainer("metrics", "Up 2 minutes", "reg/metrics@sha256:bb")
    assert machine(containers=(silent, beside), service=UNHEALTHY).lines == (
        "instance i-1 is running, of ami-1",
        "  service: unhealthy: http://127.0.0.1/health (404) after 90 s",
        "  container greeter: Up 2 minutes",
        "    image reg/greeter@sha256:aa",
        "    | waiting for db",
        "  container metrics: Up 2 minutes",
        "  console: x",
    )


def test_the_first_cause_from_the_outside_in() -> None:
    cause = StackEvent("1", 0.0, "It", "i-1", "AWS::EC2::Instance", "CREATE_FAILED", "no capacity")
    bad, away = machine(containers=(BAD,)), machine(target="unhealthy (502)")
    found = [
        Diagnosis(STACK, *each).first_cause
        for each in (
            (cause, (activity(FAILED),), (bad,)),
            (None, (activity(FAILED),), (bad,)),
            (None, (), (machine(), bad)),
            (None, (), (machine(service=UNHEALTHY),)),
            (None, (), (away,)),
            (None, (), (machine(state="stopped"),)),
            (None, (), (machine(),)),
        )
    ]
    assert "no capacity" in found[0]
    assert found[1:] == [
        "Failed: Launching a new EC2 instance. (no capacity)",
        "container greeter of i-1: Exited (1) 1 second ago",
        f"the service of i-1 is {UNHEALTHY}",
        "i-1 is unhealthy (502) at the load balancer",
        "the instance i-1 is stopped",
        "nothing failed in the last operation",
    ]


def operation(number: int, at: float, *more: StackEvent) -> list[StackEvent]:
    """The events of one, oldest first."""
    token = token_of("w" * 24, number, str(at))
    kind, name = "AWS::CloudFormation::Stack", STACK.name
    begun = StackEvent("b", at, name, "arn:1", kind, "UPDATE_IN_PROGRESS", "User Initiated", token)
    return [begun, *more, StackEvent("e", at + 1, name, "arn:1", kind, "UPDATE_COMPLETE")]


BROKEN = StackEvent("f", 5.0, "It", "i-1", "AWS::EC2::Instance", "UPDATE_FAILED", "no capacity")
STUCK = StackEvent("g", 9.0, "It", "i-1", "AWS::EC2::Volume", "UPDATE_FAILED", "in use")


def test_a_return_names_the_failure_that_it_was_made_for() -> None:
    before, change = operation(1, 1.0), operation(2, 4.0, BROKEN)
    assert what_failed([*before, *change][::-1]) == (BROKEN, None)
    back = [*before, *change, *operation(3, 8.0)]
    assert what_failed(back[::-1]) == (BROKEN, Returned(4.0))
    bad = [*before, *change, *operation(4, 8.0), *operation(5, 9.0, STUCK)]
    assert what_failed(bad[::-1]) == (BROKEN, Returned(4.0, STUCK))
    # What comes after a return is an operation like any other.
    assert what_failed([*back, *operation(1, 20.0)][::-1]) == (None, None)
    assert what_failed([]) == (None, None)


def test_the_cause_of_a_return_is_found_in_what_was_heard() -> None:
    seen = Diagnosis(STACK, None, (), (machine(),), Returned(4.0))
    assert seen.cause_beside(machine(containers=(BAD,), service=UNHEALTHY).lines) == (
        "container greeter: Exited (1) 1 second ago"
    )
    assert seen.cause_beside(machine(service=UNHEALTHY).lines) == f"service: {UNHEALTHY}"
    assert seen.cause_beside(("Failed: no capacity",)) == "Failed: no capacity"
    assert "did not answer" in seen.first_cause
    assert seen.returned is not None
    assert seen.returned.line == "went well: the stack is what it was before the change"
    assert "in use" in Returned(4.0, STUCK).line


def test_the_failure_of_the_newest_change_is_found(tmp_path: Path) -> None:
    def told(run: str, at: int, *events: Event) -> None:
        lines = [json.dumps({"at": at, **as_json(each)}) for each in events]
        (tmp_path / f"{run}.ndjson").write_text("\n".join(lines))

    told("20260101T1", 1, Failed(f"update {STACK.name}", 1.0, "old"))
    new: list[Event] = [Failed("return to what was", 1.0, "not")]
    about(new.append, "greeter")(Failed(f"health of {STACK.name}", 1.0, "status 503\nmore"))
    told("20260102T1", 9, *new)
    assert kept_failure(tmp_path, STACK.name, 5.0) == "status 503"
    assert kept_failure(tmp_path, STACK.name, 10.0) is None
    assert kept_failure(tmp_path, "another", 5.0) is None
    (tmp_path / "20260102T1.ndjson").unlink()
    assert kept_failure(tmp_path, STACK.name, 0.0) == "old"
    seen = Diagnosis(STACK, None, (), (), Returned(4.0))
    assert seen.cause_beside(("status 503", *machine().lines)) == "status 503"


STARTS = "provisimus-health[1]: starting: http://127.0.0.1/health (refused) after 20 s"
GIVES_UP = "provisimus-health[1]: unhealthy: http://127.0.0.1/health (refused) after 90 s"
TELLS = "provisimus-health[1]: container greeter: Exited (1) 1 second ago"
WORDS = "provisimus-health[1]: greeter | no such option"
TOLD = (GIVES_UP, TELLS, WORDS)


@pytest.mark.parametrize(
    ("consoles", "looks"),
    [
        ([["Linux"]], 1),
        ([[STARTS], [STARTS, GIVES_UP], [*TOLD], [*TOLD], ["more"]], 4),
        ([[*TOLD], [*TOLD], ["more"]], 2),
        # Nothing between two looks is not the end: Docker is still asked.
        ([[GIVES_UP], [GIVES_UP], [*TOLD], [*TOLD], ["more"]], 4),
        ([*[[GIVES_UP, TELLS]] * 3, [*TOLD], [*TOLD], ["more"]], 5),
        # What was told before it gave up is not what it tells now.
        ([*[[TELLS, WORDS, GIVES_UP]] * 2, [TELLS, WORDS, *TOLD], [TELLS, WORDS, *TOLD]], 4),
        ([[], ["more"]], 1),
    ],
)
def test_a_machine_that_is_about_to_give_up_is_heard_out(
    consoles: list[list[str]], looks: int
) -> None:
    left = list(consoles)
    heard = hear_out(lambda: left.pop(0), Deadline.after(None), lambda: None)
    assert (heard, len(consoles) - len(left)) == (consoles[looks - 1], looks)


def test_one_that_never_gives_up_is_not_waited_for_for_ever() -> None:
    assert hear_out(lambda: [STARTS], Deadline.after(0), lambda: None) == [STARTS]


def test_what_was_heard_while_many_came_up_is_found_too(tmp_path: Path) -> None:
    found: list[Event] = []
    about(found.append, "greeter")(Said(evidence_step(STACK.name), "boom"))
    (tmp_path / "20260101T1.ndjson").write_text(json.dumps({"at": 1, **as_json(found[0])}))
    kept = kept_evidence(tmp_path, STACK.name)
    assert kept is not None
    assert kept.lines == ("boom",)


def test_what_was_heard_is_found_in_the_newest_journal_that_has_it(tmp_path: Path) -> None:
    def line(step: str, text: str, at: int) -> str:
        return f'{{"at": {at}, "event": "said", "step": "{step}", "text": "{text}"}}\n'

    step = evidence_step(STACK.name)
    (tmp_path / "20260101T1.ndjson").write_text(line(step, "old", 1))
    (tmp_path / "20260102T1.ndjson").write_text(
        line(step, "first", 2) + line("other", "not", 3) + line(step, "second", 4) + '{"torn'
    )
    (tmp_path / "20260103T1.ndjson").write_text(line(evidence_step("another"), "not", 5))
    found = kept_evidence(tmp_path, STACK.name)
    assert found is not None
    assert (found.run, found.at, found.lines) == ("20260102T1", 2.0, ("first", "second"))
    assert kept_evidence(tmp_path, "nobody") is None
    assert kept_evidence(tmp_path / "none", STACK.name) is None
