"""maven-metadata.xml: which versions there are, and which file a SNAPSHOT is today.

Source: "Maven Metadata" reference. Pure: text in, text or values out. `now` is Maven's
`lastUpdated` form, yyyyMMddHHmmss in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from provisimus.artifacts.maven.versions import in_order, is_snapshot


@dataclass(frozen=True)
class SnapshotFile:
    """One file of a SNAPSHOT: `value` is its version with time stamp and build number."""

    extension: str
    classifier: str
    value: str
    updated: str = ""


@dataclass(frozen=True)
class Metadata:
    """What a metadata file says; an empty one stands for a faulty or missing file."""

    versions: tuple[str, ...] = ()
    files: tuple[SnapshotFile, ...] = ()
    build_number: int = 0

    def snapshot_value(self, extension: str, classifier: str) -> str | None:
        for each in self.files:
            if (each.extension, each.classifier) == (extension, classifier):
                return each.value
        return None


def parse(text: str) -> Metadata:
    """Read a metadata file. What is not well-formed reads as empty: the folder itself tells then.

    A document type is refused, since entities could make a small file a huge one.
    """
    from xml.etree import ElementTree as ET

    if "<!DOCTYPE" in text:
        return Metadata()
    try:
        root = ET.fromstring(text)  # noqa: S314 - no document type, so no entities
    except ET.ParseError:
        return Metadata()
    versions = tuple(
        each.text.strip() for each in root.findall("versioning/versions/version") if each.text
    )
    files = tuple(
        SnapshotFile(
            each.findtext("extension", ""),
            each.findtext("classifier", "") or "",
            each.findtext("value", ""),
            each.findtext("updated", "") or "",
        )
        for each in root.findall("versioning/snapshotVersions/snapshotVersion")
    )
    number = root.findtext("versioning/snapshot/buildNumber", "0") or "0"
    if not files and root.findtext("versioning/snapshot/timestamp"):
        # Maven 2 wrote one time stamp for all files of the SNAPSHOT.
        base = re.sub(r"-SNAPSHOT$", "", root.findtext("version", "") or "")
        stamp = root.findtext("versioning/snapshot/timestamp")
        files = (SnapshotFile("jar", "", f"{base}-{stamp}-{number}"),)
    return Metadata(versions, files, int(number) if number.isdigit() else 0)


def is_whole(text: str) -> bool:
    """Whether a text is such a file at all, from its beginning to its end."""
    return "<metadata" in text and text.rstrip().endswith(("</metadata>", "<metadata/>"))


def with_version(before: Metadata, group: str, artifact: str, version: str, now: str) -> str:
    """The metadata of an artifact after one more version, as `mvn deploy` writes it."""
    versions = in_order({*before.versions, version})
    releases = [each for each in versions if not is_snapshot(each)]
    release = f"    <release>{escape(releases[-1])}</release>\n" if releases else ""
    listed = "".join(f"      <version>{escape(each)}</version>\n" for each in versions)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<metadata>\n"
        f"  <groupId>{escape(group)}</groupId>\n"
        f"  <artifactId>{escape(artifact)}</artifactId>\n"
        "  <versioning>\n"
        f"{release}"
        f"    <versions>\n{listed}    </versions>\n"
        f"    <lastUpdated>{now}</lastUpdated>\n"
        "  </versioning>\n"
        "</metadata>\n"
    )


def snapshot_version(version: str, now: str, build_number: int) -> str:
    """`1.0-SNAPSHOT` as the version of one upload: `1.0-20260131.235959-7`."""
    return f"{version.removesuffix('-SNAPSHOT')}-{now[:8]}.{now[8:]}-{build_number}"


def with_snapshot(
    before: Metadata, group: str, artifact: str, version: str, new: tuple[SnapshotFile, ...]
) -> str:
    """The metadata of one SNAPSHOT after an upload; files of other kinds keep their value."""
    replaced = {(each.extension, each.classifier) for each in new}
    files = [each for each in before.files if (each.extension, each.classifier) not in replaced]
    now = max(each.updated for each in new)
    number = before.build_number + 1
    listed = "".join(
        "      <snapshotVersion>\n"
        + (
            f"        <classifier>{escape(each.classifier)}</classifier>\n"
            if each.classifier
            else ""
        )
        + f"        <extension>{escape(each.extension)}</extension>\n"
        f"        <value>{escape(each.value)}</value>\n"
        f"        <updated>{each.updated}</updated>\n"
        "      </snapshotVersion>\n"
        for each in [*files, *new]
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<metadata modelVersion="1.1.0">\n'
        f"  <groupId>{escape(group)}</groupId>\n"
        f"  <artifactId>{escape(artifact)}</artifactId>\n"
        f"  <version>{escape(version)}</version>\n"
        "  <versioning>\n"
        "    <snapshot>\n"
        f"      <timestamp>{now[:8]}.{now[8:]}</timestamp>\n"
        f"      <buildNumber>{number}</buildNumber>\n"
        "    </snapshot>\n"
        f"    <lastUpdated>{now}</lastUpdated>\n"
        f"    <snapshotVersions>\n{listed}    </snapshotVersions>\n"
        "  </versioning>\n"
        "</metadata>\n"
    )
