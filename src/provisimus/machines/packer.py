"""Packer as a program: is it there and new enough, what is its command line, what does it say.

What it is told to do stands in ``packer_template.py``, what its failures mean in
``packer_failure.py``.
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
from provisimus.machines.pull_access import PullAccess
from provisimus.process import find_program, run

INSTALL = (
    "Debian 12 has the package packer; elsewhere: "
    "https://developer.hashicorp.com/packer/install (script/setup installs it)"
)
Version = tuple[int, int, int]


@dataclass(frozen=True)
class Packer:
    path: str
    version: Version


TAIL = 20

NOBODY = PullAccess()

FULL = re.compile(r"no space left on device|enough free space", re.IGNORECASE)

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

    def __init__(self, tell: Tell, subject: str, access: PullAccess = NOBODY) -> None:
        self._tell = tell
        self._access = access
        self._subject = subject
        self._phase: str | None = None
        self._open = ExitStack()
        self._broken = False
        self._said: deque[str] = deque(maxlen=TAIL)
        self.errors: list[str] = []
        self.failed: tuple[str, str, tuple[str, ...]] | None = None
        """Script, status, last lines."""
        self.hung: tuple[str, str, tuple[str, ...]] | None = None
        """A script that had to be ended, after how many seconds, and its last lines."""
        self.full = False
        """Whether the disk of the machine was full."""
        self.unpulled: list[str] = []
        """References of images that could not be pulled."""
        self.found: list[str] = []
        """What was found on the machine that must not be in an image: path and what it is."""
        self.sbom: list[str] = []
        """What the machine is made of, as the step 85-sbom says it: see ``sbom.py``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._broken and isinstance(error[1], ToolFailed):
            # The phase that failed is told; what is open now is the clean-up after it.
            self._open.close()
        else:
            self._open.__exit__(*error)  # type: ignore[arg-type]

    def __call__(self, raw: str) -> None:
        line = read_line(raw)
        if line is None or line.kind not in ("say", "message", "error"):
            return
        for text in line.text.splitlines():
            self._hear(line.kind, text.rstrip())

    def _hear(self, kind: str, text: str) -> None:
        # Packer masks sensitive variables for people, and with -machine-readable it does not. What
        # is understood of a line is so before a password that is a common word is taken out of it.
        if text.startswith("provisimus: "):
            verb, _, rest = text.removeprefix("provisimus: ").partition(" ")
            self._hear_ours(verb, self._access.blanked(rest))
            return
        phase = next((name for begin, name in PHASES if text.startswith(begin)), None)
        text = self._access.blanked(text)
        if FULL.search(text):
            self.full = True
        if kind == "error" and text.strip():
            self.errors.append(text)
            self._fail(text)
        if phase and kind != "message":
            self._enter(phase)
        if text.strip() and not text.startswith("Adding tag"):
            self._said.append(text)
            self._tell(Said(self._name(self._phase or "start"), text))

    def _hear_ours(self, verb: str, rest: str) -> None:
        if verb == "step":
            self._enter(re.sub(r"^\d+-", "", rest))
        elif verb == "found":
            self.found.append(rest)
        elif verb == "full":
            self.full = True
        elif verb == "unpulled":
            self.unpulled.append(rest)
        elif verb == "hung":
            script, _, seconds = rest.partition(" after ")
            self.hung = (script, seconds, tuple(self._said))
        elif verb == "sbom":
            self.sbom.append(rest)
        elif verb == "failed" and self.failed is None:
            # A script of the definition fails first, then the step that runs it.
            script, _, status = rest.partition(" with status ")
            self.failed = (script, status, tuple(self._said))
            self._fail(f"exit status {status}")

    def _fail(self, why: str) -> None:
        """The open phase failed. Only the first does: what comes after it cleans up."""
        if not self._broken:
            self._broken = True
            error = ToolFailed(why)
            self._open.__exit__(ToolFailed, error, None)

    def _enter(self, phase: str) -> None:
        if phase == self._phase:
            return
        self._open.close()
        # What one step was told, and went on from, is not what another fails of.
        self.full = False
        self._phase = phase
        self._said.clear()
        self._open.enter_context(step(self._tell, self._name(phase)))

    def _name(self, phase: str) -> str:
        return f"{self._subject}: {phase}"


def find_packer(needed: Version, word: str, where: str | None = None) -> Packer:
    """The Packer on the PATH. Raises ToolMissing, or ToolFailed when it is too old.

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
    return Packer(path, version)


def parse_version(said: str) -> Version | None:
    """`Packer v1.6.6` as (1, 6, 6)."""
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def too_old(version: Version, needed: Version, word: str) -> str | None:
    if version >= needed:
        return None
    have, want = (".".join(map(str, each)) for each in (version, needed))
    return f"Packer {have} is too old: `{word}` needs {want} or newer"


def has_amazon(tool: Packer) -> bool:
    """Whether this Packer can build for AWS as it stands: newer ones come without the builder
    (1.11).
    """
    if tool.version < (1, 11, 0):
        return True
    said = run([tool.path, "plugins", "installed"], timeout=30).stdout
    return "packer-plugin-amazon" in said


def build_argv(
    path: str, template: Path, variables: Mapping[str, str], *, keep: bool = False
) -> list[str]:
    """The command line of a bake. `template` is a file, or a folder of HCL; `keep` leaves the
    machine when something fails.
    """
    given = [f"-var={name}={value}" for name, value in sorted(variables.items())]
    on_error = f"-on-error={'abort' if keep else 'cleanup'}"
    return [path, "-machine-readable", "build", on_error, *given, str(template)]


def validate_argv(path: str, template: Path, variables: Mapping[str, str]) -> list[str]:
    """What has Packer read a template and ask nobody."""
    given = [f"-var={name}={value}" for name, value in sorted(variables.items())]
    return [path, "validate", *given, str(template)]


def init_argv(path: str, template: Path) -> list[str]:
    """What has Packer fetch the plugins that a template declares, those that it lacks."""
    return [path, "init", str(template)]


def build_environment(cloud: Mapping[str, str], work: Path, scraps: Path) -> dict[str, str]:
    """What Packer's environment gets: the account, no questions home, its scraps in our folders."""
    return {
        **cloud,
        "CHECKPOINT_DISABLE": "1",
        "PACKER_CACHE_DIR": str(work / "cache"),
        "TMPDIR": str(scraps),
        "NO_COLOR": "1",
    }
