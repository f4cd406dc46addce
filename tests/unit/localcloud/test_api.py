"""The control API, asked without a server."""

from __future__ import annotations

import io
import json

import pytest

from provisimus.localcloud.api import Actions, with_control
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.mishaps import Mishaps

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def make_base(body, say):
    if body is None:
        raise LocalCloudError("no order", "send one")
    say("making it")
    return "ami-1"


def no_docker():
    raise LocalCloudError("no Docker Engine answers", "start Docker")


EXPOSED: list[int] = []
ACTIONS = Actions(
    status=lambda: {"ready": True},
    make_base=make_base,
    console={"i-1": "hello\n"}.get,
    docker=no_docker,
    shutdown=lambda: None,
    from_guest=lambda port: port == 666,
    mishaps=Mishaps(),
    kill=lambda identifier: identifier == "i-1",
    hang=lambda identifier, on: identifier == "i-1",
    expose=EXPOSED.append,
    tunnel=lambda identifier, port: 40022 if (identifier, port) == ("i-1", 22) else None,
    at=lambda moment: 0,
)


def ask(method, path, body=b"", **headers):
    said = {}
    touched = []
    application = with_control(
        ACTIONS,
        lambda environ, start: start("200 OK", []) or [b"aws"],
        lambda: touched.append(path),
    )
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body), **headers,
    }  # fmt: skip
    answer = b"".join(application(environ, lambda status, _headers: said.update(status=status)))
    return said["status"], answer, touched


def test_status():
    assert ask("GET", "/_localcloud/status") == ("200 OK", b'{"ready": true}', [])


def test_everything_else_is_awss_and_may_have_changed_something():
    assert ask("POST", "/") == ("200 OK", b"aws", ["/"])


@pytest.mark.parametrize(
    ("body", "headers", "touched"),
    [
        (b"Action=DescribeInstances&Version=2016-11-15", {"CONTENT_TYPE": FORM}, []),
        (b"Action=RunInstances&Version=2016-11-15", {"CONTENT_TYPE": FORM}, ["/"]),
        (b"{}", {"HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"}, []),
        (b"{}", {"HTTP_X_AMZ_TARGET": "AmazonSSM.PutParameter"}, ["/"]),
    ],
)
def test_reading_changes_nothing_to_save(body, headers, touched):
    assert ask("POST", "/", body, **headers)[2] == touched


def test_making_a_base_tells_its_progress_line_by_line():
    _, answer, _ = ask("POST", "/_localcloud/bases", b"{}")
    assert [json.loads(line) for line in answer.splitlines()] == [
        {"text": "making it"},
        {"image_id": "ami-1"},
    ]


def test_a_base_that_fails_ends_with_the_error():
    _, answer, _ = ask("POST", "/_localcloud/bases", b"null")
    assert json.loads(answer) == {"error": "no order", "hint": "send one"}


def test_an_error_carries_its_hint():
    status, answer, _ = ask("POST", "/_localcloud/docker")
    assert status == "409 Conflict"
    assert json.loads(answer) == {"error": "no Docker Engine answers", "hint": "start Docker"}


def test_consoles():
    assert ask("GET", "/_localcloud/instances/i-1/console")[:2] == ("200 OK", b"hello\n")
    assert ask("GET", "/_localcloud/instances/i-2/console")[0] == "404 Not Found"


@pytest.mark.parametrize("path", ["/_localcloud", "/_localcloud/", "/_localcloud/nonsense"])
def test_unknown_paths_are_not_awss(path):
    assert ask("GET", path)[0] == "404 Not Found"


def test_what_is_not_json_is_refused():
    assert ask("POST", "/_localcloud/bases", b"{")[0] == "409 Conflict"


@pytest.mark.parametrize("path", ["/_localcloud/shutdown", "/", "/bucket/key"])
@pytest.mark.parametrize("header", ["HTTP_ORIGIN", "HTTP_SEC_FETCH_MODE"])
def test_a_web_page_cannot_command_the_local_cloud(header, path):
    assert ask("POST", path, **{header: "cors"})[0] == "403 Forbidden"


@pytest.mark.parametrize("host", ["evil.example:4800", "evil.example", "localhost.evil.example"])
def test_a_page_that_had_its_name_mean_loopback_is_refused(host):
    status, answer, touched = ask("POST", "/", HTTP_HOST=host)
    assert (status, touched) == ("403 Forbidden", [])
    assert b"is not called" in answer


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:4800", "localhost:4800", "bucket.localhost:4800", "172.31.0.2:4800", "[::1]:4800"],
)
def test_whoever_says_an_address_or_localhost_is_answered(host):
    assert ask("POST", "/", HTTP_HOST=host)[0] == "200 OK"


def test_a_machine_may_not_ask_the_local_cloud_itself():
    status, answer, _ = ask("POST", "/_localcloud/shutdown", REMOTE_PORT="666")
    assert status == "403 Forbidden"
    assert b"machines may not" in answer
    assert ask("POST", "/", REMOTE_PORT="666")[1] == b"aws"


def test_a_port_is_exposed_and_what_is_none_is_not_found():
    assert json.loads(ask("POST", "/_localcloud/ports/5432")[1]) == {"exposed": 5432}
    assert EXPOSED == [5432]
    assert ask("POST", "/_localcloud/ports/70000")[0] == "404 Not Found"


def test_a_tunnel_leads_to_a_machine_that_runs():
    told = json.loads(ask("POST", "/_localcloud/instances/i-1/tunnels/22")[1])
    assert told == {"host": "127.0.0.1", "port": 40022}
    assert ask("POST", "/_localcloud/instances/i-2/tunnels/22")[0] == "404 Not Found"
    assert ask("POST", "/_localcloud/instances/i-1/tunnels/70000")[0] == "404 Not Found"


def test_a_machine_hangs_and_goes_on():
    path = "/_localcloud/instances/i-1/hang"
    assert json.loads(ask("POST", path)[1]) == {"instance": "i-1", "hangs": True}
    assert json.loads(ask("DELETE", path)[1]) == {"instance": "i-1", "hangs": False}
    assert ask("POST", "/_localcloud/instances/i-2/hang")[0] == "404 Not Found"
