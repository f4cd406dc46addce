"""Instance refreshes, by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisimus.localcloud.scaling.group import Refresh
from provisimus.localcloud.scaling.refresh import limits, rolled_back
from provisimus.localcloud.scaling.turn import Launch, Seen, launched

from .builders import NOW, ONE, TWO, A, B, group, member, states, turn

WARM = {"InstanceWarmup": 60}


def refreshing(*members, desired=None, **preferences):
    made = group(*members)
    return made.note(Refresh("r", NOW - 500, preferences={**WARM, **preferences}, desired=desired))


def come(found, identifier, at, step):
    """The instance of a launch, in service since then."""
    grown = launched(found, step, identifier, TWO, "t3.nano", at)
    fresh = grown.member(identifier)
    return grown.put(replace(fresh, state="InService", in_service=at, spare=step.spare))


@pytest.mark.parametrize(
    ("desired", "preferences", "bounds"),
    [
        (10, {}, (9, 10)),
        (4, {}, (3, 4)),
        (1, {}, (0, 1)),
        (4, {"MinHealthyPercentage": 50}, (2, 4)),
        (4, {"MinHealthyPercentage": 100}, (4, 5)),
        (4, {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}, (4, 6)),
    ],
)
def test_how_many_may_be_missing_or_too_many(desired, preferences, bounds):
    assert limits(desired, preferences) == bounds


def test_the_old_go_first_and_their_successors_warm_up():
    found = refreshing(member("i-1"), member("i-2", "b"), MinHealthyPercentage=50)
    first, steps = turn(found, version=TWO)
    assert states(first) == {"i-1": "Terminating", "i-2": "InService"}
    assert first.refresh.status == "InProgress"
    launch = next(each for each in steps if isinstance(each, Launch))
    assert "in response to an instance refresh" in launch.cause
    second = come(first.drop("i-1"), "i-3", NOW, launch)
    cold, steps = turn(second, version=TWO, now=NOW + 59)
    assert (states(cold)["i-2"], steps, cold.refresh.percentage) == ("InService", (), 0)
    assert cold.refresh.reason.endswith("i-3.")
    warm, _ = turn(cold, version=TWO, now=NOW + 60)
    assert (states(warm)["i-2"], warm.refresh.percentage) == ("Terminating", 50)
    last = come(warm.drop("i-2"), "i-4", NOW + 60, launch)
    done, _ = turn(last, version=TWO, now=NOW + 120)
    assert (done.refreshes[0].status, done.refreshes[0].percentage) == ("Successful", 100)


def test_the_new_come_first_where_there_may_be_more_than_all():
    found = refreshing(member("i-1"), MinHealthyPercentage=100)
    first, steps = turn(found, version=TWO)
    assert states(first) == {"i-1": "InService"}
    assert [(type(each), each.spare) for each in steps] == [(Launch, True)]
    grown = come(first, "i-2", NOW, steps[0])
    assert turn(grown, version=TWO, now=NOW + 59)[1] == ()
    swapped, _ = turn(grown, version=TWO, now=NOW + 60)
    assert states(swapped) == {"i-1": "Terminating", "i-2": "InService"}


def test_what_matches_already_is_skipped():
    found = refreshing(member("i-1", version=TWO), SkipMatching=True)
    done, steps = turn(found, version=TWO)
    assert (done.refreshes[0].status, done.refreshes[0].total, steps) == ("Successful", 0, ())


def test_a_target_that_its_balancer_does_not_find_healthy_is_not_warm():
    found = refreshing(member("i-1"), MinHealthyPercentage=100)
    found = found.set(HealthCheckType="ELB", TargetGroupARNs=["arn:tg"])
    first, steps = turn(found, version=TWO)
    grown = come(first, "i-2", NOW, steps[0])
    for states_of, gone in ((("initial",), False), (("healthy",), True)):
        after, _ = turn(grown, version=TWO, now=NOW + 60, i_2=Seen("running", targets=states_of))
        assert (states(after)["i-1"] == "Terminating") is gone


def test_a_checkpoint_is_waited_at():
    members = [member(f"i-{number}", "ab"[number % 2]) for number in range(4)]
    found = refreshing(*members, MinHealthyPercentage=0, CheckpointPercentages=[50, 100],
                       CheckpointDelay=300)  # fmt: skip
    first, steps = turn(found, version=TWO)
    assert list(states(first).values()).count("Terminating") == 2
    for number, step in enumerate([each for each in steps if isinstance(each, Launch)]):
        first = come(first, f"i-new-{number}", NOW, step)
    first = first.drop("i-0").drop("i-1")
    reached, _ = turn(first, version=TWO, now=NOW + 60)
    assert (reached.refresh.passed, reached.refresh.held_until) == (50, NOW + 360)
    assert "Terminating" not in states(turn(reached, version=TWO, now=NOW + 359)[0]).values()
    on, _ = turn(reached, version=TWO, now=NOW + 360)
    assert list(states(on).values()).count("Terminating") == 2


def test_the_bake_time_follows_and_the_desired_template_is_the_groups():
    wanted = {"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "2"}}
    found = refreshing(member("i-1", version=TWO), desired=wanted, SkipMatching=True, BakeTime=100)
    baking, _ = turn(found, version=TWO)
    assert baking.refresh.status == "Baking"
    assert "Version" not in baking.settings["LaunchTemplate"]
    done, _ = turn(baking, version=TWO, now=NOW + 100)
    assert done.refreshes[0].status == "Successful"
    assert done.settings["LaunchTemplate"]["Version"] == "2"


def test_an_alarm_ends_it_or_turns_it_back():
    found = refreshing(member("i-1"))
    failed, _ = turn(found, version=TWO, alarms={"errors": "ALARM"})
    assert (failed.refreshes[0].status, failed.refreshes[0].reason) == (
        "Failed", "The alarm(s) errors are in the state ALARM.",
    )  # fmt: skip
    back, _ = turn(refreshing(member("i-1"), AutoRollback=True), version=TWO,
                   alarms={"errors": "ALARM"})  # fmt: skip
    assert back.refresh.status == "RollbackInProgress"
    done, _ = turn(back, version=ONE)
    assert done.refreshes[0].status == "RollbackSuccessful"


def test_a_rollback_replaces_what_the_refresh_had_launched():
    found = refreshing(member("i-1", version=TWO, launched=NOW - 100), member("i-2", "b"))
    going = replace(found.refresh, status="InProgress", total=2, left=1, moved=NOW)
    back, _ = turn(found.note(rolled_back(going, "asked", NOW)), version=ONE)
    assert (states(back), back.refresh.total) == (
        {"i-1": "Terminating", "i-2": "InService"}, 1,
    )  # fmt: skip
    assert back.refresh.rollback["PercentageCompleteOnRollback"] == 50


def test_it_fails_when_nothing_moves_for_an_hour():
    found = refreshing(member("i-1", protected=True))
    stuck, steps = turn(found, version=TWO)
    assert (states(stuck), steps) == ({"i-1": "InService"}, ())
    assert turn(stuck, version=TWO, now=NOW + 3600)[0].refresh.status == "InProgress"
    assert turn(stuck, version=TWO, now=NOW + 3601)[0].refreshes[0].status == "Failed"
    assert (A.zone, B.zone) == ("a", "b")
