"""How often an account is asked: one bucket of tokens for all threads, smaller when it is too much.

AWS says that it throttles and never how much it allows (CloudFormation's quotas name none for
Describe calls, and everybody in the account shares it). So the rate begins high, is halved by a
throttled call, for all threads at once, and grows again while nothing is throttled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

MOST, LEAST = 500.0, 4.0
"""Calls a second: more than 24 threads can ask that wait 50 ms for each answer; what even a busy
account allows."""
GROWTH = 4.0
"""By how many calls a second the rate grows in a second without throttling."""
WAVE = 0.5
"""Seconds in which throttled calls are one and the same wave: together they halve the rate once."""
CODES = frozenset(["Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown"])
"""What AWS calls it ("Retry behavior", AWS SDKs and Tools Reference Guide)."""


@dataclass(frozen=True)
class Bucket:
    """`rate` in calls a second, `tokens` in calls; below none, calls wait. Times in seconds."""

    rate: float = MOST
    tokens: float = MOST
    at: float = 0.0
    throttled: float = float("-inf")

    def filled(self, now: float) -> Bucket:
        """As it is at `now`: a second's calls at most, and a rate that has grown."""
        passed = max(0.0, now - self.at)
        tokens = min(self.rate, self.tokens + passed * self.rate)
        return replace(self, tokens=tokens, rate=min(MOST, self.rate + passed * GROWTH), at=now)

    def taken(self, now: float) -> tuple[Bucket, float]:
        """The bucket after a call, and the seconds that the call must wait before it goes out."""
        full = self.filled(now)
        left = replace(full, tokens=full.tokens - 1)
        return left, max(0.0, -left.tokens / left.rate)

    def slowed(self, now: float) -> Bucket:
        """After a throttled call: half the rate and nothing saved up, once for a wave."""
        if now - self.throttled < WAVE:
            return self
        full = self.filled(now)
        rate = max(LEAST, full.rate / 2)
        return replace(full, rate=rate, tokens=min(0.0, full.tokens), throttled=now)


class Limiter:
    """A bucket that threads share. `attach` it to the clients whose calls it counts."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._turn = threading.Lock()
        self._bucket = Bucket(at=clock())

    @property
    def rate(self) -> float:
        """Calls a second, as allowed now."""
        return self._bucket.rate

    def attach(self, client: Any, service: str) -> None:
        """Count every request of a botocore client, repeated ones too, and hear of throttling."""
        client.meta.events.register(f"before-send.{service}", self._before)
        client.meta.events.register(f"needs-retry.{service}", self._after)

    def _before(self, **_: Any) -> None:
        with self._turn:
            self._bucket, wait = self._bucket.taken(self._clock())
        if wait:
            self._sleep(wait)

    def _after(self, response: Any = None, **_: Any) -> None:
        # None leaves it to botocore whether the call is repeated.
        code = response[1].get("Error", {}).get("Code") if response else None
        if code in CODES:
            with self._turn:
                self._bucket = self._bucket.slowed(self._clock())
