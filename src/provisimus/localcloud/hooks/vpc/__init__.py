"""Where moto's networks take what EC2 refuses, forget what they were told, or leave things behind.

Records only: nothing here reaches a machine. One file per kind of thing; each rule names the page
of AWS's documentation that it follows.
"""

from __future__ import annotations


def install() -> None:
    """Replace moto's methods; once in a process, before the first request."""
    from provisimus.localcloud.hooks.vpc import (
        acls,
        addresses,
        endpoints,
        interfaces,
        nat,
        networks,
        routes,
        rules,
        tags,
    )

    for hooked in (networks, interfaces, addresses, routes, nat, acls, endpoints, rules, tags):
        hooked.install()
