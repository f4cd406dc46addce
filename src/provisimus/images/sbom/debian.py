"""Debian packages by dpkg's own database, the distribution, and the licences of packages. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from provisimus.images.sbom.component import Component, purl

STATUS = "var/lib/dpkg/status"
STATUS_FOLDER = "var/lib/dpkg/status.d/"
"""Images without dpkg (distroless) have one file for each package there."""
OS_RELEASE = ("etc/os-release", "usr/lib/os-release")


def is_status(path: str) -> bool:
    if path.startswith(STATUS_FOLDER):
        return "." not in path.removeprefix(STATUS_FOLDER)
    return path == STATUS


def copyright_of(path: str) -> str:
    """The package whose licences a file tells; empty for another file."""
    found = re.fullmatch(r"usr/share/doc/([^/]+)/copyright", path)
    return found[1] if found else ""


def packages(text: str, path: str, system: Mapping[str, str]) -> Iterator[Component]:
    """The packages that are installed, by dpkg's status file. `system` is os-release."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields = _fields(paragraph)
        name, version = fields.get("Package"), fields.get("Version")
        # Removed packages whose configuration stays are not installed.
        state = fields.get("Status", "install ok installed").split()
        if not name or not version or state[-1] != "installed":
            continue
        source, _, rest = fields.get("Source", name).partition(" ")
        from_source = rest.strip("()") or version
        where = purl(
            "deb",
            (system.get("ID", "debian"), name),
            version,
            arch=fields.get("Architecture", ""),
            distro="-".join(filter(None, (system.get("ID", ""), system.get("VERSION_ID", "")))),
            upstream="" if source == name else f"{source}@{from_source}",
        )
        yield Component(name, version, "", where, path)


def licences_in_copyright(text: str) -> tuple[str, ...]:
    """The short names of licences in a machine-readable copyright file; none for any other.

    Source: "Machine-readable debian/copyright file" 1.0.
    """
    if not re.match(r"\s*Format:\s*https?://\S*copyright-format", text):
        return ()
    found = re.findall(r"^License:[ \t]*(\S[^\n]*)$", text, re.MULTILINE)
    return tuple(sorted({" ".join(each.split()) for each in found}))


def os_release(text: str) -> dict[str, str]:
    """`/etc/os-release` as its keys and values."""
    pairs = re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)
    return {key: value.strip().strip("\"'") for key, value in pairs}


def _fields(paragraph: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", paragraph, re.MULTILINE))
