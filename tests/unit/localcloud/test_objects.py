"""Contents of objects: files that go once no saved state knows them."""

from __future__ import annotations

from pathlib import Path

from provisimus.localcloud.cloudformation.template_url import location
from provisimus.localcloud.objects import Content, Objects


def written(objects: Objects, text: bytes) -> Content:
    made = objects.fresh()
    made.seek(0)
    made.truncate()
    made.write(text)
    return made


def test_a_content_is_read_like_a_file(tmp_path: Path) -> None:
    made = written(Objects(tmp_path / "objects"), b"one two")
    made.seek(0)
    assert (made.read(3), made.read(), made.read(4)) == (b"one", b" two", b"")
    made.seek(0)
    made.truncate()
    made.write(b"1")
    made.seek(0)
    assert made.read() == b"1"


def test_it_goes_when_the_state_was_saved_without_it(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "objects")
    kept, gone, shared = (written(objects, text) for text in (b"a", b"b", b"c"))
    for each in (gone, shared):
        each.close()
    there: list[int] = []

    def save() -> None:
        there.append(len(list(objects.folder.iterdir())))

    objects.save(save, lambda: [kept.name, shared.name])
    assert there == [3]  # until the new state is on the disk, the old one is what counts
    assert {each.name for each in objects.folder.iterdir()} == {kept.name, shared.name}
    objects.sweep([kept.name])
    assert [each.name for each in objects.folder.iterdir()] == [kept.name]


def test_where_a_template_lies() -> None:
    for url in (
        "https://acme.s3.eu-west-1.amazonaws.com/a/b.json",
        "https://acme.s3-eu-west-1.amazonaws.com/a/b.json",
        "https://acme.s3.amazonaws.com/a/b.json",
        "https://acme.s3.dualstack.eu-west-1.amazonaws.com/a/b.json",
        "https://s3.eu-west-1.amazonaws.com/acme/a/b.json",
        "https://s3-eu-west-1.amazonaws.com/acme/a/b.json",
        "https://s3.amazonaws.com/acme/a/b.json?versionId=1",
        "http://127.0.0.1:4800/acme/a/b.json",
        "http://localhost:4800/acme/a%2Fb.json",
    ):
        assert location(url) == ("acme", "a/b.json"), url
    for url in (
        "https://example.com/acme/a",
        "file:///acme/a",
        "https://acme.s3.amazonaws.com/",
        "http://127.0.0.1:4800/acme",
        "https://acme.s3.amazonaws.com.example.com/a",
    ):
        assert location(url) is None, url
