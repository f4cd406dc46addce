"""Running programs: what they say, how they fail, and that nothing of them stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from provisimus.errors import ToolFailed, ToolMissing
from provisimus.process import find_program, run, spawn_detached, stream

FAILING = ["sh", "-c", "echo out; echo first >&2; echo last >&2; exit 3"]


def test_what_a_program_says() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2; cat"], stdin=b"in")
    assert (done.stdout, done.stderr) == ("out\nin", "err\n")


def test_its_folder_and_environment(tmp_path: Path) -> None:
    done = run(["sh", "-c", "pwd; echo $EXTRA"], cwd=tmp_path, env={"EXTRA": "more"})
    assert done.stdout == f"{tmp_path.resolve()}\nmore\n"


def test_a_failure_carries_status_and_last_lines() -> None:
    with pytest.raises(ToolFailed) as raised:
        run(FAILING, hint="try again")
    error = raised.value
    assert error.message == "sh failed (exit status 3): last"
    assert (error.status, error.tail, error.hint) == (3, ("first", "last"), "try again")


def test_a_signal_is_named() -> None:
    with pytest.raises(ToolFailed, match=r"ended by signal 9"):
        run(["sh", "-c", "kill -9 $$"])


def test_a_time_out() -> None:
    with pytest.raises(ToolFailed, match=r"did not end within 0\.1 s"):
        run(["sleep", "60"], timeout=0.1)


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ToolMissing) as raised:
        run(["no-such-program"], hint="apt-get install it")
    assert raised.value.message == "the program no-such-program is not installed"
    assert raised.value.hint == "apt-get install it"
    with pytest.raises(ToolMissing):
        find_program("no-such-program")
    assert find_program("sh").endswith("/sh")


def test_a_folder_that_is_not_there_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"the folder .* does not exist"):
        run(["sh"], cwd=tmp_path / "none")


def test_lines_come_one_by_one_from_both_streams() -> None:
    lines: list[str] = []
    stream(["sh", "-c", "echo one; echo two >&2; printf three"], lines.append)
    assert lines == ["one", "two", "three"]


def test_a_streamed_failure_keeps_twenty_lines() -> None:
    with pytest.raises(ToolFailed) as raised:
        stream(["sh", "-c", "seq 30; exit 1"], lambda _: None)
    assert raised.value.tail == tuple(str(number) for number in range(11, 31))


def test_an_interruption_ends_the_whole_group_and_lets_it_clean_up(tmp_path: Path) -> None:
    script = (
        "trap 'echo cleaned > cleaned; kill $child; exit 0' INT\n"
        "sleep 60 & child=$!\n"
        "echo $child\n"
        "wait\n"
    )
    children: list[int] = []

    def interrupt(line: str) -> None:
        children.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(["sh", "-c", script], interrupt, cwd=tmp_path)
    assert (tmp_path / "cleaned").exists()
    assert gone(children[0])


def test_what_does_not_listen_is_killed_after_its_grace() -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        stream(["sh", "-c", "trap '' INT; echo on; sleep 60"], interrupt, grace=0.2)
    assert time.monotonic() - began < 20


def test_a_detached_program_outlives_its_parent_and_says_into_its_log(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "log"
    code = (
        "import sys; from pathlib import Path; from provisimus.process import spawn_detached\n"
        "print(spawn_detached(['sh', '-c', 'echo here; sleep 60'], Path(sys.argv[1])))"
    )
    pid = int(subprocess.check_output([sys.executable, "-c", code, str(log)], text=True))
    try:
        assert not gone(pid, within=0)
        deadline = time.monotonic() + 10
        while not log.exists() or log.read_text() != "here\n":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.killpg(pid, signal.SIGKILL)
    with pytest.raises(ToolMissing):
        spawn_detached(["no-such-program"], log)


def gone(pid: int, within: float = 5) -> bool:
    """Whether a process ends; a zombie that nobody waits for has ended."""
    deadline = time.monotonic() + within
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)


def test_a_program_may_clean_up_even_when_we_are_killed(tmp_path: Path) -> None:
    cleaned = tmp_path / "cleaned"
    script = f"trap 'touch {cleaned}; exit' TERM; echo ready; while :; do sleep 0.05; done"
    ours = (
        "from provisimus.process import stream\n"
        f"stream(['bash', '-c', {script!r}], lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", ours], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
    deadline = time.monotonic() + 10
    while not cleaned.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert cleaned.exists()
