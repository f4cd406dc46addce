"""Packer as a program: is it there and new enough, what is its command line, what does it say.

What it is told to do stands in ``packer_template.py``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from provisimus.errors import ToolFailed
from provisimus.events import Said, Tell, step
from provisimus.process import find_program, run

INSTALL = (
    "Debian 12 has the package packer; elsewhere: "
    "https://developer.hashicorp.com/packer/install (script/setup installs it)"
)
Version = tuple[int, int, int]
TAIL = 20

PHASES = (
    ("Prevalidating", "check"),
    ("Creating temporary keypair", "launch"),
    ("Launching a source AWS instance", "launch"),
    ("Waiting for SSH", "wait for SSH"),
    ("Connected to SSH", "log in"),
    ("Uploading", "upload"),
    ("Stopping the source instance", "stop"),
    ("Creating AMI", "make the image"),
    ("Creating unencrypted AMI", "make the image"),
    ("Waiting for AMI", "make the image"),
    ("Terminating the source AWS instance", "clean up"),
    ("Provisioning step had errors", "clean up"),
)
"""How a line of Packer's begins, and the phase that it opens."""


@dataclass(frozen=True)
class Line:
    """One line of `-machine-readable` output: `kind` is say, message, error or a type of data."""

    kind: str
    text: str


def read_line(raw: str) -> Line | None:
    """Parse `timestamp,target,type,data…`; None for what is not of that form.

    Commas and line ends inside of data are escaped, see Packer's documentation, "Machine-Readable
    Output".
    """
    parts = raw.split(",")
    if len(parts) < 4 or not parts[0].isdigit():
        return None
    data = [
        each.replace("%!(PACKER_COMMA)", ",").replace("\\r", "").replace("\\n", "\n")
        for each in parts[3:]
    ]
    if parts[2] == "ui":
        text = re.sub(r"^(==>|-->|)\s*(amazon-ebs\S*: )?", "", ",".join(data[1:]).strip("\n"))
        return Line(data[0], text)
    return Line(parts[2], ",".join(data))


class Narrator:
    """Turns Packer's lines into events: a step per phase, with what it says in between.

    Also remembers what an error needs: the script that failed and its last lines.
    """

    def __init__(self, tell: Tell, subject: str) -> None:
        self._tell = tell
        self._subject = subject
        self._phase: str | None = None
        self._open = ExitStack()
        self._said: deque[str] = deque(maxlen=TAIL)
        self.errors: list[str] = []
        self.failed: tuple[str, str, tuple[str, ...]] | None = None
        """Script, status, last lines."""
        self.found: list[str] = []
        """What was found on the machine that must not be in an image: path and what it is."""
        self.sbom: list[str] = []
        """What the machine is made of, as the step 85-sbom says it: see ``sbom.py``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # With an error the open phase failed; without one it is done.
        self._open.__exit__(*error)  # type: ignore[arg-type]

    def __call__(self, raw: str) -> None:
        line = read_line(raw)
        if line is None or line.kind not in ("say", "message", "error"):
            return
        for text in line.text.splitlines():
            self._hear(line.kind, text.rstrip())

    def _hear(self, kind: str, text: str) -> None:
        if text.startswith("provisimus: "):
            self._hear_ours(text.removeprefix("provisimus: "))
            return
        phase = next((name for begin, name in PHASES if text.startswith(begin)), None)
        if phase and kind != "message":
            self._enter(phase)
        if kind == "error" and text.strip():
            self.errors.append(text)
        if text.strip() and not text.startswith("Adding tag"):
            self._said.append(text)
            self._tell(Said(self._name(self._phase or "start"), text))

    def _hear_ours(self, text: str) -> None:
        verb, _, rest = text.partition(" ")
        if verb == "step":
            self._enter(re.sub(r"^\d+-", "", rest))
        elif verb == "found":
            self.found.append(rest)
        elif verb == "sbom":
            self.sbom.append(rest)
        elif verb == "failed" and self.failed is None:
            # A script of the definition fails first, then the step that runs it.
            script, _, status = rest.partition(" with status ")
            self.failed = (script, status, tuple(self._said))

    def _enter(self, phase: str) -> None:
        if phase == self._phase:
            return
        self._open.close()
        self._phase = phase
        self._said.clear()
        self._open.enter_context(step(self._tell, self._name(phase)))

    def _name(self, phase: str) -> str:
        return f"{self._subject}: {phase}"


def failure(narrator: Narrator, error: ToolFailed, folder: Path) -> ToolFailed:
    """The error of a failed bake: the script that failed and its last lines, or Packer's words."""
    if narrator.found:
        return ToolFailed(
            "the machine image would hold what must never be in one",
            tail=tuple(narrator.found[:TAIL]),
            where=str(folder / "machine.yaml"),
            hint="remove it in the last script of setup/, or, if it is meant to be there, "
            "hygiene: {allow: [/the/path]}; the temporary machine is gone",
        )
    if narrator.failed:
        script, status, tail = narrator.failed
        own = script.startswith("setup/")
        return ToolFailed(
            f"{script if own else 'the step ' + script} failed while baking: exit status {status}",
            status=int(status) if status.isdigit() else None,
            tail=tail,
            where=str(folder / script) if own else None,
            hint="the temporary machine is gone; run the same command again after the repair",
        )
    words = [text for text in narrator.errors if not text.startswith("Build '")]
    if not words:
        return error
    hint = None
    if any("Timeout waiting for SSH" in text for text in words):
        hint = "can it be reached (subnet, route, security group), and is the base's user right?"
    return ToolFailed(
        f"Packer failed: {words[0]}",
        status=error.status,
        tail=tuple(words[-TAIL:]),
        hint=hint,
    )


def find_packer(needed: Version, word: str, where: str | None = None) -> tuple[str, Version]:
    """The path and version of Packer. Raises ToolMissing, or ToolFailed when it is too old.

    `word` is what needs that version, `where` the template that says it.
    """
    path = find_program("packer", hint=INSTALL)
    said = run([path, "version"], env={"CHECKPOINT_DISABLE": "1"}, timeout=30).stdout
    version = parse_version(said)
    if version is None:
        raise ToolFailed(f"{path} does not tell its version: {said.strip()[:80]}", hint=INSTALL)
    complaint = too_old(version, needed, word)
    if complaint:
        raise ToolFailed(complaint, where=where, hint=INSTALL)
    return path, version


def parse_version(said: str) -> Version | None:
    """`Packer v1.6.6` as (1, 6, 6)."""
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def too_old(version: Version, needed: Version, word: str) -> str | None:
    if version >= needed:
        return None
    have, want = (".".join(map(str, each)) for each in (version, needed))
    return f"Packer {have} is too old: `{word}` needs {want} or newer"


def has_amazon(path: str, version: Version) -> bool:
    """Whether this Packer can build for AWS: newer ones come without the builder (1.11)."""
    if version < (1, 11, 0):
        return True
    said = run([path, "plugins", "installed"], timeout=30).stdout
    return "packer-plugin-amazon" in said


def build_argv(path: str, template: Path, variables: Mapping[str, str]) -> list[str]:
    """The command line of a bake."""
    given = [f"-var={name}={value}" for name, value in sorted(variables.items())]
    return [path, "-machine-readable", "build", "-on-error=cleanup", *given, str(template)]


def build_environment(cloud: Mapping[str, str], work: Path, scraps: Path) -> dict[str, str]:
    """What Packer's environment gets: the account, no questions home, its scraps in our folders."""
    return {
        **cloud,
        "CHECKPOINT_DISABLE": "1",
        "PACKER_CACHE_DIR": str(work / "cache"),
        "TMPDIR": str(scraps),
        "NO_COLOR": "1",
    }
