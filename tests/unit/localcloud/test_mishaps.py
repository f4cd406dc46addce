"""Rules of what happens to calls."""

from __future__ import annotations

import threading

import pytest

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.mishaps import Mishaps, parse


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"calls": "RunInstances", "kind": "throttle"}, "names no service"),
        ({"calls": "ec2:*", "kind": "explode"}, "is no kind of fault"),
        ({"calls": "ec2:*", "kind": "fail"}, "a code is for calls that fail"),
        ({"calls": "ec2:*", "kind": "throttle", "code": "X"}, "a code is for calls that fail"),
        ({"calls": "ec2:*", "kind": "throttle", "seconds": 3}, "seconds are for calls"),
        ({"calls": "ec2:*", "kind": "delay", "seconds": 1e9}, "3600 seconds at most"),
        ({"calls": "ec2:*", "kind": "throttle", "times": 0}, "times is a number"),
        ({"calls": "ec2:*", "kind": "no-capacity"}, "only ec2:RunInstances"),
        ({"calls": "ec2:*", "kind": "throttle", "zone": "a"}, "are for the kind no-capacity"),
        ({"calls": "ec2:*", "kind": "throttle", "share": 0}, "so many of a hundred"),
        ([], "names the calls"),
    ],
)
def test_an_order_that_is_none_is_refused(order, said):
    with pytest.raises(LocalCloudError, match=said):
        parse(order, 1)


def test_the_first_rule_that_fits_is_used_up():
    mishaps = Mishaps()
    mishaps.add({"calls": "ec2:Run*", "kind": "throttle", "times": 2})
    mishaps.add({"calls": "ec2:*", "kind": "cut-before"})
    taken = [mishaps.take("ec2:RunInstances") for _ in range(3)]
    assert [each and each.kind for each in taken] == ["throttle", "throttle", "cut-before"]
    assert mishaps.take("iam:GetRole") is None
    assert [each["calls"] for each in mishaps.told()] == ["ec2:*"]
    assert (mishaps.clear(1), mishaps.clear()) == (0, 1)
    assert mishaps.take("ec2:RunInstances") is None


def test_a_share_of_the_calls_meets_it_and_the_same_again():
    def met():
        mishaps = Mishaps()
        mishaps.add({"calls": "ec2:*", "kind": "throttle", "share": 30, "times": 100})
        return [mishaps.take("ec2:RunInstances") is not None for _ in range(300)]

    assert 60 < sum(met()) <= 100
    assert met() == met()


def test_capacity_lacks_for_types_and_zones():
    mishaps = Mishaps()
    rule = {"calls": "ec2:RunInstances", "kind": "no-capacity", "type": "t3.*", "zone": "*1a"}
    mishaps.add({**rule, "times": 1})
    assert mishaps.take("ec2:RunInstances") is None
    assert not mishaps.lacks("m6i.large", "eu-west-1a")
    assert not mishaps.lacks("t3.nano", "eu-west-1b")
    assert mishaps.lacks("t3.nano", "eu-west-1a")
    assert not mishaps.lacks("t3.nano", "eu-west-1a")


def test_what_is_kept_back_comes_when_its_rule_is_lifted():
    mishaps, over = Mishaps(), threading.Event()
    rule = mishaps.add({"calls": "ec2:*", "kind": "delay", "seconds": 3000})
    threading.Timer(0.01, mishaps.clear).start()
    mishaps.holds(rule, rule.seconds, over)
    # What is over keeps nobody, whatever the rule.
    over.set()
    mishaps.holds(mishaps.add({"calls": "ec2:*", "kind": "delay", "seconds": 3000}), 3000, over)
