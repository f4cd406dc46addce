"""A bridge of its own for each engine that we start.

Engines that share `docker0` hurt each other: one that ends takes the bridge away, and containers of
the other one no longer get a network.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable
from ipaddress import IPv4Network
from pathlib import Path

POOL = IPv4Network("10.197.0.0/16")
"""Where bridges get their networks from, of 254 addresses each."""


def bridge_name(root: Path) -> str:
    """Its name by the directory of the local cloud; an interface's may have 15 characters."""
    return "pv" + hashlib.sha256(str(root).encode()).hexdigest()[:11]


def free_network(name: str, taken: Iterable[str]) -> IPv4Network | None:
    """A network of the pool that no route leads to, the same one for a name if it can be. Pure."""
    routes = [IPv4Network(each) for each in taken if each[:1].isdigit()]
    networks = list(POOL.subnets(new_prefix=24))
    first = int(name[2:4], 16)
    for network in networks[first:] + networks[:first]:
        if not any(network.overlaps(route) for route in routes):
            return network
    return None


def make_bridge(root: Path) -> str | None:
    """The bridge of a local cloud's engine, made where it is not there; None where none can be.

    Where it cannot (no `ip`, not allowed), an engine makes do with the bridge that all share.
    """
    name = bridge_name(root)
    try:
        if _ip("link", "show", name) is not None:
            return name
        routes = json.loads(_ip("-json", "-4", "route", "show", "table", "all") or "[]")
        network = free_network(name, [each.get("dst", "") for each in routes])
        if network is None or _ip("link", "add", name, "type", "bridge") is None:
            return None
        address = f"{network[1]}/{network.prefixlen}"
        for command in (("address", "add", address, "dev", name), ("link", "set", name, "up")):
            if _ip(*command) is None:
                remove_bridge(root)
                return None
    except OSError:
        return None
    return name


def remove_bridge(root: Path) -> None:
    """Remove it; one that is gone is no failure."""
    try:
        _ip("link", "delete", bridge_name(root))
    except OSError:
        return


def _ip(*arguments: str) -> str | None:
    """What `ip` says; None when it fails. Raises OSError when it is not there."""
    done = subprocess.run(
        ("ip", *arguments),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return done.stdout if done.returncode == 0 else None
