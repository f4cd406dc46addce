"""The errors that Provisimus raises on purpose. Only the command line turns them into text.

    ProvisimusError                exit code 1   something failed; says what, where and what next
    ├── UsageFault                 2             what was asked for makes no sense
    ├── InvalidDefinitions         3             files are wrong; carries every problem
    ├── NotFound                   1             a version, an image, a stack … that does not exist
    │   └── Undeclared             2             a name that no file of the workspace declares
    ├── ChecksumMismatch           1             bytes are not the bytes that were promised
    ├── ToolMissing                1             a program that a step needs is not installed
    ├── ToolFailed                 1             a program ran and failed; carries its last lines
    ├── Unreachable                1             a registry, a cloud, an engine does not answer
    ├── Unhealthy                  1             it was made and does not answer its health check
    │   └── GaveWay                6             and what was there before runs again
    ├── Unready                    1             what was looked at before a launch forbids it
    ├── Refused                    5             policy, protection, or somebody else's property
    │   ├── Locked                 5             the same work is running already
    │   │   └── UnderWay           5             by somebody else, and leads to just what is wanted
    │   └── Conflict               5             what exists under this name is something else
    ├── RolledBack                 6             the cloud undid what was asked
    └── StillRunning               7             given up waiting; the work goes on

Anything else that escapes is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from dataclasses import dataclass


class ProvisimusError(Exception):
    """What happened (`message`), where (a file, a key path, a step) and what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def as_json(self) -> dict[str, object]:
        """The error as the value that `--json` prints."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "where": self.where,
            "hint": self.hint,
        }


class UsageFault(ProvisimusError):
    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in one file. `line` counts from 1; `key` is a path like `users/0/name`."""

    file: str
    line: int | None
    key: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class InvalidDefinitions(ProvisimusError):
    exit_code = 3

    def __init__(self, problems: list[Problem]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the definitions")
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.message, *map(str, self.problems)])

    def as_json(self) -> dict[str, object]:
        return {**super().as_json(), "problems": [vars(problem) for problem in self.problems]}


class NotFound(ProvisimusError):
    pass


class Undeclared(NotFound):
    """A service, a machine, an image, a base: like an environment or a type, it was misspelt."""

    exit_code = 2


class ChecksumMismatch(ProvisimusError):
    pass


class ToolMissing(ProvisimusError):
    pass


class ToolFailed(ProvisimusError):
    """A program ended with `status`; `tail` holds the last lines that it said."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        tail: tuple[str, ...] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status
        self.tail = tail

    def as_json(self) -> dict[str, object]:
        return {**super().as_json(), "status": self.status, "tail": list(self.tail)}


class Unreachable(ProvisimusError):
    pass


class Unhealthy(ProvisimusError):
    """`tail` holds what the machine said of it on its console, as far as it tells something."""

    def __init__(
        self,
        message: str,
        *,
        tail: tuple[str, ...] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.tail = tail

    def as_json(self) -> dict[str, object]:
        return {**super().as_json(), "tail": list(self.tail)}


class GaveWay(Unhealthy):
    """As with `RolledBack`, what was asked for is undone; here we found why, and undid it."""

    exit_code = 6


@dataclass(frozen=True)
class Finding:
    """One thing that stands in the way of work which was not begun."""

    what: str
    where: str | None = None
    hint: str | None = None


class Unready(ProvisimusError):
    """Carries everything that stands in the way, so that it is repaired in one go."""

    def __init__(self, findings: tuple[Finding, ...], *, before: str) -> None:
        alone = findings[0] if len(findings) == 1 else None
        super().__init__(
            alone.what if alone else f"{len(findings)} things stand in the way of {before}",
            where=alone.where if alone else None,
            hint=alone.hint if alone else None,
        )
        self.findings = findings

    def __str__(self) -> str:
        return "\n".join(dict.fromkeys([self.message, *(each.what for each in self.findings)]))

    def as_json(self) -> dict[str, object]:
        return {**super().as_json(), "findings": [vars(each) for each in self.findings]}


class Refused(ProvisimusError):
    exit_code = 5


class Locked(Refused):
    pass


class UnderWay(Locked):
    """A stack is on its way to just what is wanted: who follows it to its end need do nothing."""

    def __init__(self, message: str, *, stack: str, stack_id: str, service: str) -> None:
        hint = f"follow it: provisimus stack watch {service}"
        super().__init__(message, where=stack_id, hint=hint)
        self.stack = stack
        self.stack_id = stack_id
        self.service = service


class Conflict(Refused):
    pass


class RolledBack(ProvisimusError):
    """`tail` holds what the machine said on its console, where a machine was the cause."""

    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        tail: tuple[str, ...] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.tail = tail

    def as_json(self) -> dict[str, object]:
        return {**super().as_json(), "tail": list(self.tail)}


class StillRunning(ProvisimusError):
    exit_code = 7
