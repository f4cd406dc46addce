"""Type `dns`: a zone of Route 53 and records in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from provisimus.workspace.definitions.common import Definition, Misfit, Name, Seconds
from provisimus.workspace.definitions.rules import limits
from provisimus.workspace.definitions.stack import Domain, StackDefinition, Use


class Record(Definition):
    name: Annotated[str, limits(pattern=r"^(@|[a-z0-9_*-]+(\.[a-z0-9_*-]+)*)$")]
    """Within the zone: www, or @ for the zone itself."""
    type: Literal["A", "AAAA", "CNAME", "MX", "TXT", "CAA", "SRV", "NS"] = "A"
    values: Annotated[tuple[str, ...], limits(min_length=1)]
    ttl: Seconds = 300

    def __post_init__(self) -> None:
        if self.type == "CNAME" and len(self.values) != 1:
            raise Misfit("a CNAME has one value", "values")
        if self.type in ("CNAME", "NS") and self.name == "@":
            raise Misfit(f"the zone itself cannot have a {self.type} of yours", "type")
        if self.type in ("A", "AAAA"):
            from ipaddress import IPv4Address, IPv6Address

            family: type[IPv4Address | IPv6Address]
            family = IPv4Address if self.type == "A" else IPv6Address
            for index, value in enumerate(self.values):
                try:
                    family(value)
                except ValueError:
                    said = f"{value!r} is no address for type {self.type}"
                    raise Misfit(said, "values", index) from None


class DnsDefinition(StackDefinition):
    zone: Domain
    """The name: acme.example."""
    networks: tuple[Name, ...] = ()
    """Stacks of type network whose machines alone see it; without one, the world does."""
    records: tuple[Record, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        seen: dict[str, set[str]] = {}
        for index, each in enumerate(self.records):
            types = seen.setdefault(each.name, set())
            if each.type in types:
                raise Misfit(f"{each.name} has two records of type {each.type}", "records", index)
            types.add(each.type)
            if "CNAME" in types and len(types) > 1:
                said = f"{each.name} is a CNAME, which stands alone"
                raise Misfit(said, "records", index)

    def uses(self) -> Iterator[Use]:
        for index, network in enumerate(self.networks):
            yield Use(network, ("networks", index), "network", ("VpcId",))


DEFINITION = DnsDefinition
