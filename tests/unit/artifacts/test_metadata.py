"""maven-metadata.xml, read and written."""

from __future__ import annotations

from provisimus.artifacts.maven import metadata
from provisimus.artifacts.maven.metadata import Metadata, SnapshotFile

NOW = "20260131235959"


def test_versions_are_added_in_maven_order() -> None:
    text = metadata.with_version(Metadata(("1.10", "1.9")), "g", "a", "1.2-SNAPSHOT", NOW)
    read = metadata.parse(text)
    assert read.versions == ("1.2-SNAPSHOT", "1.9", "1.10")
    assert "<release>1.10</release>" in text
    assert f"<lastUpdated>{NOW}</lastUpdated>" in text


def test_a_snapshot_names_its_newest_file() -> None:
    value = metadata.snapshot_version("1.0-SNAPSHOT", NOW, 1)
    assert value == "1.0-20260131.235959-1"
    first = metadata.with_snapshot(
        Metadata(), "g", "a", "1.0-SNAPSHOT", (SnapshotFile("jar", "", value, NOW),)
    )
    later = SnapshotFile("tar.gz", "bin", "1.0-20260201.000000-2", "20260201000000")
    read = metadata.parse(
        metadata.with_snapshot(metadata.parse(first), "g", "a", "1.0-SNAPSHOT", (later,))
    )
    assert read.snapshot_value("jar", "") == value
    assert read.snapshot_value("tar.gz", "bin") == "1.0-20260201.000000-2"
    assert read.snapshot_value("pom", "") is None
    assert read.build_number == 2


def test_maven_2_wrote_one_time_stamp() -> None:
    text = """<metadata><version>1.0-SNAPSHOT</version><versioning><snapshot>
      <timestamp>20260131.235959</timestamp><buildNumber>4</buildNumber>
    </snapshot></versioning></metadata>"""
    assert metadata.parse(text).snapshot_value("jar", "") == "1.0-20260131.235959-4"


def test_faulty_metadata_says_nothing() -> None:
    assert metadata.parse("<metadata><vers") == Metadata()
    assert metadata.parse('<!DOCTYPE x [<!ENTITY a "b">]><metadata/>') == Metadata()
