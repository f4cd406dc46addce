"""A container that cannot start, on a machine that was really baked: what is told of it is what it
said itself, and the version before runs again over the same data.

The option that no JVM knows stands in the stack's file, so one machine image serves all of it.
"""

from __future__ import annotations

import os
import re
import shutil

import httpx
import pytest
import yaml
from tests.rehearsal.house import REPOSITORIES, House

NEEDED = ("javac", "git", "packer", "mmdebstrap", "docker-registry", "qemu-system-x86_64")
MISSING = [
    name for name in NEEDED if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None
]
FAULT = "Unrecognized VM option 'NoSuchOption'"

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


def test_a_container_that_cannot_start_is_heard_and_gives_way(house: House, long: bool) -> None:
    if not long:
        pytest.skip("bakes a machine and boots three; runs with --all")
    alone(house)
    commits = {name: house.commit(name, f"The first of {name}") for name in REPOSITORIES}
    house.publish("1.0.0", commits["acme"])
    first = house.data("stack", "apply", "greeter@1.0.0")
    greeting = get(first["url"])
    httpx.put(first["url"] + "notes/first", content="of 1.0.0", timeout=30, trust_env=False)

    file = house.root / "stacks/greeter.yaml"
    works = file.read_text()
    file.write_text(f"{works}environment: {{JAVA_TOOL_OPTIONS: -XX:NoSuchOption}}\n")
    check_told(house.run("stack", "apply", "greeter", expect=6).stderr)
    seen, _, kept = house.provisimus("stack", "diagnose", "greeter").partition("\nkept ")
    assert re.search(r"^cause     container greeter: ", seen, re.MULTILINE), seen
    assert "\nreturn    went well" in seen
    check_told(kept)

    # As the file says again, so it is.
    file.write_text(works)
    back = house.data("stack", "apply", "greeter")
    assert not back["changed"]
    assert back["image"] == first["image"]
    assert get(back["url"]) == greeting
    assert get(back["url"] + "notes/first") == "of 1.0.0"

    assert house.data("machine", "reap", "--dry-run") == []
    house.provisimus("stack", "delete", "greeter", "--yes")
    assert house.data("instance", "list") == []


def alone(house: House) -> None:
    """The greeter without its side carts, and with less patience."""
    path = house.folder / "acme-packer/greeter/machine.yaml"
    machine = yaml.safe_load(path.read_text())
    machine["side_carts"] = []
    machine["containers"] = {"greeter": machine["containers"]["greeter"]}
    machine["health"]["within"] = "6m"
    path.write_text(yaml.safe_dump(machine))


def check_told(text: str) -> None:
    """The container, how it ended, of which image it is, and its own last words. One that starts
    again and again may be seen in the second in which it is up."""
    ended = r"(Restarting \(1\)|Exited \(1\)|Up) .*restarted \d+ times"
    assert re.search(rf"container greeter: {ended}", text), text
    assert re.search(r"image \S*greeter@sha256:[0-9a-f]{64}", text), text
    assert FAULT in text, text


def get(url: str) -> str:
    answer = httpx.get(url, timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.text
