"""Vendors' files by address, from a server that may misbehave."""

from __future__ import annotations

import pytest
from tests.contract.artifacts.maven_server import MavenServer

from provisimus.artifacts.cache import Cache
from provisimus.artifacts.repositories import Repositories
from provisimus.errors import ChecksumMismatch, ProvisimusError, Unreachable, UsageFault
from provisimus.model import Digest

DATA = bytes(range(256)) * 20_000
DIGEST = Digest.of(DATA)


@pytest.fixture
def repositories(server: MavenServer, cache: Cache) -> Repositories:
    server.files["dist/broker-1.tar.gz"] = DATA
    return Repositories((), cache)


def test_it_is_fetched_once(server: MavenServer, repositories: Repositories) -> None:
    server.faults.extend([("GET", "broker", 503), ("GET", "broker", "cut")])
    for _ in range(2):
        found = repositories.fetch(f"{server.url}/dist/broker-1.tar.gz", DIGEST, "1")
        assert (found.size, found.coordinates.version) == (len(DATA), "1")
        assert b"".join(repositories.read(found)) == DATA
        with repositories.open(found) as path:
            assert path.read_bytes() == DATA
    assert len(server.seen) == 3


def test_other_bytes_are_not_kept(server: MavenServer, repositories: Repositories) -> None:
    server.faults.append(("GET", "broker", "lie"))
    url = f"{server.url}/dist/broker-1.tar.gz"
    with pytest.raises(ChecksumMismatch) as caught:
        repositories.fetch(url, DIGEST)
    assert "sha256: in the manifest" in (caught.value.hint or "")
    assert repositories.fetch(url, DIGEST).size == len(DATA)


def test_what_is_not_there(server: MavenServer, repositories: Repositories) -> None:
    with pytest.raises(ProvisimusError, match="404"):
        repositories.fetch(f"{server.url}/nope?key=hidden", Digest.of(b"x"))


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("", "sends us from one address to the next"),
        ("http://127.0.0.1:1", r"nothing answers at http://127\.0\.0\.1:1 \(to which"),
        ("file:///etc/passwd#", "sends us where we do not go"),
    ],
)
def test_a_redirect_to_nowhere(
    server: MavenServer, repositories: Repositories, to: str, why: str
) -> None:
    server.elsewhere = to or server.url
    with pytest.raises(Unreachable, match=why) as caught:
        repositories.fetch(f"{server.url}/dist/broker-1.tar.gz", DIGEST)
    assert caught.value.where == f"{server.url}/dist/broker-1.tar.gz"
    assert "is the vendor's address right?" in (caught.value.hint or "")
    server.elsewhere = ""
    assert repositories.fetch(f"{server.url}/dist/broker-1.tar.gz", DIGEST).size == len(DATA)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "broker.tar.gz", "https://"])
def test_no_address(repositories: Repositories, url: str) -> None:
    with pytest.raises(UsageFault, match="no address"):
        repositories.fetch(url, DIGEST)


def test_no_credentials_in_an_address(repositories: Repositories) -> None:
    with pytest.raises(UsageFault, match="holds credentials") as caught:
        repositories.fetch("https://ci:s3cret@host/x", DIGEST)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
