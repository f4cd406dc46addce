"""A repository in S3, as moto serves it, with a line that can break between us."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from moto.server import ThreadedMotoServer

from provisimus.artifacts import Repositories, publish
from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import sums_of
from provisimus.artifacts.interface import Repository
from provisimus.artifacts.kinds import open_repository
from provisimus.aws import CloudFault
from provisimus.errors import ChecksumMismatch, Conflict, Unreachable, UsageFault
from provisimus.model import Coordinates

BROKER = Coordinates("com.acme", "broker", "bin", "", "1.0")
SNAPSHOT = Coordinates("com.acme", "broker", "bin", "", "1.1-SNAPSHOT")


@dataclass
class Line:
    """Hands everything on to `target`; cuts the answers to GET as often as `cuts` says."""

    target: str
    url: str = ""
    cuts: int = 0
    seen: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    line: Line

    def log_message(self, *args: object) -> None:
        pass

    def hand_on(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        self.line.seen.append(f"{self.command} {self.path} {self.headers.get('range', '')}".strip())
        connection = http.client.HTTPConnection(urlsplit(self.line.target).netloc)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(key, value)
        self.end_headers()
        if self.command == "GET" and self.line.cuts and len(data) > 10_000:
            self.line.cuts -= 1
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif self.command != "HEAD":
            self.wfile.write(data)
        connection.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = hand_on  # noqa: N815


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def line(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    line = Line(moto)
    handler = type("OneHandler", (Handler,), {"line": line})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        line.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", line.url)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield line
        server.shutdown()
        thread.join()


@pytest.fixture
def repository(line: Line, cache: Cache, tmp_path: Path) -> Repository:
    bucket = f"acme-{os.urandom(6).hex()}"
    client = boto3.client("s3", endpoint_url=line.url, region_name="eu-west-1")
    client.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    line.seen.clear()
    return open_repository("archive", f"s3://{bucket}/maven", tmp_path, cache)


def some(path: Path, size: int = 50_000) -> Path:
    path.write_bytes(os.urandom(size))
    return path


@pytest.mark.parametrize("size", [50_000, 20_000_000])
def test_what_is_published_is_found(repository: Repository, tmp_path: Path, size: int) -> None:
    file = some(tmp_path / "broker.bin", size)
    repositories = Repositories((repository,))
    for coordinates in (BROKER, SNAPSHOT):
        done = publish(repository, file, coordinates, "abc1234")
        assert done.created
        found = repositories.resolve(coordinates)
        assert found == done.artifact
        assert (found.commit, found.size) == ("abc1234", size)
        assert b"".join(repositories.read(found)) == file.read_bytes()
        with repositories.open(found) as path:
            assert path.read_bytes() == file.read_bytes()
    assert found.location.startswith("s3://acme-")
    assert found.location.endswith("-1.bin")
    assert repositories.versions("com.acme", "broker") == ["1.0", "1.1-SNAPSHOT"]
    assert repositories.artifacts() == ([("com.acme", "broker")], [])


@pytest.mark.parametrize("size", [50_000, 9_000_000])
def test_a_release_never_changes(repository: Repository, tmp_path: Path, size: int) -> None:
    file = some(tmp_path / "a.bin", size)
    before = publish(repository, file, BROKER).artifact
    assert not publish(repository, file, BROKER).created
    with pytest.raises(Conflict, match="a release never changes"):
        publish(repository, some(tmp_path / "b.bin", size), BROKER)
    assert repository.find(BROKER) == before


@pytest.mark.parametrize("size", [50_000, 9_000_000])
def test_of_two_at_once_one_wins(
    repository: Repository, tmp_path: Path, size: int, cache: Cache
) -> None:
    outcomes: list[str] = []

    def attempt(file: Path) -> None:
        own = open_repository("archive", repository.location, tmp_path, cache)
        try:
            outcomes.append(str(publish(own, file, BROKER).created))
        except Conflict:
            outcomes.append("conflict")

    files = [some(tmp_path / f"{n}.bin", size) for n in range(3)]
    threads = [threading.Thread(target=attempt, args=(file,)) for file in files]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(outcomes) == ["True", "conflict", "conflict"]


def test_a_cut_download_goes_on(line: Line, repository: Repository, tmp_path: Path) -> None:
    file = some(tmp_path / "a.bin", 3_000_000)
    found = publish(repository, file, BROKER).artifact
    line.cuts = 3
    line.seen.clear()
    assert b"".join(Repositories((repository,)).read(found)) == file.read_bytes()
    assert [each.partition(".bin")[2][:7] for each in line.seen] == ["", *[" bytes="] * 3]


def test_an_upload_that_breaks_off_leaves_nothing(
    line: Line, repository: Repository, tmp_path: Path
) -> None:
    file = some(tmp_path / "a.bin", 20_000_000)
    sums = sums_of(file)
    # Somebody builds again while we upload.
    before = file.read_bytes()
    file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    with pytest.raises(ChecksumMismatch):
        repository.put("a.bin", file, sums, {}, replace=False)
    client = boto3.client("s3", endpoint_url=line.url, region_name="eu-west-1")
    bucket = urlsplit(repository.location).netloc
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)


def test_no_such_bucket(line: Line, tmp_path: Path, cache: Cache) -> None:
    repository = open_repository("archive", "s3://nobody-has-this/x", tmp_path, cache)
    with pytest.raises(CloudFault, match="NoSuchBucket"):
        repository.versions("com.acme", "broker")


def test_nothing_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Cache, line: Line
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Unreachable):
        open_repository("archive", "s3://acme-x/y", tmp_path, cache).versions("a", "b")


@pytest.mark.parametrize("location", ["s3://", "s3://A_B/x", "s3:///x"])
def test_no_place_in_s3(location: str, tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(UsageFault, match="no place in S3"):
        open_repository("archive", location, tmp_path, cache)
