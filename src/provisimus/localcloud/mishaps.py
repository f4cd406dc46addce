"""Faults on demand: what shall happen to calls of the API, and to which. Pure but for its lock.

A rule names calls by a pattern, `ec2:RunInstances`, `cloudformation:*`; services whose requests
name no action by method and path, `ebs:PUT /snapshots/*`.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from provisimus.localcloud.faults import LocalCloudError

KINDS = ("throttle", "fail", "delay", "cut-before", "cut-after", "no-capacity")
LONGEST = 3600.0
_LOOK = 0.1
"""Seconds after which a call that is delayed looks whether its rule was lifted."""


@dataclass(frozen=True)
class Mishap:
    """What happens to calls. ``left`` is how often still; None is always."""

    id: int
    calls: str
    kind: str
    code: str = ""
    """The error's code, for ``fail``."""
    message: str = ""
    seconds: float = 0.0
    """How long an answer is kept back, for ``delay``."""
    left: int | None = None
    type: str = ""
    """A pattern of instance types, for ``no-capacity``; empty is all."""
    zone: str = ""
    """A pattern of zones, for ``no-capacity``; empty is all."""
    share: int = 100
    """To so many of a hundred calls that the pattern fits."""


class Mishaps:
    """The rules in force, asked in the order in which they were made. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Mishap] = []
        self._lifted: set[int] = set()
        self._lots: dict[int, random.Random] = {}
        self._numbers = itertools.count(1)

    def add(self, order: Any) -> Mishap:
        """Put a rule in force, as the control API is sent it. Raises LocalCloudError."""
        with self._lock:
            made = parse(order, next(self._numbers))
            self._rules.append(made)
            # Of its own and from its number: the same calls meet the same faults again.
            self._lots[made.id] = random.Random(made.id)  # noqa: S311
        return made

    def clear(self, number: int | None = None) -> int:
        """Lift one rule, or all; gives how many there were."""
        with self._lock:
            kept = [each for each in self._rules if number is not None and each.id != number]
            self._lifted |= {each.id for each in self._rules} - {each.id for each in kept}
            lifted, self._rules = len(self._rules) - len(kept), kept
        return lifted

    def take(self, call: str) -> Mishap | None:
        """What happens to this call, if anything; uses the rule up by one."""
        with self._lock:
            for index, rule in enumerate(self._rules):
                fits = rule.kind != "no-capacity" and fnmatchcase(call, rule.calls)
                if fits and self._lots[rule.id].randrange(100) < rule.share:
                    return self._used(index)
        return None

    def lacks(self, kind: str, zone: str) -> bool:
        """Whether there is no capacity for an instance type in a zone; uses that rule up by one."""
        with self._lock:
            for index, rule in enumerate(self._rules):
                if rule.kind == "no-capacity" and (
                    fnmatchcase(kind, rule.type or "*") and fnmatchcase(zone, rule.zone or "*")
                ):
                    self._used(index)
                    return True
        return False

    def _used(self, index: int) -> Mishap:
        rule = self._rules[index]
        if rule.left is not None:
            self._rules[index] = replace(rule, left=rule.left - 1)
            self._rules = [each for each in self._rules if each.left != 0]
        return rule

    def holds(self, rule: Mishap, seconds: float, over: threading.Event) -> None:
        """Come back after ``seconds``; sooner where the rule is lifted meanwhile or all is over."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not over.wait(min(left, _LOOK)):
            with self._lock:
                if rule.id in self._lifted:
                    return

    def told(self) -> list[dict[str, Any]]:
        """The rules as JSON has them."""
        with self._lock:
            return [asdict(each) for each in self._rules]


def parse(order: Any, number: int) -> Mishap:
    """A rule from JSON. Raises LocalCloudError that says what is wrong."""
    if not isinstance(order, dict) or not isinstance(order.get("calls"), str):
        raise LocalCloudError("a fault names the calls that it is for", "such as ec2:RunInstances")
    calls, kind = order["calls"], order.get("kind")
    if ":" not in calls:
        raise LocalCloudError(f"{calls!r} names no service", "write SERVICE:ACTION, ec2:*")
    if kind not in KINDS:
        raise LocalCloudError(f"{kind!r} is no kind of fault", f"known: {', '.join(KINDS)}")
    code, seconds, times = order.get("code", ""), order.get("seconds", 0), order.get("times")
    if (kind == "fail") != bool(code):
        raise LocalCloudError("a code is for calls that fail, and they need one")
    if (kind == "delay") != bool(seconds):
        raise LocalCloudError("seconds are for calls that are delayed, and they need some")
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST:
        raise LocalCloudError(f"a delay is {LONGEST:g} seconds at most, not {seconds}")
    if times is not None and (not isinstance(times, int) or times < 1):
        raise LocalCloudError(f"times is a number from 1, not {times}")
    message = str(order.get("message") or "")
    scarce, zone = str(order.get("type") or ""), str(order.get("zone") or "")
    if kind == "no-capacity":
        if calls != "ec2:RunInstances":
            raise LocalCloudError("only ec2:RunInstances can have no capacity")
    elif scarce or zone:
        raise LocalCloudError("a type and a zone are for the kind no-capacity")
    share = order.get("share", 100)
    if not isinstance(share, int) or not 1 <= share <= 100:
        raise LocalCloudError(f"a share is so many of a hundred calls, not {share}")
    how = (str(code), message, float(seconds), times, scarce, zone, share)
    return Mishap(number, calls, str(kind), *how)
