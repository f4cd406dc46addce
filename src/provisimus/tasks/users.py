"""Who may log in to machines, and the change of a key in all definitions that name it.

A key is baked into the machine image, so a changed one is on a machine when the machine is baked
anew and its stacks are rolled out. That is a release, and nothing here does it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from provisimus.errors import NotFound, UsageFault
from provisimus.files import replacing
from provisimus.tasks.list_instances import ListedInstance
from provisimus.workspace.definitions.machine import User
from provisimus.workspace.workspace import Workspace


@dataclass(frozen=True)
class ListedUser:
    """A user with one key. `instances` run the machine; they have the users of its last bake."""

    machine: str
    user: str
    sudo: bool
    expires: date | None
    key: str
    """`SHA256:…`, as ssh-keygen -l prints it."""
    comment: str
    services: tuple[str, ...]
    instances: tuple[str, ...]


@dataclass(frozen=True)
class KeyChange:
    """A definition's file with the old key and with the new one."""

    machine: str
    path: Path
    users: tuple[str, ...]
    before: str
    after: str
    services: tuple[str, ...]


def key_fingerprint(key: str) -> str:
    """What ssh-keygen -l prints of a public key: SHA-256 of its bytes, in base64 without padding.

    Raises UsageFault for what is no public key.
    """
    words = key.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
        named = blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode("ascii")
    except (IndexError, ValueError):
        named, blob = "", b""
    if not named or named != words[0]:
        raise UsageFault(
            f"{key[:30]!r}… is no public SSH key",
            hint="give a file as ssh-keygen writes it: ~/.ssh/id_ed25519.pub",
        )
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def shown_key(key: str) -> str:
    """The fingerprint of a key; of one that is none, as definitions may have it, its beginning."""
    try:
        return key_fingerprint(key)
    except UsageFault:
        return f"no key: {key[:20]}…"


def comment_of(key: str) -> str:
    """What stands behind the key, often whose it is."""
    return " ".join(key.split()[2:])


def list_users(
    workspace: Workspace, environment: str, instances: Iterable[ListedInstance]
) -> list[ListedUser]:
    """By machine, in the order of the definitions: a line for each key."""
    services = services_by_machine(workspace, environment)
    running = list(instances)
    return [
        ListedUser(
            machine,
            user.name,
            user.sudo,
            user.expires,
            shown_key(key),
            comment_of(key),
            tuple(services.get(machine, ())),
            _instances_of(workspace, environment, services.get(machine, ()), running),
        )
        for machine in workspace.machines()
        for user in workspace.machine(machine).users
        for key in user.ssh_keys
    ]


def services_by_machine(workspace: Workspace, environment: str) -> dict[str, list[str]]:
    """The services that run each machine."""
    found: dict[str, list[str]] = {}
    for service in workspace.services():
        if machine := workspace.machine_of(service, environment):
            found.setdefault(machine, []).append(service)
    return found


def _instances_of(
    workspace: Workspace,
    environment: str,
    services: Iterable[str],
    running: Iterable[ListedInstance],
) -> tuple[str, ...]:
    """The instances of services, members of clusters too."""
    names = {name for each in services for name in (each, *workspace.members(each, environment))}
    return tuple(each.instance_id for each in running if each.service in names)


def plan_rotation(
    workspace: Workspace, environment: str, old: str, new: str, machines: Iterable[str] = ()
) -> list[KeyChange]:
    """The files that name a key, and what they shall be. `old` is a fingerprint or a comment.

    Raises UsageFault for a new key that is none, or an old one that means several; NotFound.
    """
    new = " ".join(new.split())
    fresh = key_fingerprint(new)
    chosen = tuple(machines) or tuple(workspace.machines())
    users = {name: workspace.machine(name).users for name in chosen}
    meant = matching(
        [key for each in users.values() for user in each for key in user.ssh_keys], old
    )
    if fresh in {shown_key(key) for key in meant}:
        raise UsageFault("the new key is the old one", hint="make another: ssh-keygen -t ed25519")
    services = services_by_machine(workspace, environment)
    changes = []
    for machine in chosen:
        if holders := _holders(users[machine], meant):
            path = workspace.packer / machine / "machine.yaml"
            before = path.read_text(encoding="utf-8")
            after = replaced(before, meant, new, path)
            concerned = tuple(services.get(machine, ()))
            changes.append(KeyChange(machine, path, holders, before, after, concerned))
    return changes


def matching(keys: Iterable[str], old: str) -> frozenset[str]:
    """The keys that a fingerprint or a comment means: one key, however often it is written.

    Raises NotFound, UsageFault.
    """
    found = frozenset(key for key in keys if old in (shown_key(key), comment_of(key), key))
    if not found:
        raise NotFound(f"no machine has the key {old!r}", hint="see: provisimus users list")
    if len({shown_key(key) for key in found}) > 1:
        told = ", ".join(sorted(shown_key(key) for key in found))
        raise UsageFault(f"{old!r} means several keys", hint=f"name one by fingerprint: {told}")
    return found


def _holders(users: Iterable[User], meant: frozenset[str]) -> tuple[str, ...]:
    return tuple(user.name for user in users if meant & set(user.ssh_keys))


def replaced(text: str, meant: frozenset[str], new: str, path: Path) -> str:
    """The file with another key and nothing else changed. Raises UsageFault for a key that does
    not stand in it as one piece of text."""
    after = text
    for key in sorted(meant, key=len, reverse=True):
        after = after.replace(key, new)
    if after == text:
        raise UsageFault(
            "the key does not stand in the file as one line",
            where=str(path),
            hint="write it as one line in quotes there, or change it by hand",
        )
    return after


def write_rotation(changes: Iterable[KeyChange]) -> None:
    """Each file in one step; interrupted between two, the same command does the rest."""
    for each in changes:
        with replacing(each.path) as temporary:
            temporary.write_text(each.after, encoding="utf-8")
