"""From where SSH is let in: declared, else asked for; a server on loopback answers in tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError, Unreachable
from provisimus.machines.ssh_source import networks, own_network, permission

KEY = "environments/staging/ssh_from in provisimus.yaml"
Saying = Callable[[str], str]


@pytest.fixture
def saying() -> Iterator[Saying]:
    """A server that answers everything with one text; the address of it."""
    servers: list[HTTPServer] = []

    def serve(text: str) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_is_declared_is_taken_and_nobody_asked() -> None:
    cloud = Cloud("eu-west-1", None, None, None)
    declared = Environment("staging", cloud, "127.0.0.1:5000", ssh_from=("198.51.100.0/24",))
    assert networks(declared) == ("198.51.100.0/24",)


def test_our_own_address_is_a_network_of_one(saying: Saying) -> None:
    assert own_network("staging", saying("203.0.113.7\n")) == "203.0.113.7/32"


@pytest.mark.parametrize("said", ["<html>Sign in to the hotel</html>", "", "2001:db8::1", "1.2.3"])
def test_anything_else_names_the_key(saying: Saying, said: str) -> None:
    with pytest.raises(ProvisimusError, match="tells no IPv4 address") as caught:
        own_network("staging", saying(said))
    assert caught.value.where == KEY


def test_no_answer_names_the_key() -> None:
    with pytest.raises(Unreachable, match="public address is not known: nothing answers") as caught:
        own_network("staging", "http://127.0.0.1:1")
    assert KEY in str(caught.value.hint)


def test_the_rule_of_the_security_group() -> None:
    assert permission(("198.51.100.0/24", "203.0.113.7/32")) == {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "198.51.100.0/24"}, {"CidrIp": "203.0.113.7/32"}],
    }
