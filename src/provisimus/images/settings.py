"""What instructions other than COPY and ADD do to an image's configuration. Pure.

Source: the Dockerfile reference; field names of Docker's image specification 1.2, which OCI's
configuration shares.
"""

from __future__ import annotations

import posixpath
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from provisimus.images.dockerfile import (
    Instruction,
    NotUnderstood,
    expand,
    json_form,
    plain_words,
    words,
)

DEFAULT_SHELL = ("/bin/sh", "-c")
NO_CHANGE = frozenset({"ARG", "FROM", "COPY", "ADD"})


@dataclass(frozen=True)
class Settings:
    """`config` is the image's configuration as stored; `arguments` are the ARGs so far."""

    config: Mapping[str, Any]
    arguments: Mapping[str, str]
    own_cmd: bool = False
    """Whether this Dockerfile has said CMD: ENTRYPOINT drops one that came with the base."""

    @property
    def variables(self) -> dict[str, str]:
        """What `$x` means: the environment goes before arguments of the same name."""
        return {**self.arguments, **self.environment}

    @property
    def environment(self) -> dict[str, str]:
        return dict(each.partition("=")[::2] for each in self.config.get("Env") or ())

    @property
    def workdir(self) -> str:
        return str(self.config.get("WorkingDir") or "/")

    @property
    def shell(self) -> tuple[str, ...]:
        return tuple(self.config.get("Shell") or DEFAULT_SHELL)

    def having(self, **changes: Any) -> Settings:
        return replace(self, config={**self.config, **changes})


def apply(settings: Settings, instruction: Instruction) -> Settings:
    """The settings after one more instruction. Raises NotUnderstood."""
    line, rest = instruction.line, instruction.rest
    match instruction.keyword:
        case "ARG":
            return _argument(settings, instruction)
        case "ENV":
            pairs = _pairs(settings, instruction)
            environment = {**settings.environment, **pairs}
            return settings.having(Env=[f"{key}={value}" for key, value in environment.items()])
        case "LABEL":
            labels = settings.config.get("Labels") or {}
            return settings.having(Labels={**labels, **_pairs(settings, instruction)})
        case "WORKDIR":
            path = expand(rest, settings.variables, line)
            return settings.having(
                WorkingDir=posixpath.normpath(posixpath.join(settings.workdir, path))
            )
        case "USER":
            return settings.having(User=expand(rest, settings.variables, line))
        case "STOPSIGNAL":
            return settings.having(StopSignal=_signal(expand(rest, settings.variables, line), line))
        case "EXPOSE":
            ports = dict(settings.config.get("ExposedPorts") or {})
            for word in plain_words(rest, line):
                ports.update(_ports(expand(word, settings.variables, line), line))
            return settings.having(ExposedPorts=ports)
        case "VOLUME":
            given = instruction.exec_form or tuple(plain_words(rest, line))
            places = [expand(each, settings.variables, line) for each in given]
            if not all(places):
                raise NotUnderstood("a VOLUME without a name", line)
            volumes = {**(settings.config.get("Volumes") or {}), **{each: {} for each in places}}
            return settings.having(Volumes=volumes)
        case "SHELL":
            if not instruction.exec_form:
                raise NotUnderstood("SHELL without JSON form", line)
            return settings.having(Shell=list(instruction.exec_form))
        case "CMD":
            return replace(settings.having(Cmd=_command(settings, instruction)), own_cmd=True)
        case "ENTRYPOINT":
            entrypoint = settings.having(Entrypoint=_command(settings, instruction))
            if settings.own_cmd or "Cmd" not in settings.config:
                return entrypoint
            return replace(
                entrypoint,
                config={key: each for key, each in entrypoint.config.items() if key != "Cmd"},
            )
        case "HEALTHCHECK":
            return settings.having(Healthcheck=_healthcheck(instruction))
        case keyword if keyword in NO_CHANGE:
            return settings
        case keyword:
            raise NotUnderstood(f"the instruction {keyword}", line)


def _argument(settings: Settings, instruction: Instruction) -> Settings:
    arguments = dict(settings.arguments)
    for word in words(instruction.rest, instruction.line):
        name, separator, value = word.partition("=")
        line = instruction.line
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise NotUnderstood(f"the argument {name!r}", line)
        current = replace(settings, arguments=arguments)
        if separator:
            arguments[name] = expand(value, current.variables, line)
        elif name in PLATFORM:
            arguments[name] = platform_argument(name)
        if name in settings.environment and settings.environment[name] != arguments.get(name):
            # Builders differ: the older let the argument win, the newer the environment.
            raise NotUnderstood(f"ARG {name} where ENV has said {name}", line)
    return replace(settings, arguments=arguments)


PLATFORM = frozenset(
    f"{side}{what}"
    for side in ("TARGET", "BUILD")
    for what in ("PLATFORM", "OS", "ARCH", "VARIANT")
)
"""Arguments that every builder sets by itself."""


def platform_argument(name: str) -> str:
    from provisimus.images.documents import architecture

    kind = name.removeprefix("TARGET").removeprefix("BUILD")
    known = {"OS": "linux", "ARCH": architecture(), "VARIANT": ""}
    return known.get(kind, f"linux/{architecture()}")


def _pairs(settings: Settings, instruction: Instruction) -> dict[str, str]:
    line = instruction.line
    split = words(instruction.rest, line)
    # A line uses the values from before it ("ENV a=1 b=$a" does not see the new a).
    variables = settings.variables
    if "=" not in split[0]:
        if len(split) < 2:
            raise NotUnderstood(f"{instruction.keyword} without =", line)
        name, text = instruction.rest.split(maxsplit=1)
        return {expand(name, variables, line): expand(text, variables, line)}
    found = {}
    for word in split:
        key, separator, value = word.partition("=")
        if not separator:
            raise NotUnderstood(f"{word!r} in {instruction.keyword} without =", line)
        name = expand(key, variables, line)
        if not name:
            raise NotUnderstood(f"{word!r} in {instruction.keyword} without a name", line)
        found[name] = expand(value, variables, line)
    return found


def _command(settings: Settings, instruction: Instruction) -> list[str]:
    if instruction.exec_form is not None:
        return list(instruction.exec_form)
    return [*settings.shell, instruction.rest]


def _ports(text: str, line: int) -> dict[str, dict[str, str]]:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?(?:/(tcp|udp|sctp))?", text)
    if not found:
        raise NotUnderstood(f"the port {text!r}", line)
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last <= 65535:
        raise NotUnderstood(f"the ports {text!r}", line)
    return {f"{port}/{found[3] or 'tcp'}": {} for port in range(first, last + 1)}


def _signal(text: str, line: int) -> str:
    """Raises NotUnderstood for what not every builder knows as a signal (those of real time)."""
    name = "SIG" + text.upper().removeprefix("SIG")
    if not re.fullmatch(r"[1-9]\d?", text) and name not in signal.Signals.__members__:
        raise NotUnderstood(f"the signal {text!r}", line)
    return text


_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_FLAGS = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}


def _healthcheck(instruction: Instruction) -> dict[str, Any]:
    kind, _, rest = instruction.rest.partition(" ")
    found: dict[str, Any] = {}
    for flag, value in instruction.flags.items():
        if flag in _FLAGS:
            found[_FLAGS[flag]] = _nanoseconds(value, instruction.line)
        elif flag == "retries" and re.fullmatch(r"[1-9]\d{0,8}", value):
            found["Retries"] = int(value)
        else:
            raise NotUnderstood(f"HEALTHCHECK --{flag}={value}", instruction.line)
    if kind.upper() == "NONE" and not rest:
        return {"Test": ["NONE"]}
    if kind.upper() != "CMD" or not rest.strip():
        raise NotUnderstood(f"HEALTHCHECK {kind}", instruction.line)
    command = rest.strip()
    given = json_form(command, instruction.line)
    if given is None and command.startswith("["):
        raise NotUnderstood("HEALTHCHECK's JSON form", instruction.line)
    return {"Test": ["CMD-SHELL", command] if given is None else ["CMD", *given], **found}


def _nanoseconds(text: str, line: int) -> int:
    found = _SPAN.fullmatch(text)
    if not found or not text:
        raise NotUnderstood(f"the span of time {text!r}", line)
    hours, minutes, seconds, milliseconds = (float(each or 0) for each in found.groups())
    given = int(((hours * 60 + minutes) * 60 + seconds) * 1e9 + milliseconds * 1e6)
    if given < 1e6:
        raise NotUnderstood(f"a span of time below a millisecond: {text!r}", line)
    return given
