"""What a group does next, by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisimus.localcloud.scaling.capacity import short
from provisimus.localcloud.scaling.group import LAUNCHING, TERMINATING, Hook, Version
from provisimus.localcloud.scaling.members import complete, heartbeat
from provisimus.localcloud.scaling.termination import choose
from provisimus.localcloud.scaling.turn import Deregister, End, Launch, Notify, Register, Seen

from .builders import NOW, ONE, TWO, A, B, group, member, states, turn, world


def kinds(steps):
    return [type(each) for each in steps]


def test_what_is_missing_is_launched_into_the_emptiest_zone():
    after, steps = turn(group(member("i-1", "a"), desired=3))
    assert [each.subnet for each in steps] == [B, A]
    assert "increasing the capacity from 1 to 3" in steps[0].cause
    assert after.members == group(member("i-1")).members


def test_nothing_is_launched_while_that_is_suspended():
    assert turn(group(desired=2, suspended=frozenset({"Launch"})))[1] == ()


def test_a_zone_without_capacity_is_left_out_for_a_while():
    found = short(group(desired=1), "a", NOW, 1.0)
    assert turn(found)[1][0].subnet == B
    both = short(found, "b", NOW, 1.0)
    assert turn(both)[1] == ()
    assert turn(both, now=NOW + 5)[1][0].subnet == A
    again = short(short(both, "a", NOW, 1.0), "a", NOW, 1.0)
    assert again.shortages["a"].until == NOW + 20


def test_an_instance_comes_into_service_when_it_runs():
    found = group(member("i-1", state="Pending", in_service=0))
    assert turn(found, i_1=Seen("pending")) == (replace(found, why=""), ())
    after, steps = turn(found)
    assert (states(after), steps) == ({"i-1": "InService"}, (Register("i-1"),))
    assert after.members[0].in_service == NOW


def test_a_registration_that_failed_is_tried_again_after_a_while():
    found = group(member("i-1", unregistered=NOW - 9))
    assert turn(found)[1] == ()
    after, steps = turn(found, now=NOW + 1)
    assert (steps, after.members[0].unregistered) == ((Register("i-1"),), 0.0)


def test_what_could_not_be_deregistered_is_tried_again_before_it_ends():
    found = group(member("i-1", state="Terminating", unregistered=NOW - 9), desired=0)
    waiting, steps = turn(found)
    assert (states(waiting), steps) == ({"i-1": "Terminating"}, ())
    after, steps = turn(waiting, now=NOW + 1)
    assert (steps, after.members[0].unregistered) == ((Deregister("i-1"),), 0.0)
    assert kinds(turn(after, now=NOW + 2)[1]) == [End]
    # What is gone is no target any more, and a group that is deleted waits for nobody.
    assert kinds(turn(found, i_1=Seen("stopped"))[1]) == [End]
    assert kinds(turn(replace(found, deleting=True))[1]) == [End]


def test_what_never_was_registered_is_not_waited_for_when_it_goes():
    found = group(member("i-1", unregistered=NOW - 1))
    after, steps = turn(found, i_1=Seen("terminated"))
    assert kinds(steps)[0] == Deregister
    assert (states(after)["i-1"], after.members[0].unregistered) == ("Terminating", 0.0)


def test_hooks_are_waited_for_and_their_default_ends_it():
    hook = Hook("warm", LAUNCHING, timeout=30)
    found = group(member("i-1", state="Pending"), hooks=(hook,))
    waiting, steps = turn(found)
    assert kinds(steps) == [Notify]
    assert states(waiting) == {"i-1": "Pending:Wait"}
    assert states(turn(waiting, now=NOW + 29)[0]) == {"i-1": "Pending:Wait"}
    gone, steps = turn(waiting, now=NOW + 30)
    assert states(gone) == {"i-1": "Terminating"}
    assert kinds(steps) == [Deregister, Launch]

    later = heartbeat(waiting, "i-1", "warm", "", NOW + 20)
    assert states(turn(later, now=NOW + 49)[0]) == {"i-1": "Pending:Wait"}
    going_on = complete(waiting, "i-1", "warm", "", "CONTINUE")
    assert states(turn(going_on)[0]) == {"i-1": "InService"}
    assert complete(going_on, "i-1", "warm", "", "CONTINUE") is None
    assert complete(waiting, "i-2", "warm", "", "CONTINUE") is None


def test_an_instance_leaves_by_its_balancer_and_its_hooks():
    hook = Hook("drain", TERMINATING)
    found = group(member("i-1", state="Terminating"), desired=0, hooks=(hook,))
    drained, steps = turn(found, i_1=Seen("running", targets=("draining",)))
    assert (states(drained), steps) == ({"i-1": "Terminating"}, ())
    waiting, steps = turn(drained)
    assert states(waiting) == {"i-1": "Terminating:Wait"}
    ending, steps = turn(complete(waiting, "i-1", "drain", "", "ABANDON"))
    assert (states(ending), steps) == ({"i-1": "Terminating:Proceed"}, (End("i-1"),))
    assert turn(ending, i_1=Seen("shutting-down"))[1] == ()
    assert turn(ending, i_1=Seen("terminated"))[0].members == ()


@pytest.mark.parametrize(
    ("seen", "settings", "cause"),
    [
        (Seen("stopped"), {"HealthCheckGracePeriod": 5000}, "terminated or stopped"),
        (Seen("running", impaired=True), {}, "status checks"),
        (Seen("running", impaired=True), {"HealthCheckGracePeriod": 5000}, None),
        (Seen("running", targets=("unhealthy",)), {"HealthCheckType": "ELB"}, "ELB system health"),
        (Seen("running", targets=("unhealthy",)), {}, None),
        (Seen("running", targets=("initial",)), {"HealthCheckType": "ELB"}, None),
    ],
)
def test_who_is_sick_is_replaced(seen, settings, cause):
    after, steps = turn(group(member("i-1"), settings=settings), i_1=seen)
    if cause is None:
        assert (states(after), steps) == ({"i-1": "InService"}, ())
        return
    assert states(after) == {"i-1": "Terminating"}
    assert cause in after.activities[0].cause
    assert kinds(steps) == [Deregister, Launch]
    assert "an unhealthy instance needing to be replaced" in steps[1].cause


def test_suspended_processes_leave_the_sick_alone():
    sick = {"i_1": Seen("stopped")}
    unseen, steps = turn(group(member("i-1"), suspended=frozenset({"HealthCheck"})), **sick)
    assert (unseen.members[0].health, steps) == ("Healthy", ())
    kept, steps = turn(group(member("i-1"), suspended=frozenset({"ReplaceUnhealthy"})), **sick)
    assert (kept.members[0].health, steps) == ("Unhealthy", ())


def test_a_zone_with_two_more_is_evened_out_by_launching_first():
    found = group(member("i-1"), member("i-2"), member("i-3"))
    _, steps = turn(found)
    assert [(each.subnet, each.spare) for each in steps] == [(B, True)]
    assert turn(replace(found, suspended=frozenset({"AZRebalance"})))[1] == ()


def test_who_goes_first():
    def chosen(policy, *members):
        return choose(members, [policy], TWO, NOW).id

    old, new = member("i-old", launched=NOW - 7000), member("i-new", launched=NOW - 10, version=TWO)
    assert chosen("OldestInstance", old, new) == "i-old"
    assert chosen("NewestInstance", old, new) == "i-new"
    assert chosen("Default", old, new) == "i-old"
    assert chosen("OldestLaunchTemplate", replace(old, version=TWO), replace(new, version=ONE)) == (
        "i-new"
    )
    other = replace(new, version=Version("lt-2", "other", "9"))
    assert chosen("Default", old, other) == "i-new"
    full = member("i-full", "b", launched=NOW - 1)
    assert chosen("OldestInstance", old, full, replace(full, id="i-full-2")) == "i-full"
    assert choose([replace(old, protected=True)], ["Default"], TWO, NOW) is None


def test_what_is_too_much_goes_unless_it_is_protected():
    found = group(member("i-1", protected=True), member("i-2"), desired=1)
    after, _ = turn(found)
    assert states(after) == {"i-1": "InService", "i-2": "Terminating"}
    assert "shrinking the capacity from 2 to 1" in after.activities[0].cause


def test_a_group_that_is_deleted_ends_with_its_last_instance():
    found = group(member("i-1"), deleting=True)
    after, _ = turn(found)
    assert states(after) == {"i-1": "Terminating"}
    assert turn(replace(after, members=())) == (None, ())
    assert world(found).now == NOW
