"""The journal: every event of a run as a JSON line, written before the screen shows it."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from provisimus.events import Event, Progress, as_json


class Journal:
    """Writes to `path`, made at the first event. Losing it loses history, not correctness."""

    def __init__(self, path: Path, command: Sequence[str]) -> None:
        self._path = path
        self._command = list(command)
        self._file: FileIO | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Without a buffer, or what a full disk refuses is tried again when Python ends.
            self._file = self._path.open("ab", buffering=0)
            self._write({"event": "run", "command": self._command})
        self._write(as_json(event))

    def _write(self, line: dict[str, object]) -> None:
        assert self._file is not None
        text = (json.dumps({"at": round(time.time(), 3), **line}) + "\n").encode()
        if self._file.write(text) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
