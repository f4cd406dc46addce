"""What a machine's console says of its service and its containers: the state of each, and the last
lines of one that does not run, or that does not answer. Pure. The sentences are those of
`machines/scripts/machine/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

MOST = 20
"""Lines that a container said, at most."""

_UNIT = r"^(?:\[\s*\d+\.\d+\] )?(?:.*?\bprovisimus-(?:health|bootstrap|containers)\[\d+\]: )"
_STATE = re.compile(_UNIT + r"container (?P<name>[\w.-]+)(?:: | is )(?P<state>.+)$")
_LINE = re.compile(_UNIT + r"(?P<name>[\w.-]+) \| (?P<text>.*)$")
_WELL = re.compile(r"^Up\b(?!.*(unhealthy|restarted))|^healthy\b", re.IGNORECASE)
_HEALTH = re.compile(_UNIT + r"(?P<status>starting|healthy|unhealthy): (?P<text>.+)$")
_TIMES = re.compile(r" \(\d+ times\)$")
_CLOUD_INIT = re.compile(r"\bcloud-init\[\d+\]: .*(ERROR|WARNING|Traceback|[Ff]ail|Error)")


@dataclass(frozen=True)
class SaidContainer:
    """A container as the console told of it last. `image` is its digest's reference, None where the
    machine image does not tell; `lines` what it said, the oldest first."""

    name: str
    state: str
    image: str | None = None
    lines: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        return bool(_WELL.match(self.state))


def containers_in(
    console: Iterable[str], images: Mapping[str, str] | None = None
) -> tuple[SaidContainer, ...]:
    """The containers that a console tells of, those that do not run first. `images` are references
    by the name in the Compose file, whose containers may carry its project and a number."""
    found: dict[str, SaidContainer] = {}
    for line in console:
        if match := _STATE.match(line):
            name = match["name"]
            found[name] = SaidContainer(
                name, _TIMES.sub("", match["state"]), _image_of(name, images or {})
            )
        elif (match := _LINE.match(line)) and match["name"] in found:
            known = found[match["name"]]
            found[known.name] = replace(known, lines=(*known.lines, match["text"])[-MOST:])
    return tuple(sorted(found.values(), key=lambda each: each.is_well))


def service_in(console: Iterable[str]) -> str:
    """What the machine said last of its service, `unhealthy: URL (why) after 90 s`; empty where it
    said nothing."""
    said = [match for line in console if (match := _HEALTH.match(line))]
    return f"{said[-1]['status']}: {_TIMES.sub('', said[-1]['text'])}" if said else ""


def has_told(console: Sequence[str]) -> bool:
    """Whether a machine that found its service unhealthy has told of its containers since, with the
    words of each that does not run well. One that has none to tell has not: it says nothing more.
    """
    last = max((at for at, line in enumerate(console) if _HEALTH.match(line)), default=len(console))
    told = containers_in(console[last:])
    return bool(told) and all(each.is_well or each.lines for each in told)


def without_containers(console: Iterable[str]) -> list[str]:
    """The console without what is said of containers, which `containers_in` tells."""
    return [line for line in console if not (_STATE.match(line) or _LINE.match(line))]


def _image_of(container: str, images: Mapping[str, str]) -> str | None:
    """Compose names a container after its service, or `project-service-1`."""
    if container in images:
        return images[container]
    plain = re.sub(r"[-_]\d+$", "", container)
    named = [
        each for each in images if plain == each or re.search(rf"[-_]{re.escape(each)}$", plain)
    ]
    return images[max(named, key=len)] if named else None


def cloud_init_faults(console: Iterable[str]) -> tuple[str, ...]:
    """The lines in which cloud-init tells of something that failed."""
    return tuple(line for line in console if _CLOUD_INIT.search(line))[-MOST:]
