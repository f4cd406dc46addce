"""Networks without machines: services in namespaces, what groups let through, and what is lost.

Services here are busybox's HTTP server, run inside the VPC as a balancer or a database is.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.ports import free_port

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.networks import namespace
from provisimus.localcloud.networks.networks import Networks
from provisimus.localcloud.networks.picture import Group, Member, Picture, Route, Rule, Subnet
from provisimus.localcloud.networks.resolver import Known
from provisimus.localcloud.processes import Command, Nursery, end

ANYWHERE = "0.0.0.0/0"
PUBLIC = "127.9.250.1"
OPEN = Rule("-1", (ANYWHERE,))

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("busybox") is None, reason="needs root and busybox"
    ),
    pytest.mark.allow_hosts(["127.0.0.0/8", "10.0.0.0/24"]),  # the latter in namespaces
]


@dataclass
class Card:
    id: str


@dataclass
class Records:
    """What the API would say: two VPCs with one range, whose members all have group sg-1."""

    rules: dict[str, tuple[Rule, ...]] = field(default_factory=lambda: {"vpc-1": (OPEN,)})
    public: str | None = None
    ports: tuple[int, ...] = ()

    def picture(self, vpc: str, interfaces: frozenset[str]) -> Picture | None:
        members = tuple(
            Member(each, f"10.0.0.{each[-1]}", "subnet-a", ("sg-1",), self.public, self.ports)
            for each in sorted(interfaces)
        )
        group = Group("sg-1", self.rules.get(vpc, ()), (OPEN,))
        subnet = Subnet("subnet-a", "10.0.0.0/24", (Route(ANYWHERE, "internet"),))
        return Picture(vpc, ("10.0.0.0/16",), (subnet,), (group,), members)

    def vpc_of(self, interface: str) -> str | None:
        return {"1": "vpc-1", "2": "vpc-2", "x": None}[interface.split("-")[1]]

    def find(self, vpc: str, name: str, kind: str) -> Known | None:
        return Known()


@dataclass
class Scene:
    networks: Networks
    records: Records
    nursery: Nursery
    folder: Path
    began: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def serve(self, interface: str, text: str) -> None:
        """A service with one page, at its interface's address."""
        self.networks.claim(Card(interface))
        vpc = self.records.vpc_of(interface)
        assert vpc is not None
        home = self.folder / interface
        home.mkdir(exist_ok=True)
        (home / "index.html").write_text(text)
        address = f"10.0.0.{interface[-1]}:8080"
        self.run(vpc, "busybox", "httpd", "-f", "-p", address, "-h", str(home))

    def run(self, vpc: str, *arguments: str) -> subprocess.Popen[bytes]:
        output = self.folder / "output"
        made = self.nursery.start(Command((*self.networks.within(vpc), *arguments), output=output))
        self.began.append(made)
        return made

    def fetches(self, source: str, url: str) -> bool:
        """Whether a client at an interface's address gets an answer."""
        vpc = self.records.vpc_of(source)
        assert vpc is not None
        options = ("--silent", "--max-time", "2", "--interface", f"10.0.0.{source[-1]}")
        return self.run(vpc, "curl", *options, url).wait(20) == 0


def eventually(condition: Callable[[], object], what: str, within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def page(url: str) -> str | None:
    try:
        return httpx.get(url, timeout=10).text.strip()
    except httpx.HTTPError:
        return None


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    layout = Layout(tmp_path / "cloud")
    layout.make()
    nursery, records = Nursery(), Records()
    networks = Networks(nursery, layout, records, "eu-west-1", ())
    made = Scene(networks, records, nursery, tmp_path)
    if networks.unavailable is not None:
        pytest.skip(f"networks cannot be made here: {networks.unavailable}")
    yield made
    for process in made.began:
        end(process, 1)
    networks.close()


def test_a_service_is_published_here_and_no_longer(scene: Scene) -> None:
    scene.serve("eni-1-4", "hello")
    scene.networks.publish(PUBLIC, 8080, "vpc-1", "10.0.0.4")
    eventually(lambda: page(f"http://{PUBLIC}:8080/") == "hello", "it is not reached")
    with pytest.raises(LocalCloudError, match="port 8080 of"):
        Networks.publish(_other(scene), PUBLIC, 8080, "vpc-1", "10.0.0.4")
    scene.networks.unpublish(PUBLIC, 8080)
    assert page(f"http://{PUBLIC}:8080/") is None
    scene.networks.publish(PUBLIC, 8080, "vpc-1", "10.0.0.4")
    assert page(f"http://{PUBLIC}:8080/") == "hello"


def _other(scene: Scene) -> Networks:
    """Networks of another local cloud, in which the same address is claimed."""
    layout = Layout(scene.folder / "other")
    layout.make()
    other = Networks(scene.nursery, layout, scene.records, "eu-west-1", ())
    other.claim(Card("eni-1-4"))
    return other


def test_a_closed_port_is_closed_to_its_clients(scene: Scene) -> None:
    scene.networks.claim(Card("eni-1-4"))
    scene.networks.publish(PUBLIC, 8081, "vpc-1", "10.0.0.4")
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{PUBLIC}:8081/", timeout=30)


def test_groups_hold_between_services(scene: Scene) -> None:
    scene.serve("eni-1-4", "hello")
    scene.networks.claim(Card("eni-1-5"))
    url = "http://10.0.0.4:8080/"
    eventually(lambda: scene.fetches("eni-1-5", url), "it does not answer")
    scene.records.rules["vpc-1"] = (Rule("tcp", (ANYWHERE,), (22, 22)),)
    scene.networks.refresh()
    assert not scene.fetches("eni-1-5", url)
    scene.records.rules["vpc-1"] = (Rule("tcp", ("sg-1",), (8080, 8080)),)
    scene.networks.refresh()
    assert scene.fetches("eni-1-5", url)


def test_two_networks_with_one_range_do_not_meet(scene: Scene) -> None:
    scene.records.rules["vpc-2"] = (OPEN,)
    scene.serve("eni-1-4", "one")
    scene.serve("eni-2-4", "two")
    scene.networks.publish(PUBLIC, 8080, "vpc-1", "10.0.0.4")
    scene.networks.publish("127.9.250.2", 8080, "vpc-2", "10.0.0.4")
    eventually(lambda: page(f"http://{PUBLIC}:8080/") == "one", "the first does not answer")
    eventually(lambda: page("http://127.9.250.2:8080/") == "two", "the second does not answer")


def test_a_port_that_is_about_to_be_free_is_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.serve("eni-1-4", "hello")
    waited: list[float] = []
    with socket.create_server((PUBLIC, 8080)) as other:

        def wait(seconds: float) -> None:
            waited.append(seconds)
            other.close()

        monkeypatch.setattr("provisimus.localcloud.networks.networks.sleep", wait)
        scene.networks.publish(PUBLIC, 8080, "vpc-1", "10.0.0.4")
        monkeypatch.undo()
    assert len(waited) == 1
    eventually(lambda: page(f"http://{PUBLIC}:8080/") == "hello", "it is not reached")


def test_an_address_is_public_at_the_ports_that_are_open(scene: Scene) -> None:
    scene.serve("eni-1-4", "hello")
    scene.records.public, scene.records.ports = PUBLIC, (8080,)
    scene.networks.refresh()
    eventually(lambda: page(f"http://{PUBLIC}:8080/") == "hello", "it is not reached")
    scene.records.ports = ()
    scene.networks.refresh()
    assert page(f"http://{PUBLIC}:8080/") is None


def test_what_is_inside_reaches_only_exposed_ports_of_this_computer(scene: Scene) -> None:
    scene.records.public = PUBLIC  # without it there is no way out
    scene.networks.claim(Card("eni-1-4"))
    port = free_port()
    home = scene.folder / "here"
    home.mkdir()
    (home / "index.html").write_text("here")
    server = ("busybox", "httpd", "-f", "-p", f"127.0.0.1:{port}", "-h", str(home))
    scene.began.append(scene.nursery.start(Command(server)))
    eventually(lambda: page(f"http://127.0.0.1:{port}/") == "here", "the server does not answer")
    url = f"http://10.0.0.2:{port}/"
    assert not scene.fetches("eni-1-4", url)
    scene.networks.expose(port)
    assert scene.fetches("eni-1-4", url)
    assert not scene.networks.carries(port)


def test_a_killed_network_is_told_and_made_again(scene: Scene) -> None:
    told: list[tuple[str, frozenset[str]]] = []
    heard = threading.Event()
    scene.networks.lost.append(lambda *lost: (told.append(lost), heard.set()))
    scene.serve("eni-1-4", "hello")
    scene.networks.publish(PUBLIC, 8080, "vpc-1", "10.0.0.4")
    eventually(lambda: page(f"http://{PUBLIC}:8080/") == "hello", "it is not reached")
    os.kill(scene.networks._network("vpc-1").namespace.pid, signal.SIGKILL)
    assert heard.wait(20)
    assert told == [("vpc-1", frozenset({"eni-1-4"}))]
    assert page(f"http://{PUBLIC}:8080/") is None
    end(scene.began[0], 1)
    scene.serve("eni-1-4", "again")
    eventually(lambda: page(f"http://{PUBLIC}:8080/") == "again", "it is not reached again")


def test_what_is_gone_cannot_be_claimed(scene: Scene) -> None:
    with pytest.raises(LocalCloudError, match="eni-x-4 is gone"):
        scene.networks.claim(Card("eni-x-4"))


def test_nothing_is_left_when_nothing_is_claimed(scene: Scene) -> None:
    scene.networks.claim(Card("eni-1-4"))
    keeper = scene.networks._network("vpc-1").namespace.pid
    scene.networks.release("eni-1-4")
    assert not Path(f"/proc/{keeper}").exists()


@pytest.mark.parametrize("missing", ["nft", "ip"])
def test_a_computer_without_the_programs_says_so(
    scene: Scene, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    which = shutil.which
    monkeypatch.setattr(namespace.shutil, "which", lambda p: None if p == missing else which(p))
    why = namespace.why_none(scene.nursery, scene.folder / "log")
    assert why == f"not installed: {missing}"
