"""A small lexer for Dockerfiles: text in, instructions out. Pure.

It knows the syntax that matters for assembling (continuations, comments, quoting, flags, JSON
form). What it does not understand raises NotUnderstood, and the real builder gets the file: never
a guess. Source: the Dockerfile reference, and BuildKit's parser where that is silent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

KEYWORDS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)


class NotUnderstood(Exception):
    """Something in a Dockerfile that only the real builder may interpret; says what, at `line`."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class Instruction:
    """One instruction. `rest` is what follows keyword and flags; `exec_form` its JSON form."""

    keyword: str
    rest: str
    line: int
    flags: Mapping[str, str] = field(default_factory=dict)
    exec_form: tuple[str, ...] | None = None


def parse(text: str) -> tuple[Instruction, ...]:
    """All instructions in order. Raises NotUnderstood."""
    lines = text.splitlines()
    _refuse_directives(lines)
    found = []
    index = 0
    while index < len(lines):
        line, start = lines[index], index + 1
        index += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        logical = ""
        while (joined := re.fullmatch(r"(.*)\\[ \t]*", line)) is not None:
            logical += joined[1]
            # Comments and empty lines inside a continued instruction are left out.
            while index < len(lines) and (
                not lines[index].strip() or lines[index].lstrip().startswith("#")
            ):
                index += 1
            if index == len(lines):
                line = ""
                break
            line = lines[index]
            index += 1
        found.append(_instruction(logical + line, start))
    if not found:
        raise NotUnderstood("the file has no instruction", 1)
    return tuple(found)


def words(text: str, line: int) -> list[str]:
    """Split at blanks as a shell would, quotes and escapes still in place."""
    found: list[str] = []
    current: str | None = None
    quote = ""
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\" and quote != "'" and index + 1 < len(text):
            current = (current or "") + text[index : index + 2]
            index += 2
            continue
        if quote:
            quote = "" if char == quote else quote
            current = (current or "") + char
        elif char in "'\"":
            quote = char
            current = (current or "") + char
        elif char.isspace():
            if current is not None:
                found.append(current)
            current = None
        else:
            current = (current or "") + char
        index += 1
    if quote:
        raise NotUnderstood(f"the quote {quote} is not closed", line)
    if current is not None:
        found.append(current)
    return found


def expand(text: str, variables: Mapping[str, str], line: int) -> str:
    """Replace variables and take quotes and escapes away, as BuildKit does for one word.

    `$x`, `${x}`, `${x:-default}` and `${x:+other}` are known; single quotes keep all as it is.
    """
    out = ""
    index = 0
    quote = ""
    while index < len(text):
        char = text[index]
        if quote == "'":
            if char == "'":
                quote = ""
            else:
                out += char
            index += 1
        elif char == "\\":
            after = text[index + 1 : index + 2]
            # Inside double quotes the backslash escapes only what has a meaning there.
            out += after if not quote or after in ('"', "$", "\\") else char + after
            index += 2
        elif char in "'\"" and (not quote or char == quote):
            quote = "" if quote else char
            index += 1
        elif char == "$":
            value, index = _variable(text, index + 1, variables, line)
            out += value
        else:
            out += char
            index += 1
    return out


def _variable(text: str, index: int, variables: Mapping[str, str], line: int) -> tuple[str, int]:
    plain = re.compile(r"[A-Za-z_]\w*").match(text, index)
    if plain:
        return variables.get(plain[0], ""), plain.end()
    braced = re.compile(r"\{([A-Za-z_]\w*)(?:(:?[-+])([^{}$'\"\\]*))?\}").match(text, index)
    if not braced:
        raise NotUnderstood(f"a variable is written unusually: {text[index - 1 :][:20]!r}", line)
    value = variables.get(braced[1])
    operator, other = braced[2], braced[3]
    is_set = value is not None if operator in ("-", "+") else bool(value)
    if operator in (":-", "-"):
        return (value or "") if is_set else other, braced.end()
    if operator in (":+", "+"):
        return other if is_set else "", braced.end()
    return value or "", braced.end()


def _refuse_directives(lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        found = re.fullmatch(r"#\s*([A-Za-z]\w*)\s*=\s*(.+?)\s*", line)
        if not found:
            return
        raise NotUnderstood(f"the parser directive {found[1]}", number)


def _instruction(text: str, line: int) -> Instruction:
    keyword, rest = [*text.split(maxsplit=1), "", ""][:2]
    keyword, rest = keyword.upper(), rest.strip()
    if keyword not in KEYWORDS:
        raise NotUnderstood(f"the instruction {keyword}", line)
    if keyword in ("RUN", "COPY", "ADD") and re.search(r"<<-?\s*[\"']?\w", rest):
        raise NotUnderstood("a heredoc", line)
    flags: dict[str, str] = {}
    if keyword in ("ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"):
        while (flag := re.match(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)", rest)) is not None:
            if flag[1] in flags:
                raise NotUnderstood(f"--{flag[1]} stands twice", line)
            flags[flag[1]] = flag[2] or ""
            rest = rest[flag.end() :]
    if not rest:
        raise NotUnderstood(f"{keyword} says nothing", line)
    return Instruction(keyword, rest, line, flags, _json_form(keyword, rest))


def _json_form(keyword: str, rest: str) -> tuple[str, ...] | None:
    if keyword not in ("ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"):
        return None
    if not rest.startswith("["):
        return None
    try:
        found = json.loads(rest)
    except ValueError:
        # As Docker: what is no JSON is the shell form.
        return None
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return tuple(found)
    return None
