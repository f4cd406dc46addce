"""The environment that the stack gives the main container, with the values that it only names.

/etc/provisimus/environment    names and values or references, as JSON; from the stack's user data
/run/provisimus/environment    names and values, as JSON, for root alone, in memory alone

`runtime.py` hands them to the container. As long as a value cannot be had, it is asked for again:
a service without its settings shall not run.
"""

from __future__ import annotations

import json
import os
import time

from .aws import Client, Fault
from .places import RUNTIME, Places
from .references import Reference, pieces, references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE = 15.0
"""Seconds until what AWS refuses is asked again: a permission or a secret may still come."""


def main(arguments: list[str], places: Places | None = None, client: Client | None = None) -> int:
    """`settings fetch` on boot, `settings reload` to take changed values over."""
    places = places or Places()
    client = client or Client()
    if arguments == ["fetch"]:
        return fetch(places, client)
    if arguments == ["reload"]:
        return reload(places, client)
    print("usage: settings fetch|reload")
    return 2


def fetch(places: Places, client: Client, sleep: Callable[[float], None] = time.sleep) -> int:
    given = read(places.references)
    told = ""
    while fault := _fault_of_fetching(given, places, client):
        if fault != told:
            told = fault
            print(f"waiting for settings: {told}", flush=True)
        sleep(PAUSE)
    print(f"{len(given)} settings: {', '.join(sorted(given))}")
    return 0


def _fault_of_fetching(given: dict[str, str], places: Places, client: Client) -> str:
    try:
        write(places.environment, resolved(given, client))
    except (Fault, ValueError) as fault:
        return str(fault)
    return ""


def reload(places: Places, client: Client) -> int:
    """Fetch again, and start the containers anew when a value changed."""
    try:
        values = resolved(read(places.references), client)
    except (Fault, ValueError) as fault:
        print(f"nothing was changed: {fault}")
        return 1
    before = read(places.environment) if os.path.exists(places.environment) else {}
    changed = sorted(name for name in {*before, *values} if before.get(name) != values.get(name))
    if not changed:
        print("no setting changed")
        return 0
    write(places.environment, values)
    # Not on boot.
    import subprocess

    containers = running()
    print(f"{', '.join(changed)} changed; starting {len(containers)} containers anew", flush=True)
    if containers:
        return subprocess.call(["docker", "restart", *containers], stdout=subprocess.DEVNULL)
    return 0


def running() -> list[str]:
    """The ids of the running containers that get the environment."""
    import subprocess

    ids = subprocess.run(["docker", "ps", "--quiet"], capture_output=True, text=True, check=True)
    if not ids.stdout.split():
        return []
    about = subprocess.run(
        ["docker", "inspect", "--format", "{{.HostConfig.Runtime}} {{.Id}}", *ids.stdout.split()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.split() for line in about.stdout.splitlines()]
    return [each[1] for each in lines if len(each) == 2 and each[0] == RUNTIME]


def resolved(given: dict[str, str], client: Client) -> dict[str, str]:
    """Every value with what its references name. Each place is asked once. Raises Fault."""
    known: dict[tuple[str, str], str] = {}
    for value in given.values():
        for each in references(value):
            if (each.kind, each.name) not in known:
                known[each.kind, each.name] = _asked(each, client)
    return {
        name: "".join(
            _part(each, known[each.kind, each.name]) if isinstance(each, Reference) else each
            for each in pieces(value)
        )
        for name, value in given.items()
    }


def _asked(reference: Reference, client: Client) -> str:
    name = reference.name
    try:
        if reference.kind == "ssm":
            parameter = {"Name": name, "WithDecryption": True}
            found = client.json("ssm", "AmazonSSM.GetParameter", parameter)
            return str(found["Parameter"]["Value"])
        found = client.json("secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": name})
    except Fault as fault:
        raise Fault(f"{fault} ({name})", fault.code) from None
    if "SecretString" not in found:
        raise Fault(f"the secret {name} holds bytes and no text")
    return str(found["SecretString"])


def _part(reference: Reference, text: str) -> str:
    """The value, or the member of it that is asked for. No error repeats any of it."""
    if not reference.key:
        return text
    try:
        found = json.loads(text)
    except ValueError:
        raise Fault(f"{reference}: the secret is no JSON") from None
    if not isinstance(found, dict) or reference.key not in found:
        raise Fault(f"{reference}: the secret has no member of this name")
    value = found[reference.key]
    return value if isinstance(value, str) else json.dumps(value)


def read(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8") as file:
        found: dict[str, str] = json.load(file)
    return found


def write(path: str, values: dict[str, str]) -> None:
    """Replace the file in one step; nobody but its owner may read it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = path + ".new"
    if os.path.exists(new):
        os.unlink(new)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file)
    os.replace(new, path)
