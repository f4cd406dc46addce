"""A small lexer for Dockerfiles: text in, instructions out. Pure.

It knows the syntax that matters for assembling (continuations, comments, quoting, flags, JSON
form, heredocs). What it does not understand raises NotUnderstood, and the real builder gets the
file: never a guess. Source: the Dockerfile reference, and BuildKit's parser where that is silent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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


OFFICIAL = r"(?:docker\.io/)?docker/dockerfile:1(?:\.\d+)*"
"""The syntax that every BuildKit has built in; this one needs nothing fetched."""

_UNUSUAL = "\0\v\f\x1c\x1d\x1e\x85\xa0\u2028\u2029\ufeff"
"""Blanks and line ends to Python, or to others, but not to every builder."""


class NotUnderstood(Exception):
    """Something in a Dockerfile that only the real builder may interpret; says what, at `line`."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class Heredoc:
    """A file written inside the Dockerfile; `expand` where its name was not quoted."""

    name: str
    body: str
    expand: bool


@dataclass(frozen=True)
class Instruction:
    """One instruction. `rest` is what follows keyword and flags; `exec_form` its JSON form.

    Values of a flag that stands several times (`RUN --mount`) have a blank between them.
    `line` and `end` are its first and last line, counted from 1; `end` is no part of what it says.
    """

    keyword: str
    rest: str
    line: int
    flags: Mapping[str, str] = field(default_factory=dict)
    exec_form: tuple[str, ...] | None = None
    heredocs: tuple[Heredoc, ...] = ()
    end: int = field(default=0, compare=False)


def parse(text: str) -> tuple[Instruction, ...]:
    """All instructions in order. Raises NotUnderstood."""
    # Not splitlines(): only a line feed ends a line of a Dockerfile.
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if any(char in text for char in _UNUSUAL):
        raise NotUnderstood("a character that is seen by some programs only", 1)
    _check_directives(lines)
    found = []
    index = 0
    while index < len(lines):
        line, start = lines[index], index + 1
        index += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        logical = ""
        while (joined := re.fullmatch(r"(.*)\\[ \t]*", line)) is not None:
            if joined[1].endswith("\\"):
                # Escaped, to some; to others the line goes on.
                raise NotUnderstood("a line that ends with two backslashes", index)
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
        each = _instruction(logical + line, start)
        heredocs = []
        if "\r" in text and _heredocs(each):
            raise NotUnderstood("a heredoc among lines that end with CR LF", start)
        for name, strip, expands in _heredocs(each):
            body, index = _body(lines, index, name, strip=strip, line=start)
            heredocs.append(Heredoc(name, body, expands))
        found.append(replace(each, heredocs=tuple(heredocs), end=index))
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


def expand_text(text: str, variables: Mapping[str, str], line: int) -> str:
    """Variables in a heredoc, where quotes are only quotes."""
    if "\\" in text:
        raise NotUnderstood("a backslash in a heredoc with variables", line)
    out = ""
    index = 0
    while (at := text.find("$", index)) >= 0:
        value, after = _variable(text, at + 1, variables, line)
        out += text[index:at] + value
        index = after
    return out + text[index:]


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


def _check_directives(lines: list[str]) -> None:
    """Parser directives stand before all else. The official syntax is the one we know."""
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        found = re.fullmatch(r"\s*#\s*([A-Za-z]\w*)\s*=\s*(.+?)\s*", line)
        if not found:
            return
        name = found[1].lower()
        if name not in ("check", "escape", "syntax"):
            # A comment, and what follows are comments, too.
            return
        known = name == "check" or (name == "escape" and found[2] == "\\")
        known = known or (name == "syntax" and bool(re.fullmatch(OFFICIAL, found[2])))
        if not known or name in seen:
            raise NotUnderstood(f"the parser directive {found[1]}", number)
        seen.add(name)


def _instruction(text: str, line: int) -> Instruction:
    keyword, rest = [*text.split(maxsplit=1), "", ""][:2]
    keyword, rest = keyword.upper(), rest.strip()
    if keyword not in KEYWORDS:
        raise NotUnderstood(f"the instruction {keyword}", line)
    flags: dict[str, str] = {}
    if keyword in ("ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"):
        while (flag := re.match(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)", rest)) is not None:
            if flag[1] in flags and keyword != "RUN":
                raise NotUnderstood(f"--{flag[1]} stands twice", line)
            # A RUN may have several mounts; no value has a blank.
            before = f"{flags[flag[1]]} " if flag[1] in flags else ""
            flags[flag[1]] = before + (flag[2] or "")
            rest = rest[flag.end() :]
        if rest.startswith("--"):
            raise NotUnderstood(f"{keyword} {rest.split()[0]}", line)
    if not rest:
        raise NotUnderstood(f"{keyword} says nothing", line)
    return Instruction(keyword, rest, line, flags, _json_form(keyword, rest, line))


def plain_words(text: str, line: int) -> list[str]:
    """Split at blanks alone, as COPY, ADD, FROM, EXPOSE and VOLUME are: quotes hold nothing
    together there. Raises NotUnderstood where somebody thought so.
    """
    found = text.split()
    if words(text, line) != found:
        raise NotUnderstood("a blank in quotes, or behind a backslash: write the JSON form", line)
    return found


def _heredocs(instruction: Instruction) -> list[tuple[str, bool, bool]]:
    """The names of the heredocs that an instruction opens, whether tabs go, and variables count."""
    if instruction.keyword not in ("ADD", "COPY", "RUN") or "<<" not in instruction.rest:
        return []
    if instruction.exec_form is not None:
        return []
    found = []
    for word in words(instruction.rest, instruction.line):
        opened = re.fullmatch(r"<<(-?)([\"']?)([A-Za-z_][\w.-]*)\2", word)
        if opened:
            found.append((opened[3], bool(opened[1]), not opened[2]))
        elif "<<" in word:
            raise NotUnderstood(f"an unusual heredoc: {word[:20]}", instruction.line)
    return found


def _body(lines: list[str], index: int, name: str, *, strip: bool, line: int) -> tuple[str, int]:
    """What a heredoc holds, and the index of the line after its end."""
    body = ""
    while index < len(lines):
        text = lines[index].lstrip("\t") if strip else lines[index]
        index += 1
        if text == name:
            return body, index
        body += text + "\n"
    raise NotUnderstood(f"the heredoc {name} does not end", line)


def _json_form(keyword: str, rest: str, line: int) -> tuple[str, ...] | None:
    if keyword not in ("ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"):
        return None
    return json_form(rest, line)


def json_form(text: str, line: int) -> tuple[str, ...] | None:
    """The strings of a JSON form; None for what is none, and with that the shell form.

    Raises NotUnderstood for JSON of anything else, and for text behind it, which builders overlook.
    """
    if not text.startswith("["):
        return None
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None
    except RecursionError:
        raise NotUnderstood("a JSON form within a JSON form", line) from None
    if text[end:].strip() or not all(isinstance(each, str) for each in found):
        raise NotUnderstood(f"an unusual JSON form: {text[:40]}", line)
    if any("\ud800" <= char <= "\udfff" for each in found for char in each):
        raise NotUnderstood("half a character in a JSON form", line)
    return tuple(found)
