"""Reading a machine's folder: what its setup scripts and files are, and what is wrong with them.

Nothing is followed out of the folder: links are kept as links, and one that would leave the
machine's root is refused before anything starts.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.model import Digest

COMPOSE_TEMPLATE = "docker-compose.yml.j2"
PACKER_TEMPLATES = ("template.pkr.json", "template.pkr.hcl")
OURS = ("bootstrap/docker-compose.yml", "etc/provisimus", "usr/local/lib/provisimus")
"""Paths on the machine that Provisimus writes itself."""


@dataclass(frozen=True)
class Entry:
    """One file, link or folder as it will be on the machine. `path` is relative to its root.

    A link has `link`, a folder neither `link` nor `content`.
    """

    path: str
    mode: int
    content: bytes | None = None
    link: str | None = None

    def identity(self) -> str:
        """Everything about it that matters, for fingerprints."""
        what = f"link {self.link}" if self.link is not None else "folder"
        if self.content is not None:
            what = str(Digest.of(self.content))
        return f"{self.path} {self.mode:o} {what}"


@dataclass(frozen=True)
class MachineFiles:
    """What lies in a machine's folder beside machine.yaml."""

    setup: tuple[Entry, ...] = ()
    files: tuple[Entry, ...] = ()
    compose_template: str | None = None
    packer_template: Path | None = None


def read_machine_files(folder: Path) -> MachineFiles:
    """Read `setup/`, `files/` and the templates. Raises InvalidDefinitions with every problem."""
    problems: list[Problem] = []
    setup = tuple(_entries(folder / "setup", problems))
    files = tuple(_entries(folder / "files", problems))
    problems += _problems_of_setup(folder, setup)
    problems += [
        Problem(str(folder / "files" / each.path), None, "", "Provisimus writes this path itself",
                _hint_for(each.path))
        for each in files
        if any(each.path == path or each.path.startswith(path + "/") for path in OURS)
        and (each.content is not None or each.link is not None)
    ]  # fmt: skip
    templates = [folder / name for name in PACKER_TEMPLATES if (folder / name).is_file()]
    if len(templates) > 1:
        problems.append(
            Problem(str(folder), None, "", "holds two Packer templates", "remove one of the two"),
        )
    if problems:
        raise InvalidDefinitions(problems)
    compose = folder / COMPOSE_TEMPLATE
    return MachineFiles(
        setup,
        files,
        compose.read_text(encoding="utf-8") if compose.is_file() else None,
        templates[0] if templates else None,
    )


def _entries(top: Path, problems: list[Problem]) -> Iterator[Entry]:
    if not top.is_dir():
        return
    for path in _walk(top):
        name = path.relative_to(top).as_posix()
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            target = str(path.readlink())
            if _leaves(name, target):
                problems.append(
                    Problem(
                        *(str(path), None, "", f"the link to {target} leaves the machine's root"),
                        "link inside the folder, or to an absolute path of the machine",
                    ),
                )
            yield Entry(name, 0o777, link=target)
        elif stat.S_ISDIR(status.st_mode):
            yield Entry(name, 0o755)
        elif stat.S_ISREG(status.st_mode):
            mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
            yield Entry(name, mode, content=path.read_bytes())
        else:
            problems.append(
                Problem(str(path), None, "", "is neither file, folder nor link", "remove it"),
            )


def _walk(top: Path) -> Iterable[Path]:
    """Everything below a folder, sorted, without following links."""
    for folder, folders, files in os.walk(top):
        folders.sort()
        here = Path(folder)
        linked = [name for name in folders if (here / name).is_symlink()]
        yield from (here / name for name in sorted([*folders, *files]))
        folders[:] = [name for name in folders if name not in linked]


def _leaves(name: str, target: str) -> bool:
    """Whether a relative link points above the root. Absolute ones mean the machine's own paths."""
    if target.startswith("/"):
        return False
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target)).startswith("..")


def _problems_of_setup(folder: Path, setup: tuple[Entry, ...]) -> list[Problem]:
    return [
        Problem(
            *(str(folder / "setup" / each.path), None, ""),
            "cannot be run: it is not executable and its first line names no interpreter",
            "begin it with #!/bin/sh",
        )
        for each in setup
        if each.content is not None
        and "/" not in each.path
        and each.mode != 0o755
        and not each.content.startswith(b"#!")
    ]


def _hint_for(path: str) -> str:
    if path.startswith("bootstrap/"):
        return f"write {COMPOSE_TEMPLATE} beside machine.yaml instead"
    return "choose another path"
