"""docker.lock: the bases made from Debian packages, pinned by what was built.

It is committed beside the definitions. Only `image lock --update` moves a pin: that raises
`update`, which is an input of the base's fingerprint, so that all above it are built anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.files import replacing
from provisimus.model import Digest

FILE = "docker.lock"
_HEAD = """\
# What moves and is referred to, pinned by what was built. Written by provisimus; commit it.
# `provisimus image lock --update` moves a pin.
"""


@dataclass(frozen=True)
class LockedBase:
    """Digests of manifest and configuration; None while not built since an update."""

    fingerprint: Digest
    digest: Digest | None = None
    config: Digest | None = None
    update: int = 0


@dataclass(frozen=True)
class DockerLock:
    bases: Mapping[str, LockedBase] = field(default_factory=dict)

    def having(self, name: str, locked: LockedBase) -> DockerLock:
        return DockerLock({**self.bases, name: locked})


def read_lock(folder: Path) -> DockerLock:
    """Empty when there is no file. Raises InvalidDefinitions for one that is no lock."""
    path = folder / FILE
    if not path.is_file():
        return DockerLock()
    from provisimus.workspace import marks

    document = marks.read(path)
    bases = {}
    try:
        for name, values in (document.data.get("bases") or {}).items():
            bases[name] = LockedBase(
                Digest.parse(values["fingerprint"]),
                Digest.parse(values["digest"]) if values.get("digest") else None,
                Digest.parse(values["config"]) if values.get("config") else None,
                int(values.get("update", 0)),
            )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        hint = "take it back from Git, or remove it: the next build writes it anew"
        message = f"this is no lock file: {error}"
        raise InvalidDefinitions([Problem(str(path), None, "bases", message, hint)]) from None
    return DockerLock(bases)


def write_lock(folder: Path, lock: DockerLock) -> None:
    """Replace the file in one step, when it says something else. Raises as `replacing`."""
    path = folder / FILE
    text = as_text(lock)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_text(lock: DockerLock) -> str:
    lines = [_HEAD + "bases:"]
    for name, base in sorted(lock.bases.items()):
        lines += [f"  {name}:", f"    fingerprint: {base.fingerprint}"]
        lines += [f"    digest: {base.digest}"] if base.digest else []
        lines += [f"    config: {base.config}"] if base.config else []
        lines += [f"    update: {base.update}"] if base.update else []
    return "\n".join(lines) + "\n"
