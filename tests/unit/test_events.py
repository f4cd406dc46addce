"""Events: what is told, to whom, and that no listener can stop the work."""

import pytest

from provisimus.events import (
    Broadcast,
    Event,
    Failed,
    Finished,
    Progress,
    Said,
    Skipped,
    Started,
    Warned,
    as_json,
    silence,
    step,
)


def test_a_step_tells_how_it_began_and_ended() -> None:
    told: list[Event] = []
    with step(told.append, "bake", "new image") as outcome:
        outcome.result = "ami-1"
    began, ended = told
    assert began == Started("bake", "new image")
    assert isinstance(ended, Finished)
    assert (ended.step, ended.result) == ("bake", "ami-1")
    assert ended.seconds >= 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no"), "no"),
        (ValueError(), "ValueError"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_a_step_that_fails_says_so_and_lets_the_error_through(
    error: BaseException, said: str
) -> None:
    told: list[Event] = []
    with pytest.raises(type(error)), step(told.append, "bake"):
        raise error
    assert isinstance(told[-1], Failed)
    assert told[-1].error == said


def test_a_listener_that_fails_is_left_out_and_the_others_go_on() -> None:
    told: list[Event] = []
    calls: list[Event] = []

    def broken(event: Event) -> None:
        calls.append(event)
        raise OSError("the screen is gone")

    tell = Broadcast(broken, told.append)
    tell(Warned("one"))
    tell(Warned("two"))
    assert told == [Warned("one"), Warned("two")]
    assert calls == [Warned("one")]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Started("s", "why"), {"event": "started", "step": "s", "reason": "why"}),
        (
            Progress("s", 1, 2),
            {"event": "progress", "step": "s", "done": 1, "total": 2, "unit": "bytes"},
        ),
        (Said("s", "t"), {"event": "said", "step": "s", "text": "t"}),
        (
            Finished("s", 1.5, "r"),
            {"event": "finished", "step": "s", "seconds": 1.5, "result": "r"},
        ),
        (Skipped("s", "why"), {"event": "skipped", "step": "s", "reason": "why"}),
        (Failed("s", 1.5, "e"), {"event": "failed", "step": "s", "seconds": 1.5, "error": "e"}),
        (Warned("t"), {"event": "warned", "text": "t"}),
    ],
)
def test_every_event_is_one_json_line(event: Event, line: dict[str, object]) -> None:
    assert as_json(event) == line
    silence(event)
