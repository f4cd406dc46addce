"""The stack type `cluster`: members with an identity each, which are services of their own.

A member has its own stack, so it is swapped with its volumes, answers, and goes back as a service
does; the next one is touched when it has answered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provisimus.stacks.network import offline_network
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.stacks.types.service import TYPE as SERVICE
from provisimus.workspace.definitions.stacks.cluster import ClusterDefinition

Wanted = WantedStack[ClusterDefinition]


class Cluster(StackType[ClusterDefinition]):
    name = "cluster"
    definition = ClusterDefinition
    summary = "instances with an identity and volumes each, replaced one at a time"
    example = """\
type: cluster
version: "5.3.8"                # what runs; without it, name one: release cache@5.3.8
machine: cache                  # packer/cache; the default is the stack's own name
members: 3                      # each a stack of its own: cache-1, cache-2, cache-3
network: default                # or a stack of type network: main, over its zones
zones: 2
instance_type: t3.small
ingress:                        # who may reach each of them, the others among them
  - {port: 5701, from: 10.0.0.0/8}
data_volumes:
  - {mount: /data, size: 20 GiB}
health: {signal: true}          # the next one is replaced when this one is healthy
# dns: {zone: names, name: cache.acme.internal}   # cache-1.acme.internal, …
environment: {JAVA_OPTS: -Xmx1g}  # CLUSTER_MEMBER, CLUSTER_SIZE, CLUSTER_MEMBERS come by themselves
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        """The template of the first member; the others differ in number, zone and name."""
        member = wanted.definition.member(wanted.service, 1)
        network = offline_network(member, wanted.others)
        name = wanted.definition.names(wanted.service)[0]
        return SERVICE.build(replace(wanted, service=name, definition=member, network=network))  # type: ignore[arg-type]


TYPE = Cluster()
