"""Ctrl-C and SIGTERM: who hears them, and that the main thread hears them at once."""

from __future__ import annotations

import os
import signal
import threading
import time

_NUDGE = signal.SIGURG
"""Ignored by everyone who does not ask for it (signal(7)), so it does no harm."""
_AGAIN = 0.02
"""Seconds from one nudge to the next."""


def listen_for_interruptions() -> None:
    """What interrupts us, and what the programs that we start hear.

    A build server cancels with SIGTERM: that is an interruption like Ctrl-C, clean-up included. Who
    is started in the background (nohup, `&` in a script) is told to ignore SIGINT, and so is all
    that it starts, as ignoring is inherited (signal(7)). We go on ignoring it, by a handler, which
    is not inherited: our programs still hear when we ask them to clean up.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: None)
    _wake_the_main_thread()


def _wake_the_main_thread() -> None:
    """Let a signal that the kernel gave to another thread end the main thread's wait.

    Any thread may get a process's signal (signal(7)), Python runs its handler in the main thread,
    and that one, waiting for a lock, learns of it only when it is woken ("signal", Execution of
    Python signal handlers). So a thread of ours hears of each signal and passes a nudge on.
    """
    hears, told = os.pipe()
    os.set_blocking(told, False)
    heard = 0

    def hear(*_: object) -> None:
        nonlocal heard
        heard += 1

    signal.signal(_NUDGE, hear)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    main = threading.main_thread().ident
    assert main is not None

    def pass_on() -> None:
        while number := os.read(hears, 1):
            before = heard
            # One that comes just before the main thread falls asleep wakes nobody: nudge again.
            while number[0] != _NUDGE and heard == before:
                signal.pthread_kill(main, _NUDGE)
                time.sleep(_AGAIN)

    threading.Thread(target=pass_on, name="interruptions", daemon=True).start()
