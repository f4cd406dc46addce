"""How often an account is asked, by value."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.rate import LEAST, MOST, Bucket, Limiter


def test_what_is_saved_up_goes_out_at_once_and_then_at_the_rate() -> None:
    bucket, wait = Bucket(rate=10, tokens=1, at=0).taken(0)
    assert (bucket.tokens, wait) == (0, 0)
    bucket, wait = bucket.taken(0)
    assert (bucket.tokens, wait) == (-1, pytest.approx(0.1))
    bucket, wait = bucket.taken(0)
    assert wait == pytest.approx(0.2)
    # Half a second later five calls' worth came in, two of which are owed.
    bucket, wait = bucket.taken(0.5)
    assert (bucket.tokens, wait) == (pytest.approx(2), 0)


def test_no_more_is_saved_up_than_a_seconds_calls() -> None:
    assert Bucket(rate=10, tokens=0, at=0).filled(100).tokens == 10


def test_a_wave_of_throttled_calls_halves_the_rate_once() -> None:
    one = Bucket(rate=40, tokens=30, at=0).slowed(0)
    assert (one.rate, one.tokens) == (20, 0)
    assert one.slowed(0.1) == one
    assert one.slowed(1).rate == pytest.approx((20 + 4) / 2)
    assert Bucket(rate=LEAST, at=0).slowed(0).rate == LEAST


def test_the_rate_grows_while_nothing_is_throttled() -> None:
    assert Bucket(rate=10, at=0).filled(5).rate == 30
    assert Bucket(rate=10, at=0).filled(1e6).rate == MOST


def test_threads_share_the_bucket_and_a_throttled_call_slows_all() -> None:
    waits: list[float] = []
    limiter = Limiter(lambda: 0.0, waits.append)
    handlers: dict[str, Any] = {}

    class Client:
        class meta:  # noqa: N801 as botocore has it
            class events:  # noqa: N801
                register = staticmethod(handlers.__setitem__)

    limiter.attach(Client, "cloudformation")
    assert set(handlers) == {"before-send.cloudformation", "needs-retry.cloudformation"}
    before, after = handlers.values()
    assert before(request=None) is None
    assert after(response=(None, {"Error": {"Code": "ValidationError"}})) is None
    assert after(response=None) is None
    assert limiter.rate == MOST
    assert after(response=(None, {"Error": {"Code": "Throttling"}})) is None
    assert limiter.rate == MOST / 2
    before(request=None)
    before(request=None)
    assert waits == [pytest.approx(2 / MOST), pytest.approx(4 / MOST)]
