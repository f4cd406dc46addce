"""The whole chain for real, with the example's own definitions and the command line alone.

A Java service becomes an artifact, an image, a machine image and a stack, and answers; the next
version answers over the same data; the way back takes only the stack; lineage leads from the
instance to the commits; nothing temporary is left. The side carts work, too: a receiver gets what
the service logs, and figures of the machine are scraped. One virtual machine at a time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.rehearsal.house import REPOSITORIES, House
from tests.rehearsal.receiver import Receiver
from tests.rehearsal.waiting import soon

NEEDED = ("javac", "git", "packer", "mmdebstrap", "docker-registry", "qemu-system-x86_64")
MISSING = [
    name for name in NEEDED if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None
]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def receiver(house: House) -> Iterator[Receiver]:
    """Where the machine's logs go."""
    with Receiver() as made:
        made.expected_by(house, "greeter")
        yield made


def test_the_whole_life_of_a_service(house: House, receiver: Receiver) -> None:
    commits = {name: house.commit(name, f"The first of {name}") for name in REPOSITORIES}
    house.provisimus("check")
    house.publish("1.0.0", commits["acme"])

    # Step by step, and each step again: nothing is done twice.
    house.provisimus("image", "build", "greeter@1.0.0")
    assert not house.data("image", "build", "greeter@1.0.0")["changed"]
    house.provisimus("image", "build", "node-exporter", "log-shipper")
    written = commits["acme-docker"]
    commits["acme-docker"] = house.commit("acme-docker", "Pin what the bases are made of")
    ami = house.provisimus("machine", "bake", "greeter@1.0.0").strip().splitlines()[-1]
    assert house.provisimus("machine", "bake", "greeter@1.0.0").strip().endswith(ami)
    house.provisimus("plan", "greeter@1.0.0", "--exit-code", expect=4)
    first = house.data("stack", "apply", "greeter@1.0.0")
    assert first["image"] == ami
    answer = get(first["url"])
    assert answer == f"Hello from greeter 1.0.0 (commit {commits['acme']})\n"
    assert receiver.hears(r"stdout - - - greeter 1\.0\.0\b")
    metrics = first["url"].replace(":8080/", ":9100/metrics")
    # The service answered; a side cart may take a moment longer to.
    assert "node_memory_MemTotal_bytes" in soon(lambda: get(metrics), httpx.TransportError)
    httpx.put(first["url"] + "notes/first", content="of 1.0.0", timeout=30, trust_env=False)

    trace = house.data("trace", first["instance"])
    check_lineage(trace, first, ami, commits, written)

    # The next version, with one command.
    source = house.root / "services/greeter/src/main/java/com/acme/greeter/Greeter.java"
    source.write_text(source.read_text().replace('GREETING = "Hello"', 'GREETING = "Good day"'))
    next_commit = house.commit("acme", "Greet in full words")
    house.publish("1.0.1", next_commit)
    second = house.data("release", "greeter@1.0.1")
    assert second["instance"] != first["instance"]
    assert get(second["url"]) == f"Good day from greeter 1.0.1 (commit {next_commit})\n"
    assert get(second["url"] + "notes/first") == "of 1.0.0"
    house.provisimus("plan", "greeter@1.0.1", "--exit-code")

    # The way back: everything exists but the stack's state.
    steps = house.data("plan", "greeter@1.0.0")["steps"]
    assert {step["stage"] for step in steps if step["needed"]} == {"stack"}
    third = house.data("release", "greeter@1.0.0")
    assert third["image"] == ami
    assert get(third["url"]) == answer
    assert get(third["url"] + "notes/first") == "of 1.0.0"

    # Nothing temporary is left behind, and the end leaves a snapshot of the data.
    assert house.data("machine", "reap", "--dry-run") == []
    gone = house.data("stack", "delete", "greeter", "--yes")
    assert gone["snapshots_of"] == ["/data"]
    assert house.data("instance", "list") == []


def check_lineage(
    trace: dict[str, Any],
    released: dict[str, Any],
    ami: str,
    commits: dict[str, str],
    written: str,
) -> None:
    """`written` is the commit in which the image's own definition changed last."""
    by_repository = {
        "services": commits["acme"],
        "docker": commits["acme-docker"],
        "packer": commits["acme-packer"],
    }
    assert trace["instance"]["instance_id"] == released["instance"]
    assert trace["stack"]["name"] == released["stack"]
    assert trace["stack"]["commits"] == by_repository
    assert trace["machine_image"]["image_id"] == ami
    assert trace["machine_image"]["commits"] == by_repository
    images = {image["service"]: image for image in trace["images"]}
    assert set(images) == {"greeter", "node-exporter", "log-shipper"}
    assert images["greeter"]["commits"] == {"docker": written}
    assert images["greeter"]["artifact"]["coordinates"] == "com.acme:greeter:jar:1.0.0"
    assert images["greeter"]["artifact"]["commit"] == commits["acme"]
    assert len(images["greeter"]["artifact"]["sha256"].removeprefix("sha256:")) == 64


def get(url: str) -> str:
    answer = httpx.get(url, timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.text
