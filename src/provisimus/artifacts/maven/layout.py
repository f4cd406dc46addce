"""Where a file stands in a Maven repository ("Maven Repository Layout"), and how to say its name.

Pure: strings in, strings out; paths are relative to the repository and use `/`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from provisimus.errors import UsageFault
from provisimus.model import Coordinates

METADATA = "maven-metadata.xml"
LOCAL_METADATA = "maven-metadata-local.xml"
CHECKSUMS = ("sha256", "sha512", "sha1", "md5")
"""Suffixes of checksum files, strongest use first."""
COMMIT = "commit"
"""Suffix of the file that says from which commit an artifact was built."""
ORIGIN = "origin"
"""Suffix of the file that says where an imported artifact was taken from."""

_PACKAGINGS = ("jar", "war", "ear", "zip", "tar.gz", "tgz", "tar", "pom", "bundle", "deb", "rpm")
_FORM = "group:artifact:version[:packaging[:classifier]]"


def artifact_folder(group: str, artifact: str) -> str:
    return f"{group.replace('.', '/')}/{artifact}"


def version_folder(coordinates: Coordinates) -> str:
    """A SNAPSHOT's timestamped files stand in the folder of the SNAPSHOT."""
    folder = artifact_folder(coordinates.group, coordinates.artifact)
    return f"{folder}/{base_version(coordinates.version)}"


def base_version(version: str) -> str:
    """`1.1-20260131.235959-7` is one file of `1.1-SNAPSHOT`; any other version is itself."""
    return re.sub(r"-\d{8}\.\d{6}-\d+$", "-SNAPSHOT", version)


def pinned(coordinates: Coordinates, location: str) -> Coordinates:
    """The coordinates that always mean the file at `location`: a SNAPSHOT's with its time stamp.

    Where a repository keeps only the newest file of a SNAPSHOT, under its plain name, nothing can
    be pinned, and the coordinates come back as they are.
    """
    stem, ending = f"{coordinates.artifact}-", "." + extension(coordinates.packaging)
    if coordinates.classifier:
        ending = f"-{coordinates.classifier}{ending}"
    name = location.rpartition("/")[2]
    version = name.removeprefix(stem).removesuffix(ending)
    if version == coordinates.version or base_version(version) != coordinates.version:
        return coordinates
    return replace(coordinates, version=version)


def file_name(coordinates: Coordinates, version: str | None = None) -> str:
    """`version` stands in for a SNAPSHOT's own when the file carries its time stamp."""
    parts = [coordinates.artifact, version or coordinates.version, coordinates.classifier]
    return "-".join(part for part in parts if part) + "." + extension(coordinates.packaging)


def extension(packaging: str) -> str:
    """The file's ending; some packagings are JARs by another name (Maven's artifact handlers)."""
    return "jar" if packaging in ("bundle", "maven-plugin", "ejb", "test-jar") else packaging


def parse_coordinates(text: str) -> Coordinates:
    """Read `group:artifact:version[:packaging[:classifier]]`, or as Maven and we print them:
    `group:artifact:packaging[:classifier]:version`. Raises UsageFault."""
    parts = text.split(":")
    if not 3 <= len(parts) <= 5 or not all(re.fullmatch(r"[\w.+\-]+", part) for part in parts):
        raise UsageFault(f"{text!r} are no coordinates", hint=f"write {_FORM}")
    group, artifact, *rest = parts
    if len(rest) > 1 and rest[0] in _PACKAGINGS:
        packaging, *classifier, version = rest
    else:
        version, *more = rest
        packaging, *classifier = more or ["jar"]
    found = Coordinates(group, artifact, packaging, "".join(classifier), version)
    if ".." in text or any(part.startswith(".") for part in parts):
        raise UsageFault(f"{text!r} are no coordinates", hint=f"write {_FORM}")
    return found


def from_source(text: str, version: str) -> Coordinates:
    """`group:artifact[:packaging[:classifier]]` of a build manifest, with a version."""
    group, artifact, *rest = text.split(":")
    packaging, *classifier = rest or ["jar"]
    return Coordinates(group, artifact, packaging, "".join(classifier), version)
