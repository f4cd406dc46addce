"""Vendors' services take the same path: a broker keeps its messages over a change of machines, a
data grid its entry. Long: two bakes, and four boots of a Java service under emulation.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import httpx
import pytest
from tests.rehearsal.house import ACTIVEMQ, REPOSITORIES, House
from tests.rehearsal.receiver import Receiver
from tests.rehearsal.stomp import stomp
from tests.rehearsal.waiting import soon

NEEDED = ("mvn", "git", "packer", "mmdebstrap", "docker-registry", "qemu-system-x86_64")
MISSING = [
    name for name in NEEDED if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None
]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def receiver(house: House, request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """A house with both services defined, in Git, and with the vendors' files in its repository."""
    if not request.config.getoption("--all"):
        pytest.skip("takes two bakes; runs with --all")
    with Receiver() as made:
        made.expected_by(house, "activemq")
        for name in REPOSITORIES:
            house.commit(name, f"The first of {name}")
        house.provisimus("artifact", "import", "com.hazelcast:hazelcast:5.3.8")
        house.provisimus("artifact", "import", *ACTIVEMQ)
        yield made


def test_a_broker_keeps_its_messages_over_a_change_of_machines(
    house: House, receiver: Receiver
) -> None:
    first = house.data("release", "activemq")
    address = address_of(house, first["instance"])
    assert receiver.hears(r"stdout - - - .*Apache ActiveMQ 5\.17\.6 \(acme.*started")
    soon(lambda: stomp(61613, "/queue/orders", send="sent before", host=address), OSError)

    # Another machine image: the instance is swapped, the volume is not.
    setup = house.folder / "acme-packer/activemq/setup/10-note"
    setup.parent.mkdir()
    setup.write_text("#!/bin/sh\necho another machine\n")
    house.commit("acme-packer", "Another machine for the broker")
    second = house.data("release", "activemq")
    assert second["instance"] != first["instance"]
    address = address_of(house, second["instance"])
    got = soon(lambda: stomp(61613, "/queue/orders", receive=True, host=address), OSError)
    assert got == "sent before"
    house.provisimus("stack", "delete", "activemq", "--yes")


def test_a_data_grid_becomes_healthy_and_tells_of_itself(house: House, receiver: Receiver) -> None:
    released = house.data("release", "hazelcast")
    url = re.sub(r"/$", "", released["url"])
    answer = httpx.get(f"{url}/hazelcast/health/cluster-state", timeout=30, trust_env=False)
    assert "ACTIVE" in answer.text
    house.provisimus("stack", "delete", "hazelcast", "--yes")
    assert house.data("instance", "list") == []


def address_of(house: House, instance: str) -> str:
    [found] = [each for each in house.data("instance", "list") if each["instance_id"] == instance]
    return str(found["public_address"])
