"""When a guest that was switched on counts as hung, and when nobody waits for its words."""

from __future__ import annotations

from provisimus.localcloud.silence import LONGEST, MOST_RESETS, PATIENCE, Silence


def test_a_guest_that_spoke_is_watched_no_more():
    silence = Silence(0.0)
    assert not silence.look(PATIENCE + 1, spoke=True, reads=None)
    assert silence.spoke
    assert silence.over


def test_a_guest_that_reads_is_booting():
    silence = Silence(0.0)
    assert not silence.look(PATIENCE - 1, spoke=False, reads=1)
    assert not silence.look(PATIENCE, spoke=False, reads=None)
    assert not silence.look(2 * PATIENCE - 2, spoke=False, reads=2)
    assert not silence.over


def test_a_guest_that_neither_speaks_nor_reads_is_reset_and_in_the_end_left_alone():
    silence = Silence(0.0)
    assert not silence.look(1.0, spoke=False, reads=4)
    times = [1.0 + PATIENCE * number for number in range(1, MOST_RESETS + 1)]
    assert [silence.look(time, spoke=False, reads=4) for time in times] == [True] * MOST_RESETS
    assert silence.over
    assert not silence.spoke


def test_nobody_waits_for_ever_for_the_words_of_a_guest_that_boots_without_any():
    silence = Silence(0.0)
    assert not silence.look(LONGEST, spoke=False, reads=9)
    assert (silence.over, silence.spoke) == (True, False)
