"""What is saved of the stacks: a text for each, made anew only when its stack has changed.

A thousand stacks are a few megabytes; to write them takes milliseconds, to make their texts takes
most of a second, which the other threads would wait for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from provisimus.localcloud.cloudformation.stack import Stack, to_plain

STATE_VERSION = 1


class Texts:
    """The last text of every stack. Its owner holds a lock around each call."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def changed(self, stack: Stack) -> None:
        self._texts.pop(stack.id, None)

    def whole(self, stacks: Iterable[Stack]) -> str:
        """All of them, as `Engine.restore` takes them up once they are parsed."""
        told = ", ".join(self._of(stack) for stack in stacks)
        return f'{{"version": {STATE_VERSION}, "stacks": [{told}]}}'

    def _of(self, stack: Stack) -> str:
        # What is under way changes its stack between two of its reports.
        if stack.busy or stack.id not in self._texts:
            self._texts[stack.id] = json.dumps(to_plain(stack))
        return self._texts[stack.id]
