"""What is noted of a stack's resources while it is worked on, each note with its event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from provisimus.localcloud.cloudformation.signals import Signal
from provisimus.localcloud.cloudformation.stack import Discarded, Resource, Stack


class Records:
    """The records of one stack; changed under the engine's lock, and saved soon."""

    def __init__(self, stack: Stack, lock: threading.RLock, changed: Callable[[], None]) -> None:
        self._stack = stack
        self._lock = lock
        self._changed = changed

    def _progress(self, name: str) -> Rolling:
        return Rolling(self, name)

    def _discard_later(self, record: Resource, policy: str = "Delete") -> None:
        with self._lock:
            assert self._stack.operation is not None
            self._stack.operation.discarded.append(Discarded(record, policy))

    def _record(
        self,
        resource: Resource,
        status: str,
        reason: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Resource:
        with self._lock:
            noted = self._stack.record(resource, status, reason, properties)
        self._changed()
        return noted

    def _tell(self, resource: Resource, status: str, reason: str | None = None) -> None:
        with self._lock:
            self._stack.tell(resource, status, reason)
        self._changed()

    def _forget(self, record: Resource) -> None:
        with self._lock:
            self._stack.resources.pop(record.logical_id, None)


class Rolling:
    """How an update that takes its time tells and hears (see ``handlers/interface.py``)."""

    def __init__(self, records: Records, name: str) -> None:
        self._records = records
        self._name = name

    def say(self, text: str) -> None:
        resource = self._records._stack.resources[self._name]
        self._records._tell(resource, "UPDATE_IN_PROGRESS", text)

    def signals(self) -> tuple[Signal, ...]:
        return self._records._stack.resources[self._name].signals
