"""Ctrl-C in the middle of a push: it says so, ends with 130, and the next run goes on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Scene

PROGRAM = (sys.executable, "-c", "from provisimus.cli import main; main()")


class Gate:
    """Stands before a registry and passes everything on, but holds uploads while it is shut."""

    def __init__(self, behind: str) -> None:
        host, _, port = behind.partition(":")
        self._behind = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.shut = threading.Event()
        self.holding = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._behind)
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self.shut.is_set() and data.startswith(b"PATCH "):
                    self.holding.set()
                    while source.recv(1 << 16):
                        pass
                    break
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def gate(scene: Scene) -> Iterator[Gate]:
    host, _, path = scene.url.partition("/")
    made = Gate(host)
    scene.url = f"{made.url}/{path}"
    scene.write(
        "provisimus.yaml",
        f"project: acme\nregistry: {{url: '{scene.url}'}}\n"
        "environments: "
        '{ci: {provider: aws, account: "111122223333", region: eu-west-1}}\n',
    )
    yield made
    made.close()


def start(scene: Scene, *, group: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, "image", "build", "greeter@1.0.0", "--env", "ci"],
        cwd=scene.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As a terminal does it: a group of its own, to which the signal goes.
        start_new_session=group,
    )


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_push_that_is_interrupted_goes_on_with_the_next_run(
    scene: Scene, gate: Gate, sign: signal.Signals
) -> None:
    gate.shut.set()
    with start(scene, group=True) as process:
        assert gate.holding.wait(60)
        os.killpg(process.pid, sign)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert said.splitlines()[-1] == "interrupted; the same command goes on from here"
    assert "Traceback" not in said
    assert scene.plan("greeter", "1.0.0").steps()[-1].needed, "nothing has a name yet"

    gate.shut.clear()
    with start(scene) as process:
        out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "greeter" in out
    assert not any(step.needed for step in scene.plan("greeter", "1.0.0").steps())
