"""A JAR taken apart while it is read: what is promised of a part is what comes, told as it goes."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from provisimus.images.assembly import ComposedLayer
from provisimus.images.jar_layers import NotSplit, open_jar, split_layer, take_apart, write_manifest
from provisimus.images.layers import LayerEntry, tar_pieces

MB = 1 << 20
LIBRARIES = [f"BOOT-INF/lib/name{number}-1.jar" for number in range(4)]


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    path = tmp_path / "boot.jar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", write_manifest({"Start-Class": "com.acme.A"}))
        archive.writestr("BOOT-INF/classes/com/acme/A.class", b"class")
        for name in LIBRARIES:
            archive.writestr(name, name.encode() + bytes(10 * MB))
    return path


def test_every_part_is_what_was_promised(boot: Path) -> None:
    told: list[int] = []
    with open_jar(boot, told.append) as archive:
        apart = take_apart(archive, "com.acme", "x.lib")
        for part in (apart.application, *apart.libraries):
            content = b"".join(part.pieces())
            assert (len(content), hashlib.sha256(content).hexdigest()) == (part.size, part.sha256)
            # Again, for a push that broke off.
            assert sum(map(len, part.pieces())) == part.size
    assert told == sorted(told)
    assert len(told) >= 40


def test_many_libraries_are_several_layers(boot: Path) -> None:
    entry = LayerEntry("app/a.jar", "file", 0o644, 5, 6, boot.stat().st_size, "", "digest")
    layer = ComposedLayer((LayerEntry("app", "folder", 0o755), entry), "COPY")
    with open_jar(boot) as archive:
        parts = split_layer(layer, "digest", archive, "com.acme")
        assert [each.created_by for each in parts] == [
            "COPY # libraries, 1 of 2",
            "COPY # libraries, 2 of 2",
            "COPY # application",
        ]
        paths = [one.path for each in parts for one in each.entries if one.kind == "file"]
        names = [f"app/a.lib/name{number}-1.jar" for number in range(4)]
        assert sorted(paths) == ["app/a.jar", *names]
        # Sizes are right, or this would say that a file changed.
        assert all(sum(map(len, tar_pieces(each.entries))) % 512 == 0 for each in parts)


def test_one_damaged_byte(boot: Path) -> None:
    with boot.open("r+b") as file:
        file.seek(15 * MB)
        file.write(b"\1")
    with open_jar(boot) as archive, pytest.raises(NotSplit, match="it cannot be read: Bad CRC"):
        take_apart(archive, "com.acme", "x.lib")
