"""Values of an environment that name where they stand: `${ssm:NAME}`, `${secret:NAME#KEY}`. Pure.

Read on both sides: where a definition is checked and its role gets its permissions, and on the
machine, which puts the values in. `$${` means the two characters themselves.
"""

from __future__ import annotations

import re

KINDS = ("ssm", "secret")
_TOKEN = re.compile(r"\$?\$\{([^}]*)(\}?)")
_NAMES = {
    # "PutParameter, Name" and "CreateSecret, Name" of the two APIs.
    "ssm": re.compile(r"[A-Za-z0-9_.\-/]{1,1011}"),
    # A secret's ARN will do, too; RDS calls its own `rds!db-…`.
    "secret": re.compile(r"[A-Za-z0-9/_+=.@:!\-]{1,512}"),
}


class Reference:
    """One place where a value stands. `key` is a member of a secret that is a JSON object."""

    __slots__ = ("key", "kind", "name")

    def __init__(self, kind: str, name: str, key: str = "") -> None:
        self.kind = kind
        self.name = name
        self.key = key

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" + (f"#{self.key}" if self.key else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def pieces(value: str) -> list[str | Reference]:
    """The texts and references that a value is made of. Raises ValueError, which says what is
    wrong."""
    found: list[str | Reference] = []
    end = 0
    for token in _TOKEN.finditer(value):
        found.append(value[end : token.start()])
        end = token.end()
        if token[0].startswith("$$"):
            found.append(token[0][1:])
        elif not token[2]:
            raise ValueError(f"{token[0]!r} does not end — close it with }}, or write $${{")
        else:
            found.append(_reference(token[1]))
    found.append(value[end:])
    return [each for each in found if each != ""]


def references(value: str) -> list[Reference]:
    return [each for each in pieces(value) if isinstance(each, Reference)]


def _reference(text: str) -> Reference:
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise ValueError(
            f"${{{text}}} is no reference that a machine can resolve — write ${{ssm:NAME}}, "
            "${secret:NAME} or ${secret:NAME#KEY}; $${ means these characters themselves"
        )
    name, key = rest, ""
    if kind == "secret":
        name, _, key = rest.partition("#")
    if not _NAMES[kind].fullmatch(name):
        raise ValueError(f"${{{text}}} holds no name of a {_WORDS[kind]}")
    return Reference(kind, name, key)


_WORDS = {"ssm": "parameter (letters, digits, . - _ and /)", "secret": "secret"}
