"""The environment that the stack gives the main container, with the values that it only names.

/etc/provisimus/environment    names and values or references, as JSON; from the stack's user data
/run/provisimus/environment    names and values, as JSON, for root alone, in memory alone
/run/provisimus/referring      the names and references of those that may change; only with some

`runtime.py` hands them to the container. As long as a value cannot be had, it is asked for again:
a service without its settings shall not run. Later a timer asks whether what is referred to has
changed, as a password does that is rotated, and `handover.py` starts the container anew.
"""

from __future__ import annotations

import json
import time

from .aws import Client, Fault
from .handover import differing, forget, handed, running, start_anew, write
from .places import Places, read_json
from .references import Reference, pieces, references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE = 15.0
"""Seconds until what AWS refuses is asked again: a permission or a secret may still come."""


def main(arguments: list[str], places: Places | None = None, client: Client | None = None) -> int:
    """`settings fetch` on boot; to take changed values over `settings refresh` by the timer and
    `settings reload` by hand."""
    places = places or Places()
    client = client or Client()
    if arguments == ["fetch"]:
        return fetch(places, client)
    if arguments in (["refresh"], ["reload"]):
        return take_over(places, client, asked=arguments == ["reload"])
    print("usage: settings fetch|refresh|reload")
    return 2


def fetch(places: Places, client: Client, sleep: Callable[[float], None] = time.sleep) -> int:
    given = read(places.references)
    told = ""
    while fault := _fault_of_fetching(given, places, client):
        if fault != told:
            told = fault
            print(f"waiting for settings: {told}", flush=True)
        sleep(PAUSE)
    if referring := {name: value for name, value in given.items() if references(value)}:
        write(places.referring, referring)
    print(f"{len(given)} settings: {', '.join(sorted(given))}")
    return 0


def _fault_of_fetching(given: dict[str, str], places: Places, client: Client) -> str:
    try:
        write(places.environment, resolved(given, client))
    except (Fault, ValueError) as fault:
        return str(fault)
    return ""


def take_over(places: Places, client: Client, *, asked: bool) -> int:
    """Fetch again, and start the containers anew that run with other values.

    `asked` for by somebody, it says that nothing changed, too, and each fault is a failure; the
    timer is silent then, and comes again to what passes.
    """
    try:
        values = resolved(read(places.references), client)
    except (Fault, ValueError) as fault:
        print(f"nothing was changed: {fault}")
        return 0 if not asked and isinstance(fault, Fault) and fault.passing else 1
    changed = differing(read_json(places.environment) or {}, values)
    if changed:
        write(places.environment, values)
    behind = {
        container: names
        for container, before in handed(places).items()
        if (names := differing(before, values))
    }
    if not (changed or behind):
        if asked:
            print("no setting changed")
        return 0
    return _start_anew(changed, behind, places)


def _start_anew(changed: set[str], behind: dict[str, set[str]], places: Places) -> int:
    """What is behind and runs, and that of which nothing is known when a value changed."""
    known, there = handed(places), running()
    forget(sorted(behind.keys() - set(there)), places)
    old = [each for each in there if each in behind or (changed and each not in known)]
    names = sorted(changed.union(*(behind[each] for each in there if each in behind)))
    if names:
        print(f"{', '.join(names)} changed; starting {len(old)} containers anew", flush=True)
    return start_anew(old, places) if old else 0


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
        raise Fault(f"{fault} ({name})", fault.code, passing=fault.passing) from None
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
