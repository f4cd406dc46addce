from __future__ import annotations

import subprocess
import sys

CODE = """
import os, signal, sys
from provisimus.cli.interruptions import listen_for_interruptions
from provisimus.process import run

ask = [sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT))"]
print(run(ask).stdout.strip())
listen_for_interruptions()
os.kill(os.getpid(), signal.SIGINT)
print(run(ask).stdout.strip())
"""


def test_started_in_the_background_its_programs_still_hear_an_interruption() -> None:
    background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", CODE]
    before, after = subprocess.check_output(background, text=True).splitlines()
    assert before == "1"  # SIG_IGN
    assert "default_int_handler" in after


ANY_THREAD = """
import signal, threading
from provisimus.cli.interruptions import listen_for_interruptions

listen_for_interruptions()
waiting = threading.Condition()

def hear():
    with waiting:  # so the main thread waits
        # To this thread and no other, as the kernel may do with a signal for the process.
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Event().wait()

try:
    with waiting:
        threading.Thread(target=hear, daemon=True).start()
        waiting.wait()
except KeyboardInterrupt:
    print("heard")
"""


def test_a_signal_that_another_thread_gets_ends_the_main_threads_wait() -> None:
    for _ in range(3):
        said = subprocess.check_output([sys.executable, "-c", ANY_THREAD], text=True, timeout=20)
        assert said == "heard\n"
