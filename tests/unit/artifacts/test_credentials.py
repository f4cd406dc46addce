"""Who we are to a repository, and which place wins."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from provisimus.artifacts.credentials import find_credentials, signed_client
from provisimus.errors import UsageFault


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / ".m2").mkdir()
    return {"HOME": str(tmp_path)}


def settings(home: dict[str, str], server: str) -> None:
    text = f"<settings><servers><server><id>web</id>{server}</server></servers></settings>"
    (Path(home["HOME"]) / ".m2/settings.xml").write_text(text)


def netrc(home: dict[str, str], text: str) -> None:
    path = Path(home["HOME"]) / ".netrc"
    path.write_text(text)
    path.chmod(0o600)


def basic(pair: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def test_nobody_knows_anything(home: dict[str, str]) -> None:
    assert find_credentials("web", "host", home) is None


def test_the_first_that_knows_wins(home: dict[str, str]) -> None:
    netrc(home, "machine host login n password n\n")
    found = find_credentials("web", "host", home)
    assert found is not None
    assert found.headers == basic("n:n")
    settings(home, "<username>m</username><password>m</password>")
    found = find_credentials("web", "host", home)
    assert found is not None
    assert found.headers == basic("m:m")
    variables = {**home, "PROVISIMUS_ARTIFACTS_WEB_TOKEN": "t"}
    found = find_credentials("web", "host", variables)
    assert found is not None
    assert found.headers == {"authorization": "Bearer t"}
    assert find_credentials("other", "elsewhere", variables) is None


def test_headers_of_mavens_settings(home: dict[str, str]) -> None:
    settings(
        home,
        "<configuration><httpHeaders><property><name>Private-Token</name>"
        "<value>${env.TOKEN}</value></property></httpHeaders></configuration>",
    )
    found = find_credentials("web", "host", {**home, "TOKEN": "t"})
    assert found is not None
    assert found.headers == {"private-token": "t"}
    assert "'t'" not in repr(found)


def test_nothing_goes_out_in_clear(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    signed_client("web", "http://far.example/maven/").close()
    monkeypatch.setenv("PROVISIMUS_ARTIFACTS_WEB_TOKEN", "t")
    with pytest.raises(UsageFault, match=r"to far\.example in clear"):
        signed_client("web", "http://far.example/maven/")
    signed_client("web", "http://127.0.0.1:8081/").close()
    signed_client("web", "https://far.example/maven/").close()
    monkeypatch.setenv("PROVISIMUS_ARTIFACTS_WEB_IN_CLEAR", "yes")
    signed_client("web", "http://far.example/maven/").close()


def test_a_name_becomes_a_variable(home: dict[str, str]) -> None:
    variables = {
        "PROVISIMUS_ARTIFACTS_OUR_OWN_USER": "u",
        "PROVISIMUS_ARTIFACTS_OUR_OWN_PASSWORD": "",
    }
    found = find_credentials("our-own", "host", {**home, **variables})
    assert found is not None
    assert found.headers == basic("u:")


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("<username>u</username><password>{COQLCE6DU6GtcS5P3C0pCa6x==}</password>", "encrypted"),
        ("<username>", "no XML"),
        ("<!DOCTYPE x>", "document type"),
    ],
)
def test_settings_that_cannot_be_read(home: dict[str, str], server: str, why: str) -> None:
    settings(home, server)
    with pytest.raises(UsageFault, match=why):
        find_credentials("web", "host", home)


def test_a_faulty_netrc_is_not_quoted(home: dict[str, str]) -> None:
    netrc(home, "machine host login u password p\nsecret nonsense\n")
    with pytest.raises(UsageFault, match="no netrc file") as caught:
        find_credentials("web", "host", home)
    assert "secret" not in str(caught.value)
