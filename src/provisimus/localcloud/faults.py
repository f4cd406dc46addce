"""Errors of the local cloud itself, as opposed to the API errors that AWS clients are sent."""

from __future__ import annotations


class LocalCloudError(Exception):
    """What happened and what to do next; turned into text and an exit code by ``__main__``."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
