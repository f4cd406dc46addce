"""The values that stages hand to each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.errors import UsageFault
from provisimus.model import (
    Commits,
    ContainerImage,
    Coordinates,
    Digest,
    Plan,
    ServiceVersion,
    Step,
    fingerprint,
)

HEX = "0123456789abcdef" * 4


def test_a_digest_reads_and_writes_one_form() -> None:
    assert str(Digest.parse(f"sha256:{HEX}")) == f"sha256:{HEX}"
    assert Digest(HEX).short == "0123456789ab"
    assert str(Digest.of(b"")) == (
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


@pytest.mark.parametrize("text", ["", HEX, f"sha512:{HEX}", "sha256:", f"sha256:{HEX.upper()}"])
def test_what_is_no_digest(text: str) -> None:
    with pytest.raises(ValueError, match=r"sha256|SHA-256"):
        Digest.parse(text)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_a_fingerprint_does_not_depend_on_the_order_of_keys(inputs: dict[str, object]) -> None:
    turned = dict(reversed(list(inputs.items())))
    assert fingerprint(inputs) == fingerprint(turned)


def test_a_fingerprint_tells_inputs_apart() -> None:
    values: list[dict[str, object]] = [{}, {"a": 1}, {"a": "1"}, {"a": None}, {"b": 1}, {"a": [1]}]
    assert len({fingerprint(each) for each in values}) == len(values)


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("greeter", "greeter", None),
        ("greeter@1.0.0", "greeter", "1.0.0"),
        ("node-exporter@1.0.0-rc.1+5", "node-exporter", "1.0.0-rc.1+5"),
    ],
)
def test_names_with_versions(text: str, name: str, version: str | None) -> None:
    assert ServiceVersion.parse(text) == ServiceVersion(name, version)
    assert str(ServiceVersion(name, version)) == text


@pytest.mark.parametrize("text", ["", "@1", "Greeter", "a b", "greeter@", "greeter@-1", "../x"])
def test_what_names_nothing(text: str) -> None:
    with pytest.raises(UsageFault) as raised:
        ServiceVersion.parse(text)
    assert raised.value.message == f"{text!r} is no NAME[@VERSION]"
    assert raised.value.hint == "for example greeter@1.0.0"


def test_coordinates_leave_out_what_is_empty() -> None:
    assert str(Coordinates("com.acme", "greeter")) == "com.acme:greeter:jar"
    full = Coordinates("com.acme", "greeter", "tar.gz", "bin", "1.0.0")
    assert str(full) == "com.acme:greeter:tar.gz:bin:1.0.0"


def test_an_image_is_named_by_its_digest() -> None:
    image = ContainerImage("greeter", "1.0.0", "127.0.0.1:5000/greeter", Digest(HEX))
    assert image.reference == f"127.0.0.1:5000/greeter@sha256:{HEX}"


def test_a_plan_changes_something_when_a_step_is_needed() -> None:
    keep = Step("image", "greeter", "keep", "the same", needed=False)
    build = Step("image", "greeter", "build", "new")
    assert not Plan("greeter", "1", "local", (keep,)).changes
    assert Plan("greeter", "1", "local", (keep, build)).changes


def test_commits_as_tags_are_sorted() -> None:
    commits = Commits({"services": "b", "docker": "a-dirty"})
    assert list(commits.as_tags().items()) == [
        ("provisimus:commit/docker", "a-dirty"),
        ("provisimus:commit/services", "b"),
    ]
