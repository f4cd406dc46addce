"""Type `autoscaled-service`: as many instances as are needed, behind a load balancer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Annotated, ClassVar

from provisimus.workspace.definitions.aws_names import (
    InstanceType,
    KeyName,
    Topics,
    stack_or_arn_of,
)
from provisimus.workspace.definitions.common import Definition, Misfit, Port, Seconds, each_once
from provisimus.workspace.definitions.logs import ContainerLogs
from provisimus.workspace.definitions.rules import after, limits
from provisimus.workspace.definitions.stack import (
    Cidr,
    DnsName,
    Environment,
    MachineStack,
    Reachable,
    SpreadUse,
    StackDefinition,
    Use,
    network_used,
    used_by_network,
)

NARROWEST_OF_A_BALANCER = 27
"""Prefix length of its subnets ("Subnets for your load balancer", Application Load Balancers)."""

Percent = Annotated[int, limits(ge=0, le=100)]


class Size(Definition):
    """How many instances there are."""

    min: Annotated[int, limits(ge=1)] = 2
    max: Annotated[int, limits(ge=1)] = 4

    def __post_init__(self) -> None:
        if self.max < self.min:
            raise Misfit(f"at most {self.max} is less than at least {self.min}", "max")


class Balancer(Definition):
    """The load balancer: who may reach it, and how."""

    public: bool = True
    """In public subnets, reached from the internet; else in the instances' own."""
    sources: Annotated[tuple[Cidr, ...], limits(min_length=1), after(each_once)] = field(
        default=("0.0.0.0/0",), metadata={"alias": "from"}
    )
    """The networks that may reach it."""
    certificate: Annotated[str, after(stack_or_arn_of("acm"))] | None = None
    """A stack of type certificate, or an ARN: it then speaks TLS, and turns HTTP away to it."""
    idle: Annotated[Seconds, limits(ge=1, le=4000)] = 60
    """How long a connection may be silent."""


class Scaling(Definition):
    """What decides how many instances there are: at least one of them."""

    cpu: Annotated[int, limits(ge=10, le=90)] | None = None
    """Percent of processor time, averaged over the group."""
    requests: Annotated[int, limits(ge=1)] | None = None
    """Requests a minute for each instance."""

    def __post_init__(self) -> None:
        if self.cpu is None and self.requests is None:
            raise Misfit("it says nothing to scale by — say cpu: 60, or requests: 1000")


class Replacement(Definition):
    """How instances are replaced when their launch template changes, by an instance refresh."""

    at_least: Percent = 100
    """Percent of the instances that stay healthy meanwhile."""
    at_most: Annotated[int, limits(ge=100, le=200)] = 200
    """Percent of the instances that there are at most."""
    warmup: Seconds = 60
    """How long after it became healthy a new instance is waited for."""
    bake: Annotated[Seconds, limits(le=172_800)] = 0
    """How long after the last one the alarms may still call all of it back."""

    def __post_init__(self) -> None:
        if self.at_least == self.at_most == 100:
            raise Misfit("with 100 and 100 nothing can be replaced — give at_most more", "at_most")
        if self.at_most - self.at_least > 100:
            raise Misfit(
                "at_most may be 100 percent more than at_least, not more — "
                "Auto Scaling takes no wider range",
                "at_most",
            )


class BalancerAlarms(Definition):
    """What wakes somebody, and calls a replacement back while it goes on."""

    errors: Annotated[int, limits(ge=1)] = 10
    """Answers with 5xx in a minute, in three of five minutes."""
    notify: Topics = ()
    """ARNs of SNS topics."""


class AutoscaledServiceDefinition(MachineStack):
    several_zones: ClassVar[bool] = True

    network: SpreadUse = "default"
    """`default`, a stack of type network, or {vpc: vpc-…, subnets: […]}."""
    instance_type: InstanceType = "t3.small"
    key_name: KeyName | None = None
    """The key pair of the base's own user."""
    instances: Size = Size()
    port: Port | None = None
    """Where an instance answers; without one, the port of the machine's health check."""
    balancer: Balancer = Balancer()
    scaling: Scaling | None = None
    """Without it there are `instances.min` of them."""
    replacement: Replacement = Replacement()
    alarms: BalancerAlarms = BalancerAlarms()
    ingress: Reachable = ()
    """Who may reach the instances themselves, beside the load balancer."""
    dns: DnsName | None = None
    """A name for the load balancer."""
    environment: Environment = field(default_factory=dict)
    """Of the main container, as in a service."""
    logs: ContainerLogs | None = None
    """What the containers of every instance log, as in a service."""

    def uses(self) -> Iterator[Use]:
        front = "Public" if self.balancer.public else "Private"
        yield from used_by_network(self.network, "Private", front)
        if certificate := self._certificate:
            key = ("balancer", "certificate")
            yield Use(certificate, key, "certificate", ("CertificateArn",))
        if self.dns:
            yield from self.dns.uses()

    @property
    def _certificate(self) -> str | None:
        """The stack that gives the certificate, if one does."""
        said = self.balancer.certificate
        return None if said is None or said.startswith(("arn:", "${")) else said

    def misfits(self, others: Mapping[str, StackDefinition]) -> Iterator[Misfit]:
        from provisimus.workspace.definitions.stacks.certificate import CertificateDefinition
        from provisimus.workspace.definitions.stacks.network import NetworkDefinition, Tier

        if self.dns:
            yield from self.dns.misfits(others)
        shown = others.get(self._certificate or "")
        if (
            self.dns
            and isinstance(shown, CertificateDefinition)
            and not shown.covers(self.dns.name)
        ):
            yield Misfit(
                f"the certificate {self._certificate} is not for {self.dns.name} — "
                "add the name to its names",
                *("balancer", "certificate"),
            )
        network = others.get(network_used(self.network) or "")
        if isinstance(network, NetworkDefinition):
            tier: Tier = "public" if self.balancer.public else "private"
            for block in network.blocks().get(tier, ()):
                if block.prefixlen > NARROWEST_OF_A_BALANCER:
                    yield Misfit(
                        f"a load balancer needs a subnet of /{NARROWEST_OF_A_BALANCER} at least; "
                        f"the {tier} subnet {block} of {network_used(self.network)} is smaller",
                        "network",
                    )
                    break


DEFINITION = AutoscaledServiceDefinition
