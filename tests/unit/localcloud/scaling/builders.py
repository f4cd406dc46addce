"""Groups and worlds as the cases need them."""

from __future__ import annotations

from dataclasses import replace

from provisimus.localcloud.scaling.decide import decide
from provisimus.localcloud.scaling.group import Group, Member, Subnet, Version
from provisimus.localcloud.scaling.turn import Seen, World

ONE, TWO = (Version("lt-1", "greeter", number) for number in ("1", "2"))
NOW = 100_000.0
A, B = Subnet("subnet-a", "a"), Subnet("subnet-b", "b")


def member(identifier, zone="a", version=ONE, **more):
    given = {"state": "InService", "launched": NOW - 1000, "in_service": NOW - 900, **more}
    return Member(identifier, zone, "t3.nano", version, **given)


def group(*members, desired=None, **more):
    settings = {
        "MinSize": 0, "MaxSize": 9, "DesiredCapacity": len(members) if desired is None else desired,
        "LaunchTemplate": {"LaunchTemplateId": "lt-1"}, **more.pop("settings", {}),
    }  # fmt: skip
    made = Group("greeter", "arn", 0.0, settings, (A, B), members=tuple(members))
    return replace(made, **more)


def world(found, now=NOW, version=ONE, alarms=None, **seen):
    """Every instance runs, unless something else is seen of it (`i_1=Seen(…)`)."""
    told = {each.replace("_", "-"): what for each, what in seen.items()}
    instances = {m.id: told.get(m.id, Seen("running")) for m in found.members}
    return World(now, version, instances, alarms or {})


def turn(found, **seen):
    """What `decide` makes of a group when such a world is seen."""
    return decide(found, world(found, **seen))


def states(found):
    return {each.id: each.state for each in found.members}
