"""Contents of objects in buckets: a file each, as moto's temporary files would not outlive us.

What is written is on the disk at once, the record of it follows (``state.py``). A file that no
object has any more goes when the state was saved without it, so a crash loses no object that the
last saved state knows.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path


class Objects:
    """All contents of one local cloud."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._dropped: set[str] = set()
        self._turn = threading.Lock()

    def fresh(self) -> Content:
        return Content(self, uuid.uuid4().hex)

    def drop(self, name: str) -> None:
        """Told that an object let go of its content."""
        with self._turn:
            self._dropped.add(name)

    def save(self, save: Callable[[], None], used: Callable[[], Iterable[str]]) -> None:
        """Save the state, then remove what it knows no more."""
        with self._turn:
            gone, self._dropped = self._dropped, set()
        save()
        for name in gone - set(used()):
            (self.folder / name).unlink(missing_ok=True)

    def sweep(self, used: Iterable[str]) -> None:
        """Remove what nobody knows. Only before the first request."""
        kept = set(used)
        if self.folder.exists():
            for path in self.folder.iterdir():
                if path.name not in kept:
                    path.unlink()


class Content:
    """The content of one object, in place of moto's temporary file; opened only while it is used.

    Its users hold a lock of their own while they seek and read.
    """

    def __init__(self, objects: Objects, name: str) -> None:
        self._objects = objects
        self.name = name
        self._at = 0

    @property
    def _path(self) -> Path:
        return self._objects.folder / self.name

    def seek(self, position: int) -> None:
        self._at = position

    def read(self, size: int = -1) -> bytes:
        with self._path.open("rb") as file:
            file.seek(self._at)
            found = file.read(size)
        self._at += len(found)
        return found

    def write(self, content: bytes) -> None:
        self._objects.folder.mkdir(exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT
        with os.fdopen(os.open(self._path, flags, 0o600), "wb") as file:
            file.seek(self._at)
            file.write(content)
        self._at += len(content)

    def truncate(self) -> None:
        if self._path.exists():
            os.truncate(self._path, self._at)

    def close(self) -> None:
        self._objects.drop(self.name)
