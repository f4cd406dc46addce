"""Every command that changes stacks, while calls are throttled and connections lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.stacks.deeds import DEEDS, begun, done_once, gone
from tests.contract.stacks.desk import Desk, eventually
from tests.contract.stacks.faulty import THIRTY_PERCENT, heard, hurried, ran


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with hurried(monkeypatch):
        yield


@pytest.mark.parametrize("name", DEEDS)
def test_of_the_calls_of_every_command_a_third_may_be_throttled(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deed = DEEDS[name]
    earlier = gone(desk)
    deed.prepare(desk)
    before = begun(desk, earlier)
    for service in ("cloudformation", "sts"):
        desk.fault(f"{service}:*", **THIRTY_PERCENT)
    with heard(monkeypatch) as calls:
        assert ran(desk.root, *deed.command) is None
    assert {*calls} == {*deed.calls}, "each of them is tried with a lost connection"
    desk.heal()
    done_once(desk, deed, earlier, before)


LOST = [(name, call) for name, deed in DEEDS.items() for call in deed.calls]


@pytest.mark.parametrize("times", [1, None], ids=["once", "for good"])
@pytest.mark.parametrize(("name", "call"), LOST)
def test_what_was_done_and_never_heard_of_is_done_once(
    desk: Desk, name: str, call: str, times: int | None
) -> None:
    deed = DEEDS[name]
    earlier = gone(desk)
    deed.prepare(desk)
    before = begun(desk, earlier)
    desk.fault(f"cloudformation:{call}", "cut-after", **({"times": times} if times else {}))
    error = ran(desk.root, *deed.command)
    if times:
        assert error is None, "it is asked again"
    desk.heal()
    again = ran(desk.root, *deed.command)
    assert (again.exit_code if again else 0) in deed.after, again
    eventually(lambda: "IN_PROGRESS" not in desk.status("one"), "it does not rest")
    done_once(desk, deed, earlier, before)
