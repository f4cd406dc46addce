"""Archives are read into entries, and bad ones are refused."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.artifacts import unpack
from provisimus.artifacts.archives import CorruptArtifact
from provisimus.artifacts.cache import Cache
from provisimus.artifacts.repositories import Repositories
from provisimus.artifacts.unpack import (
    Entry,
    UnsafeArchive,
    read_tar,
    read_zip,
    selected,
    sha256_and_size,
)
from provisimus.errors import ChecksumMismatch, ProvisimusError
from provisimus.model import Digest

HELLO = Digest.of(b"hello").hex


def keep(content: Iterator[bytes]) -> tuple[str, int]:
    return sha256_and_size(content, lambda piece: None)


def member(name: str, kind: bytes = tarfile.REGTYPE, **about: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    for key, value in about.items():
        setattr(found, key, value)
    return found


def tar(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for each in members:
            info, data = each if isinstance(each, tuple) else (each, b"")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(data: bytes) -> tuple[Entry, ...]:
    cut = len(data) // 2
    return read_tar([data[:cut], data[cut:]], keep, "a.tar.gz", len(data))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar(mode: str) -> None:
    found = read(
        tar(
            member("./app", tarfile.DIRTYPE, mode=0o750),
            (member("./app/run", mode=0o4755, uid=7, mtime=9), b"hello"),
            (member("app/secret", mode=0o600), b"hello"),
            member("app/link", tarfile.SYMTYPE, linkname="run"),
            member("app/same", tarfile.LNKTYPE, linkname="app/run"),
            mode=mode,
        )
    )
    assert found == (
        Entry("app", "folder", 0o750),
        Entry("app/link", "link", 0o777, target="run"),
        Entry("app/run", "file", 0o755, HELLO, 5),
        Entry("app/same", "file", 0o755, HELLO, 5),
        Entry("app/secret", "file", 0o600, HELLO, 5),
    )


def test_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("app/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    script = zipfile.ZipInfo("app/run")
    script.create_system, script.external_attr = 3, (stat.S_IFREG | 0o755) << 16
    windows = zipfile.ZipInfo("app/x.bat")
    windows.create_system = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in ((link, "run"), (script, "hello"), (windows, "hello")):
            archive.writestr(info, data)
        archive.mkdir("app/empty")
    assert read_zip(path, keep, "a.zip") == (
        Entry("app/empty", "folder", 0o777),
        Entry("app/link", "link", 0o777, target="run"),
        Entry("app/run", "file", 0o755, HELLO, 5),
        Entry("app/x.bat", "file", 0o644, HELLO, 5),
    )


LINK, FOLDER = tarfile.SYMTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([member("/etc/passwd")], "absolute"),
        ([member("a/../../b")], "leads out"),
        ([member("..")], "leads out"),
        ([member("a/..")], "leads out"),
        ([member("dev", tarfile.CHRTYPE)], "device"),
        ([member("dev", tarfile.BLKTYPE)], "device"),
        ([member("pipe", tarfile.FIFOTYPE)], "pipe"),
        ([member("l", LINK, linkname="/etc/passwd")], "out of the tree"),
        ([member("a/l", LINK, linkname="../../x")], "out of the tree"),
        ([member("l", LINK, linkname="l")], "out of the tree"),
        ([member("a", LINK, linkname="b"), member("b", LINK, linkname="a")], "out of the tree"),
        # Each by itself stays inside; one through the other does not.
        (
            [member("d/e/x", LINK, linkname="../.."), member("d/e/y", LINK, linkname="x/..")],
            "out of the tree",
        ),
        ([member("l", LINK, linkname="d"), member("l/x"), member("d", FOLDER)], "stands below"),
        ([member("f"), member("f/x")], "stands below"),
        ([member("f"), member("f", FOLDER)], "replaces a file"),
        ([member("f", FOLDER), member("f")], "replaces a folder"),
        ([member("h", tarfile.LNKTYPE, linkname="../x")], "leads out"),
        ([member("h", tarfile.LNKTYPE, linkname="later"), member("later")], "no file before"),
        ([member("x" * 300)], "no name"),
    ],
)
def test_an_unsafe_tar(members: list[tarfile.TarInfo], why: str) -> None:
    with pytest.raises(UnsafeArchive, match=why):
        read(tar(*members))


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_an_unsafe_zip(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "x")
    with pytest.raises(UnsafeArchive):
        read_zip(tmp_path / "a.zip", keep, "a.zip")


def test_a_bomb_goes_off_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "ANYWAY", 1 << 20)
    with pytest.raises(UnsafeArchive, match="too much"):
        read(tar((member("zeros"), bytes(5_000_000))))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(5_000_000))
    with pytest.raises(UnsafeArchive, match="too much"):
        read_zip(tmp_path / "a.zip", keep, "a.zip")


def test_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_ENTRIES", 10)
    with pytest.raises(UnsafeArchive, match="beyond 10 entries"):
        read(tar(*(member(str(n)) for n in range(50))))


def test_a_header_that_would_fill_the_memory() -> None:
    header = member("x", tarfile.XHDTYPE, size=1 << 32).tobuf()
    with pytest.raises(tarfile.ReadError, match="4,294,967,296 bytes"):
        read(header + bytes(10240))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_that_is_cut_is_never_a_shorter_one(mode: str) -> None:
    whole = tar(*((member(name), name.encode() * 700) for name in "abc"), mode=mode)
    for cut in range(1, len(whole), max(1, len(whole) // 60)):
        try:
            found = read(whole[:cut])
        except unpack.FAULTS:
            continue
        # Only behind the end mark is there nothing to lose.
        assert [each.path for each in found] == ["a", "b", "c"]


def test_a_damaged_header_is_not_the_end() -> None:
    whole = bytearray(tar((member("a"), b"x"), (member("b"), b"y"), mode="w"))
    whole[1024 + 148] ^= 1
    with pytest.raises(tarfile.ReadError, match="checksum"):
        read(bytes(whole))


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_of_a_rarer_make(tmp_path: Path, packed: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as archive:
        archive.writestr("a", "x" * 5000)
    data = bytearray(out.getvalue())
    data[40:60] = b"\xff" * 20
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(unpack.FAULTS):
        read_zip(tmp_path / "a.zip", keep, "a.zip")


def test_the_same_file_twice_is_the_later() -> None:
    assert read(tar((member("a"), b"old"), (member("a"), b"hello")))[0].digest == HELLO


TREE = (
    Entry("v-1", "folder", 0o755),
    Entry("v-1/bin", "folder", 0o700),
    Entry("v-1/bin/run", "file", 0o755, HELLO, 5),
    Entry("v-1/docs", "folder", 0o755),
    Entry("v-1/docs/a.html", "file", 0o644, HELLO, 5),
    Entry("v-1/lib/a.jar", "file", 0o644, HELLO, 5),
    Entry("v-1/lib/b/b.jar", "file", 0o644, HELLO, 5),
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"exclude": ["**/docs", "**/b.jar"]},
            "v-1 v-1/bin v-1/bin/run v-1/lib v-1/lib/a.jar",
        ),
        ({"strip": 1, "include": ["bin"]}, "bin bin/run"),
        ({"strip": 1, "include": ["**/*.jar"]}, "lib lib/a.jar lib/b lib/b/b.jar"),
        ({"strip": 1, "include": ["lib/*.jar"]}, "lib lib/a.jar"),
        ({"strip": 2, "include": ["[ar]*"]}, "a.html a.jar run"),
        (
            {"strip": 1, "include": ["lib/", "bin"], "exclude": ["lib/b"]},
            "bin bin/run lib lib/a.jar",
        ),
    ],
)
def test_what_is_left(options: dict[str, object], expected: str) -> None:
    found = selected(TREE, **options)  # type: ignore[arg-type]
    assert " ".join(each.path for each in found) == expected


def test_a_folder_on_the_way_keeps_its_mode() -> None:
    assert selected(TREE, strip=1, include=["bin/run"])[0] == Entry("bin", "folder", 0o700)


def test_nothing_left() -> None:
    with pytest.raises(ProvisimusError, match="nothing of the archive is left"):
        selected(TREE, include=["nope"])


def test_stripping_can_make_a_tree_unsafe() -> None:
    link = Entry("v/l", "link", 0o777, target="../x")
    assert selected((link,)) == (Entry("v", "folder", 0o755), link)
    with pytest.raises(UnsafeArchive, match="out of the tree"):
        selected((link,), strip=1)
    twins = (Entry("a/x", "file", 0o644, HELLO), Entry("b/x", "file", 0o755, HELLO))
    with pytest.raises(UnsafeArchive, match="twice"):
        selected(twins, strip=1)


names = st.lists(st.sampled_from(["a", "b", "..", ".", "", "c.txt"]), max_size=4).map("/".join)


@given(
    st.lists(
        st.tuples(names, st.sampled_from([tarfile.REGTYPE, FOLDER, LINK, tarfile.LNKTYPE]), names),
        max_size=6,
    )
)
def test_whatever_comes_is_refused_or_stays_inside(
    some: list[tuple[str, bytes, str]],
) -> None:
    try:
        found = read(tar(*(member(n, kind, linkname=to) for n, kind, to in some), mode="w"))
    except (UnsafeArchive, tarfile.TarError):
        return
    kinds = {each.path: each.kind for each in found}
    for path in kinds:
        parts = path.split("/")
        assert not {"", ".", ".."} & set(parts)
        above = {"/".join(parts[:n]) for n in range(1, len(parts))}
        assert {kinds.get(each, "folder") for each in above} <= {"folder"}


class TestVendorsArchive:
    """A tree in the cache; the file is there already, so nobody is asked."""

    @pytest.fixture
    def repositories(self, tmp_path: Path) -> Repositories:
        return Repositories((), Cache(tmp_path / "cache"))

    def put(self, repositories: Repositories, data: bytes) -> Digest:
        assert repositories.cache is not None
        digest = Digest.of(data)
        repositories.cache.fetch(digest, [data], "here")
        return digest

    def test_it_is_unpacked_once(self, repositories: Repositories) -> None:
        digest = self.put(repositories, tar((member("a/b"), b"hello")))
        artifact = repositories.fetch("https://vendor.example/x-1.tar.gz?key=1", digest, "1")
        assert str(artifact.coordinates) == "https://vendor.example/x-1.tar.gz"
        for _ in range(2):
            tree = repositories.tree(artifact)
            assert [each.path for each in tree.entries] == ["a/b"]
            assert b"".join(tree.read(tree.entries[0])) == b"hello"

    @pytest.mark.parametrize("cut", [3, 60])
    def test_a_broken_one_leaves_nothing(self, repositories: Repositories, cut: int) -> None:
        data = tar((member("a"), b"hello" * 1000))
        artifact = repositories.fetch("https://v.example/x", self.put(repositories, data[:cut]))
        with pytest.raises(CorruptArtifact, match="cannot be unpacked"):
            repositories.tree(artifact)
        assert repositories.cache is not None
        assert list((repositories.cache.folder / "trees").iterdir()) == []

    def test_a_changed_cache_is_noticed(self, repositories: Repositories) -> None:
        digest = self.put(repositories, tar((member("a"), b"hello")))
        artifact = repositories.fetch("https://v.example/x", digest)
        assert repositories.cache is not None
        path = repositories.cache.path(digest)
        assert path is not None
        path.write_bytes(tar((member("a"), b"other")))
        with pytest.raises(ChecksumMismatch):
            repositories.tree(artifact)
