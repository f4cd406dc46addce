"""What each layer of an image brings, and what stands at the end when all lie on each other."""

from __future__ import annotations

import posixpath
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisimus.images.sbom import debian
from provisimus.images.sbom.component import Component
from provisimus.images.sbom.jars import from_properties, is_jar, is_pom, jar_components
from provisimus.images.tree import open_layer

RECIPE = 1
"""Raise it when the same layer would give other findings."""

_TEXT = 64 << 20
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


@dataclass(frozen=True)
class Findings:
    """Of one layer, or of several merged. `texts` are files that speak of others, by path.

    `gone` are paths that the layer takes away, `emptied` folders whose earlier content it hides.
    """

    components: Mapping[str, tuple[Component, ...]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()

    def under(self, above: Findings) -> Findings:
        """Both together, as a file system shows them: what lies above wins."""
        return Findings(
            {**_left(self.components, above), **above.components},
            {**_left(self.texts, above), **above.texts},
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "recipe": RECIPE,
            "components": {
                path: [each.as_json() for each in found] for path, found in self.components.items()
            },
            "texts": dict(self.texts),
            "gone": list(self.gone),
            "emptied": list(self.emptied),
        }

    @classmethod
    def parse(cls, data: Mapping[str, Any] | None) -> Findings | None:
        """None for what is not there, or was found in another way."""
        if data is None or data.get("recipe") != RECIPE:
            return None
        try:
            return cls(
                {
                    path: tuple(Component.parse(each) for each in found)
                    for path, found in data["components"].items()
                },
                data["texts"],
                tuple(data["gone"]),
                tuple(data["emptied"]),
            )
        except (KeyError, TypeError, AttributeError):
            return None


def scan_layer(pieces: Iterable[bytes]) -> Findings:
    """Read a layer (TAR, packed or not) once. Raises tarfile.TarError for what is none."""
    components: dict[str, tuple[Component, ...]] = {}
    texts: dict[str, str] = {}
    gone: list[str] = []
    emptied: list[str] = []
    with open_layer(pieces) as archive:
        for member in archive:
            path = posixpath.normpath("/" + member.name).strip("/")
            folder, name = posixpath.split(path)
            if name == _OPAQUE:
                emptied.append(folder)
            elif name.startswith(_WHITEOUT):
                gone.append(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
            elif not member.isfile():
                if not member.isdir():
                    gone.append(path)
            elif is_jar(path):
                components[path] = tuple(_jar(archive, member, path))
            elif is_pom(path):
                part = from_properties(_text(archive, member), path)
                components[path] = (part,) if part else ()
            elif debian.is_status(path) or path in debian.OS_RELEASE:
                texts[path] = _text(archive, member)
            elif debian.copyright_of(path):
                # Only what it says is kept: a base has hundreds of them.
                texts[path] = "\n".join(debian.licences_in_copyright(_text(archive, member)))
    return Findings(components, texts, tuple(gone), tuple(emptied))


def all_components(findings: Findings) -> Iterator[Component]:
    """Everything that was found, packages with their licences; in no order."""
    for found in findings.components.values():
        yield from found
    licences = {
        debian.copyright_of(path): tuple(text.splitlines())
        for path, text in findings.texts.items()
        if debian.copyright_of(path)
    }
    for path, text in findings.texts.items():
        if debian.is_status(path):
            for each in debian.packages(text, path, system(findings)):
                known = licences.get(each.name, ())
                yield Component(each.name, each.version, "", each.purl, each.path, "", known)


def system(findings: Findings) -> dict[str, str]:
    """The distribution, as its os-release tells; empty when there is none."""
    for path in reversed(debian.OS_RELEASE):
        if path in findings.texts:
            return debian.os_release(findings.texts[path])
    return {}


def _jar(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> Iterator[Component]:
    source = archive.extractfile(member)
    assert source is not None
    # A ZIP is read from its end: it has to be a file for that while.
    with tempfile.SpooledTemporaryFile(max_size=32 << 20) as file:
        while piece := source.read(1 << 20):
            file.write(piece)
        file.seek(0)
        yield from jar_components(file, path)


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    source = archive.extractfile(member)
    assert source is not None
    return source.read(_TEXT).decode("utf-8", "replace")


def _left(below: Mapping[str, Any], above: Findings) -> dict[str, Any]:
    return {path: value for path, value in below.items() if not _hidden(path, above)}


def _hidden(path: str, above: Findings) -> bool:
    return any(path == each or path.startswith(each + "/") for each in above.gone) or any(
        path.startswith(each + "/") or not each for each in above.emptied
    )
