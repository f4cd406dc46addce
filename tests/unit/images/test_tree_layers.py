"""Which files of an unpacked archive share a layer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest

from provisimus.images import dividing
from provisimus.images.assembly import ComposedLayer
from provisimus.images.jar_layers import NotSplit
from provisimus.images.layers import LayerEntry
from provisimus.images.own_libraries import is_snapshot_file, own_prefix
from provisimus.images.tree_layers import Archive, split_tree

MB = 1 << 20


def file(path: str, size: int, content: bytes | None = None) -> LayerEntry:
    def pieces() -> Iterator[bytes]:
        assert content is not None, f"{path} need not be read"
        yield content

    return LayerEntry(path, "file", 0o644, 1, 2, size, "", path, pieces)


def folder(path: str, mode: int = 0o755) -> LayerEntry:
    return LayerEntry(path, "folder", mode, 1, 2)


def link(path: str, target: str) -> LayerEntry:
    return LayerEntry(path, "link", 0o777, 1, 2, 0, target)


def split(*entries: LayerEntry, version: str = "5.1", group: str = "") -> dict[str, list[str]]:
    layer = ComposedLayer(tuple(sorted(entries, key=lambda each: each.path)), "COPY broker/ /opt/")
    parts = split_tree(layer, [Archive(version, group)])
    # Whatever is in a layer is what was there, and nothing is lost.
    assert {each for part in parts for each in part.entries} == set(entries)
    for part in parts:
        assert [each.path for each in part.entries] == sorted({each.path for each in part.entries})
    prefix = "COPY broker/ /opt/ # "
    return {
        part.created_by.removeprefix(prefix): [each.path for each in part.entries] for part in parts
    }


def jar_of(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return out.getvalue()


def test_an_archive_by_what_changes_together() -> None:
    assert split(
        folder("opt"),
        folder("opt/lib", 0o700),
        folder("opt/empty"),
        file("opt/lib/spring-3.jar", MB),
        file("opt/lib/broker-core-5.1.jar", MB),
        file("opt/lib/broker-web-5.1-all.jar", MB),
        file("opt/lib/plugin-2-SNAPSHOT.jar", MB),
        file("opt/model.bin", 2 * MB),
        file("opt/conf", 5),
        link("opt/current", "lib"),
    ) == {
        "libraries": ["opt", "opt/lib", "opt/lib/spring-3.jar"],
        "files": ["opt", "opt/model.bin"],
        "own libraries": [
            "opt",
            "opt/lib",
            "opt/lib/broker-core-5.1.jar",
            "opt/lib/broker-web-5.1-all.jar",
        ],
        "snapshots": ["opt", "opt/lib", "opt/lib/plugin-2-SNAPSHOT.jar"],
        "rest": ["opt", "opt/conf", "opt/current", "opt/empty", "opt/lib"],
    }


def test_own_libraries_by_their_maven_group() -> None:
    found = split(
        file("a.jar", MB, jar_of("com/acme/shop/A.class")),
        file("b.jar", MB, jar_of("META-INF/maven/com.acme.till/b/pom.xml")),
        file("c.jar", MB, jar_of("org/c/C.class")),
        file("d.jar", MB, b"damaged"),
        group="com.acme.shop",
    )
    assert found == {"libraries": ["c.jar", "d.jar"], "own libraries": ["a.jar", "b.jar"]}


def test_what_is_small_goes_with_what_changes_more_often() -> None:
    assert split(file("a-1.jar", 10), file("b-5.1.jar", MB), file("bin", 5)) == {
        "own libraries": ["a-1.jar", "b-5.1.jar"],
        "rest": ["bin"],
    }
    # Folders and links alone are no layer.
    assert split(file("a-1.jar", MB), file("x.bin", MB), folder("empty")) == {
        "libraries": ["a-1.jar"],
        "files": ["empty", "x.bin"],
    }


def test_a_large_kind_is_divided_so_that_one_new_library_is_a_small_push() -> None:
    def libraries(version: str) -> list[LayerEntry]:
        names = [f"lib/name{number}-1.jar" for number in range(99)] + [f"lib/new-{version}.jar"]
        return [file(name, 2 * MB) for name in names]

    before = split(*libraries("1.0.0"), file("huge.bin", 99 * MB), file("conf", 5))
    after = split(*libraries("2.0"), file("huge.bin", 99 * MB), file("conf", 5))
    assert list(before) == [
        *(f"libraries, {number} of 8" for number in range(1, 9)),
        "files, /huge.bin",
        "rest",
    ]
    assert len([name for name in before if before[name] != after[name]]) == 1


def test_no_more_than_so_many_layers() -> None:
    jars = [file(f"{number}.jar", 40 * MB, b"") for number in range(200)]
    bins = [file(f"{number}.bin", 40 * MB) for number in range(200)]
    most = 2 * (dividing.MOST_LARGE + dividing.MOST_DIVIDED)
    assert len(split(*jars, *bins)) == most


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([file("a", 5), file("b", 5)], "nothing in it that is worth"),
        ([file("a.jar", MB)], "nothing in it that is worth"),
        ([file("a.jar", MB), link("x", "y"), file("x/z", MB)], "/x/z lies below /x"),
    ],
)
def test_what_stays_whole(entries: list[LayerEntry], why: str) -> None:
    with pytest.raises(NotSplit, match=why):
        split(*entries)


def test_whose_a_library_is() -> None:
    groups = {"com.acme.shop.till": "com/acme/", "org.apache.activemq": "org/apache/activemq/"}
    assert {group: own_prefix(group) for group in groups} == groups
    assert own_prefix("acme") == "acme/"
    assert is_snapshot_file("a-1.0-20240131.235959-7.jar")
    assert not is_snapshot_file("a-20240131.jar")
