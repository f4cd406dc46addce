from __future__ import annotations

import subprocess
import sys

CODE = """
import os, signal, sys
from provisimus.cli.app import listen_for_interruptions
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
