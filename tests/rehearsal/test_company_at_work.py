"""The example company with the machines that its definitions bake, at work: a Spring Boot service
keeps its rows in PostgreSQL, a broker hands a message on, members of a data grid find each other,
greeters answer by TLS. Five bakes, and ten machines at a time.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
from tests.rehearsal.company import bring_up, deliver, take_down
from tests.rehearsal.house import REPOSITORIES, House
from tests.rehearsal.stomp import stomp
from tests.rehearsal.waiting import soon

NEEDED = ("mvn", "javac", "git", "packer", "mmdebstrap", "docker-registry", "qemu-system-x86_64")
MISSING = [
    name for name in NEEDED if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None
]
ADDRESS = "greeters.acme.example"
SIZE = "http://127.0.0.1:5701/hazelcast/health/cluster-size"

pytestmark = [
    pytest.mark.timeout(7200),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


@pytest.fixture
def key(house: House) -> Path:
    """A key of an operator, whose public half the machines get instead of the example's. A cloud
    that is kept has its machine images by it."""
    made = Path(house.environment["PROVISIMUS_LOCAL_DIR"]) / "ops"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        ours = ("-C", "ops@acme.example", "-f", str(made))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", *ours], check=True)
    house.provisimus(
        *("users", "rotate", "ops@acme.example", "--to", str(made.with_suffix(".pub")), "--yes")
    )
    return made


def test_the_company_at_work(house: House, key: Path, long: bool) -> None:
    if not long:
        pytest.skip("takes five bakes and ten machines at a time; runs with --all")
    deliver(house)
    for name in REPOSITORIES:
        house.commit(name, f"The first of {name}")
    bring_up(house)
    rows_outlive_the_machine(house)
    its_lines_are_kept(house, starts=2)
    a_new_password_is_taken_over(house)
    a_message_is_handed_on(house)
    members_find_each_other(house, key)
    greeters_speak_tls(house)
    take_down(house)


def rows_outlive_the_machine(house: House) -> None:
    url = f"http://{address_of(house, 'catalog')}:8080/prices"
    httpx.put(f"{url}/tea", json=250, timeout=60, trust_env=False).raise_for_status()
    house.provisimus("instance", "stop", "catalog", "--yes")
    house.provisimus("instance", "start", "catalog", "--yes")
    # Perhaps another address: this one is nobody's but the instance's.
    url = f"http://{address_of(house, 'catalog')}:8080/prices"
    got = soon(lambda: get(url), httpx.HTTPError, within=900)
    assert got == '{"tea":250}'


def its_lines_are_kept(house: House, starts: int, within: float = 120) -> None:
    """Those of every start, the one before the instance was stopped, too."""

    def ask() -> str:
        lines = house.data("logs", "catalog", "--since", "3h")
        assert {each["container"] for each in lines} == {"catalog"}
        assert len([each for each in lines if "Started Catalog in" in each["text"]]) == starts
        return "kept"

    soon(ask, AssertionError, within=within)


def a_new_password_is_taken_over(house: House) -> None:
    """By an instance that asks every few minutes, and then restarts its container."""
    house.provisimus("database", "rotate", "catalog-db", "--yes")
    its_lines_are_kept(house, starts=3, within=1500)
    url = f"http://{address_of(house, 'catalog')}:8080/prices"
    assert soon(lambda: get(url), httpx.HTTPError, within=300) == '{"tea":250}'


def a_message_is_handed_on(house: House) -> None:
    address = address_of(house, "activemq")
    soon(lambda: stomp(61613, "/queue/orders", send="two teas", host=address), OSError)
    got = soon(lambda: stomp(61613, "/queue/orders", receive=True, host=address), OSError)
    assert got == "two teas"


def members_find_each_other(house: House, key: Path) -> None:
    for member in ("hazelcasts-1", "hazelcasts-2", "hazelcasts-3"):
        told = house.provisimus(
            *("instance", "exec", member, "--identity", str(key), "--", "curl", "--silent", SIZE)
        )
        assert told.strip() == "3"


def greeters_speak_tls(house: House) -> None:
    outputs = house.data("stack", "outputs", "greeters")
    authority = Path(house.environment["PROVISIMUS_LOCAL_DIR"]) / "authority/ca.pem"
    # The name leads to the balancer's own; this computer's resolver does not know the zone.
    with httpx.Client(
        verify=ssl.create_default_context(cafile=authority), timeout=60, trust_env=False
    ) as client:
        answer = client.get(
            f"https://{outputs['LoadBalancerDnsName']}/",
            headers={"Host": ADDRESS},
            extensions={"sni_hostname": ADDRESS},
        )
    assert answer.status_code == 200
    assert answer.text.startswith("Hello from greeter 1.0.0")


def address_of(house: House, service: str) -> str:
    [found] = [each for each in house.data("instance", "list") if each["service"] == service]
    return str(found["public_address"])


def get(url: str) -> str:
    answer = httpx.get(url, timeout=60, trust_env=False)
    answer.raise_for_status()
    return answer.text
