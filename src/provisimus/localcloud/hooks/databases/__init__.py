"""RDS: DB instances are real PostgreSQL servers, snapshots are real copies of their data.

`rules` is pure: what a request may ask for; so is `watching`: what is kept of how an instance is
measured. `instances`, `snapshots`, `groups` and `secrets` take the place of moto's methods, `place`
is where a server stands in its VPC, `life` does the slow work, `answers` are the operations that
moto has not or answers wrongly, and which are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisimus.localcloud.hooks.cloud import Cloud


def install(cloud: Cloud) -> None:
    """Replace moto's methods."""
    from provisimus.localcloud.hooks.databases import (
        answers,
        groups,
        instances,
        life,
        parameters,
        secrets,
        snapshots,
    )

    for hooked in (instances, snapshots, groups, parameters, secrets, answers):
        hooked.install(cloud)

    def lost(vpc: str, interfaces: frozenset[str]) -> None:
        # What was killed is the network beneath the servers; in a new one they are started again.
        for database in life.databases(cloud):
            if database.local.interface in interfaces:
                life.begin(cloud, database, life.reboot)

    cloud.networks.lost.append(lost)
