"""Who may see credentials, and how they become a token."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provisimus.errors import Conflict, ProvisimusError, Refused
from provisimus.images.registry import Registry, ecr
from provisimus.images.registry.content import OCI_MANIFEST
from provisimus.images.registry.credentials import find_credentials
from provisimus.model import Digest

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

    from conftest import Misbehaving

SECRET = "s3cret-of-the-registry"
BASIC = "Basic " + base64.b64encode(f"ci:{SECRET}".encode()).decode()


def client(url: str) -> Registry:
    return Registry(url, pause=lambda _: None)


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


def log_in(config: Path, host: str, **more: str) -> None:
    auth = base64.b64encode(f"ci:{SECRET}".encode()).decode()
    config.write_text(json.dumps({"auths": {host: {"auth": auth, **more}}}))


@pytest.fixture
def with_tokens(misbehaving: Misbehaving, docker_config: Path) -> Misbehaving:
    misbehaving.realm = f"http://{misbehaving.url}/token"
    log_in(docker_config, misbehaving.url)
    return misbehaving


def test_a_token_is_asked_for_once_for_each_scope(with_tokens: Misbehaving) -> None:
    registry = client(with_tokens.url)
    assert registry.manifest("x", "1") is None
    assert registry.manifest("x", "2") is None
    registry.put_blob("x", b"data")
    assert with_tokens.asked == [
        ("GET", {"service": ["here"], "scope": ["repository:x:pull"]}, BASIC),
        ("GET", {"service": ["here"], "scope": ["repository:x:pull,push"]}, BASIC),
    ]


def test_a_mount_asks_for_both_repositories(with_tokens: Misbehaving) -> None:
    registry = client(with_tokens.url)
    registry.put_blob("base", b"layer")
    with_tokens.asked.clear()
    digest = Digest.of(b"other")
    assert not registry.mount("child", digest, "base")
    assert with_tokens.asked[-1][1]["scope"] == [
        "repository:base:pull",
        "repository:child:pull,push",
    ]


def test_a_token_that_runs_out_in_the_middle_of_an_upload(with_tokens: Misbehaving) -> None:
    data = os.urandom(500_000)
    begun: list[int] = []

    def pieces() -> Iterator[bytes]:
        begun.append(1)
        yield data[:250_000]
        if len(begun) == 1:
            with_tokens.tokens.clear()
        yield data[250_000:]

    assert client(with_tokens.url).upload("x", pieces).digest == Digest.of(data)
    assert with_tokens.kept == [500_000]


def test_an_identity_token_is_exchanged(with_tokens: Misbehaving, docker_config: Path) -> None:
    log_in(docker_config, with_tokens.url, identitytoken="identity")
    client(with_tokens.url).put_blob("x", b"data")
    method, form, authorization = with_tokens.asked[-1]
    assert (method, authorization) == ("POST", "")
    assert form == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["identity"],
        "client_id": ["provisimus"],
        "service": ["here"],
        "scope": ["repository:x:pull,push"],
    }


def test_a_helper_gives_an_identity_token(
    with_tokens: Misbehaving, docker_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = docker_config.parent / "docker-credential-test"
    helper.write_text('#!/bin/sh\necho \'{"Username": "<token>", "Secret": "identity"}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker_config.parent}{os.pathsep}{os.environ['PATH']}")
    docker_config.write_text(json.dumps({"credHelpers": {with_tokens.url: "test"}}))
    client(with_tokens.url).put_blob("x", b"data")
    assert with_tokens.asked[-1][1]["refresh_token"] == ["identity"]


def test_no_credentials_go_to_a_realm_in_the_clear(with_tokens: Misbehaving) -> None:
    with_tokens.realm = "http://registry.example.org/token"
    with pytest.raises(Refused, match=r"in the clear to http://registry\.example\.org") as caught:
        client(with_tokens.url).manifest("x", "1")
    assert SECRET not in str(caught.value)


def test_a_realm_does_not_hand_credentials_on(
    with_tokens: Misbehaving, another: Misbehaving, docker_config: Path
) -> None:
    log_in(docker_config, with_tokens.url, identitytoken="identity")
    # The realm of the first registry is the second, which redirects to the first.
    another.other = f"http://{with_tokens.url}"
    with_tokens.realm = f"http://{another.url}/v2/redirects"
    another.faults.append(("POST", "/redirects", "elsewhere"))
    with pytest.raises(ProvisimusError, match="gives no token"):
        client(with_tokens.url).manifest("x", "1")
    assert with_tokens.asked == []


def test_credentials_do_not_follow_a_redirect(
    with_tokens: Misbehaving, another: Misbehaving
) -> None:
    another.blobs = {str(Digest.of(b"data")): b"data"}
    registry = client(with_tokens.url)
    registry.put_blob("x", b"data")
    with_tokens.other = f"http://{another.url}"
    for read in (registry.blob, lambda *of: b"".join(registry.blob_pieces(*of))):
        with_tokens.faults.append(("GET", "/blobs/", "elsewhere"))
        assert read("x", Digest.of(b"data")) == b"data"
    assert len(another.headers) == 2
    assert not any("authorization" in each for each in another.headers)


def test_another_host_cannot_ask_for_credentials(
    with_tokens: Misbehaving, another: Misbehaving
) -> None:
    registry = client(with_tokens.url)
    registry.put_blob("x", b"data")
    with_tokens.other = f"http://{another.url}"
    another.realm = f"http://{another.url}/token"
    with_tokens.faults.append(("GET", "/blobs/", "elsewhere"))
    with pytest.raises(Refused, match="answered 401"):
        registry.blob("x", Digest.of(b"data"))
    assert another.asked == []


def test_an_upload_that_lies_elsewhere_gets_no_credentials(
    with_tokens: Misbehaving, another: Misbehaving
) -> None:
    with_tokens.elsewhere = another.url
    another.uploads["1"] = b""
    registry = client(with_tokens.url)
    registry.put_blob("x", b"data")
    assert another.blobs == {str(Digest.of(b"data")): b"data"}
    assert another.headers
    assert not any("authorization" in each for each in another.headers)


def test_a_realm_that_gives_no_token(with_tokens: Misbehaving) -> None:
    with_tokens.realm = f"http://{with_tokens.url}/v2/"
    with pytest.raises(ProvisimusError, match="gives no token"):
        client(with_tokens.url).manifest("x", "1")


def test_an_immutable_tag(misbehaving: Misbehaving) -> None:
    registry = client(misbehaving.url)
    body = b'{"schemaVersion": 2}'
    registry.put_manifest("x", "1.0", OCI_MANIFEST, body)
    misbehaving.immutable = True
    assert registry.put_manifest("x", "1.0", OCI_MANIFEST, body) == Digest.of(body)
    with pytest.raises(Conflict, match=r"names other content .* may not move .*tag is immutable"):
        registry.put_manifest("x", "1.0", OCI_MANIFEST, b'{"schemaVersion": 2 }')


ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, docker_config: Path) -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    ecr._tokens.clear()
    yield f"http://{host}:{port}"
    ecr._tokens.clear()
    server.stop()


def test_a_registry_of_ecr_is_signed_into_with_aws(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # moto's tokens ended in 2015.
    monkeypatch.setattr(ecr, "_EARLY", -1e10)
    found = find_credentials(ECR)
    assert found is not None
    assert (found.user, found.secret) == ("AWS", "123456789012-auth-token")
    # It is kept for the run: nobody is asked again.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert find_credentials(ECR) == found


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:5000",
        f"{ECR}.example.org",
        "dkr.ecr.eu-west-1.amazonaws.com",
        f"example.org/{ECR}",
        f"{ECR}:8443",
        "public.ecr.aws",
    ],
)
def test_no_other_host_is_given_a_token_of_aws(aws: str, host: str) -> None:
    assert find_credentials(host) is None


def test_without_aws_credentials_dockers_configuration_is_asked(
    docker_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ecr._tokens.clear()
    assert find_credentials(ECR) is None
    log_in(docker_config, ECR)
    found = find_credentials(ECR)
    assert found is not None
    assert found.user == "ci"


@pytest.fixture
def token_registry(
    tmp_path: Path, serve_registry: Serve, misbehaving: Misbehaving
) -> Iterator[tuple[str, Misbehaving]]:
    """A real registry that wants signed tokens, and the realm that signs them."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = rsa.generate_private_key(65537, 2048)
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "realm")])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(own).issuer_name(own)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - day).not_valid_after(now + day)
    certificate = builder.sign(key, hashes.SHA256())
    (tmp_path / "realm.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    der = certificate.public_bytes(serialization.Encoding.DER)

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def sign(scopes: list[str]) -> str:
        access = [
            dict(zip(("type", "name", "actions"), each.split(":"), strict=True)) for each in scopes
        ]
        body: dict[str, Any] = {
            "iss": "realm",
            "sub": "ci",
            "aud": "here",
            "exp": int((now + day).timestamp()),
            "nbf": int((now - day).timestamp()),
            "access": [{**each, "actions": each["actions"].split(",")} for each in access],
        }
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        text = ".".join(encoded(json.dumps(each).encode()) for each in (head, body))
        return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    misbehaving.sign = sign
    token = {
        "realm": f"http://{misbehaving.url}/token",
        "service": "here",
        "issuer": "realm",
        "rootcertbundle": str(tmp_path / "realm.pem"),
    }
    with serve_registry(tmp_path, {"auth": {"token": token}}) as url:
        yield url, misbehaving


def test_a_real_registry_with_tokens(
    token_registry: tuple[str, Misbehaving], docker_config: Path
) -> None:
    url, realm = token_registry
    log_in(docker_config, url)
    registry = client(url)
    registry.ping()
    name = f"team/{uuid.uuid4().hex[:8]}"
    layer = registry.put_blob(name, b"layer")
    assert registry.mount(f"{name}-child", layer.digest, name)
    assert registry.blob(f"{name}-child", layer.digest) == b"layer"
    assert set(realm.asked[-1][1]["scope"]) == {
        f"repository:{name}-child:pull,push",
        f"repository:{name}:pull",
    }
