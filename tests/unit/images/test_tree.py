"""The folders and links of layers, one over the other."""

from __future__ import annotations

import io
import tarfile

import pytest

from provisimus.images.tree import Tree, layer_paths


def test_layers_replace_and_remove() -> None:
    tree = Tree().with_layer(
        [("usr", "folder", ""), ("usr/bin", "folder", ""), ("bin", "link", "usr/bin")]
    )
    assert tree.real("bin/x") == "usr/bin/x"
    assert tree.is_folder("bin")
    assert tree.with_layer([(".wh.bin", "file", "")]).links == {}
    assert tree.with_layer([("usr/.wh..wh..opq", "file", "")]).folders == {"usr"}
    assert tree.with_layer([(".wh.usr", "file", "")]).folders == frozenset()
    assert tree.with_layer([("bin", "folder", "")]) == Tree(
        frozenset({"usr", "usr/bin", "bin"}), {}
    )


@pytest.mark.parametrize(
    ("link", "path", "expected"),
    [
        ("../../../etc", "a/l/x", "etc/x"),
        ("/etc", "a/l/../y", "y"),
        (".", "a/l/x", "a/x"),
    ],
)
def test_no_link_leads_out(link: str, path: str, expected: str) -> None:
    assert Tree(frozenset({"a"}), {"a/l": link}).real(path) == expected


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_reading_a_layer(mode: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, kind, target in [
            ("./", tarfile.DIRTYPE, ""),
            ("./usr/", tarfile.DIRTYPE, ""),
            ("./bin", tarfile.SYMTYPE, "usr/bin"),
            ("./x", tarfile.REGTYPE, ""),
            ("./.wh.y", tarfile.REGTYPE, ""),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    data = out.getvalue()
    pieces = [data[index : index + 100] for index in range(0, len(data), 100)]
    assert list(layer_paths(pieces)) == [
        ("", "folder", ""),
        ("usr", "folder", ""),
        ("bin", "link", "usr/bin"),
        (".wh.y", "file", ""),
    ]


def test_json() -> None:
    tree = Tree(frozenset({"a"}), {"b": "a"})
    assert Tree.from_json(tree.as_json()) == tree
