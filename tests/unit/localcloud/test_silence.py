"""When a guest that was switched on counts as hung."""

from __future__ import annotations

from provisimus.localcloud.silence import MOST_RESETS, PATIENCE, Silence


def test_a_guest_that_spoke_is_watched_no_more():
    silence = Silence(0.0)
    assert not silence.look(PATIENCE + 1, spoke=True, reads=0)
    assert silence.over


def test_a_guest_that_reads_is_booting():
    silence = Silence(0.0)
    for number in range(1, 10):
        assert not silence.look(number * (PATIENCE - 1), spoke=False, reads=number)
    assert not silence.over


def test_a_guest_that_neither_speaks_nor_reads_is_reset_and_in_the_end_left_alone():
    silence = Silence(0.0)
    assert not silence.look(1.0, spoke=False, reads=4)
    asked = [
        silence.look(1.0 + PATIENCE * number, False, 4) for number in range(1, MOST_RESETS + 1)
    ]
    assert asked == [True] * MOST_RESETS
    assert silence.over
