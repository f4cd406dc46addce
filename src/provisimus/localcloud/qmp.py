"""Speaking QMP, QEMU's JSON protocol, over a connected socket.

One thread reads: it hands answers to whoever asked and keeps events for whoever waits. It ends when
the machine does.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from provisimus.localcloud.faults import LocalCloudError


class MonitorError(LocalCloudError):
    """QEMU refused a command, did not answer, or is gone."""


class Monitor:
    """One machine's monitor. Safe to use from several threads."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._read, name="qmp", daemon=True).start()

    def greet(self, timeout: float) -> None:
        """Wait until QEMU has come up and switch to commands. Raises MonitorError."""
        self.execute("qmp_capabilities", timeout=timeout)

    def execute(
        self, command: str, arguments: dict[str, object] | None = None, timeout: float = 20
    ) -> Any:
        """Run a command and return its answer. Raises MonitorError."""
        order: dict[str, Any] = {"execute": command}
        if arguments:
            order["arguments"] = arguments
        with self._turn:
            while not self._answers.empty():
                self._answers.get_nowait()
            try:
                self._connection.sendall(json.dumps(order).encode() + b"\n")
                answer = self._answers.get(timeout=timeout)
            except OSError as error:
                raise MonitorError(f"the machine is gone ({command}: {error})") from error
            except queue.Empty:
                raise MonitorError(f"no answer to {command} within {timeout:.0f} s") from None
        if answer is None:
            raise MonitorError(f"the machine ended during {command}")
        if "error" in answer:
            raise MonitorError(f"{command}: {answer['error'].get('desc', answer['error'])}")
        return answer["return"]

    def human(self, line: str) -> str:
        """A command of the human monitor only. Raises MonitorError when it complains."""
        said = str(self.execute("human-monitor-command", {"command-line": line})).strip()
        if said and "removed" not in said:
            raise MonitorError(f"{line}: {said}")
        return said

    def wait_event(self, matches: Callable[[dict[str, Any]], bool], timeout: float) -> bool:
        """Whether a matching event came within ``timeout`` seconds, or before; uses it up."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for event in self._events:
                    if matches(event):
                        self._events.remove(event)
                        return True
                left = deadline - time.monotonic()
                if left <= 0 or self._closed:
                    return False
                self._changed.wait(left)

    def close(self) -> None:
        self._connection.close()

    def _read(self) -> None:
        try:
            with self._connection.makefile("rb") as stream:
                for line in stream:
                    message = json.loads(line)
                    if "event" in message:
                        with self._changed:
                            self._events = [*self._events[-200:], message]
                            self._changed.notify_all()
                    elif "QMP" not in message:
                        self._answers.put(message)
        except (OSError, ValueError):
            pass
        self._answers.put(None)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
