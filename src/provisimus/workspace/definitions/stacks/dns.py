"""Type `dns`: a zone of Route 53 and records in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from provisimus.workspace.definitions.common import Definition, Misfit, Name, Seconds, each_once
from provisimus.workspace.definitions.rules import after, limits
from provisimus.workspace.definitions.stack import StackDefinition, Use, ZoneName

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = rf"({_LABEL}\.)*{_LABEL}\.?"
_NUMBER = r"(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
_FORMS = {
    "CNAME": (_HOST, "greeter.acme.example"),
    "NS": (_HOST, "ns1.acme.example"),
    "MX": (rf"{_NUMBER} {_HOST}", "10 mail.acme.example"),
    "SRV": (rf"{_NUMBER} {_NUMBER} {_NUMBER} {_HOST}", "10 5 443 greeter.acme.example"),
    "CAA": (r'(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]) [a-z0-9]+ ".*"', '0 issue "amazonaws.com"'),
}
"""How the values of a record are written ("Supported DNS record types", Route 53)."""
LONGEST_TTL = 2_147_483_647
"""Seconds (ResourceRecordSet, TTL)."""


class Record(Definition):
    name: Annotated[
        str, limits(pattern=r"^(@|(\*|[a-z0-9_-]{1,63})(\.[a-z0-9_-]{1,63})*)$", max_length=253)
    ]
    """Within the zone: www, or @ for the zone itself."""
    type: Literal["A", "AAAA", "CNAME", "MX", "TXT", "CAA", "SRV", "NS"] = "A"
    values: Annotated[tuple[str, ...], limits(min_length=1, max_length=400), after(each_once)]
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
        self._check_values()
        if self.ttl > LONGEST_TTL:
            raise Misfit("Route 53 keeps nothing in mind for so long — write 1d", "ttl")
        if self.type == "NS" and self.name.startswith("*"):
            raise Misfit("an NS is for one name — no * here", "name")

    def _check_values(self) -> None:
        for index, value in enumerate(self.values):
            if self.type in _FORMS and "${" not in value:
                form, example = _FORMS[self.type]
                if not re.fullmatch(form, value):
                    said = f"{value!r} is no value for type {self.type} — write {example}"
                    raise Misfit(said, "values", index)
            if self.type == "TXT" and not value.startswith('"') and len(value) > 255:
                raise Misfit(
                    'a text has 255 characters at most — write several: \'"…" "…"\'',
                    *("values", index),
                )

    def within(self, zone: str) -> str:
        """Its whole name."""
        return zone if self.name == "@" else f"{self.name}.{zone}"


class DnsDefinition(StackDefinition):
    zone: ZoneName
    """The name: acme.example."""
    networks: Annotated[tuple[Name, ...], after(each_once)] = ()
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
            if len(each.within(self.zone)) > 255:
                raise Misfit("its whole name has more than 255 characters", "records", index)
            if "CNAME" in types and len(types) > 1:
                said = f"{each.name} is a CNAME, which stands alone"
                raise Misfit(said, "records", index)

    def uses(self) -> Iterator[Use]:
        for index, network in enumerate(self.networks):
            yield Use(network, ("networks", index), "network", ("VpcId",))

    def misfits(self, others: Mapping[str, StackDefinition]) -> Iterator[Misfit]:
        from provisimus.workspace.definitions.stacks.network import NetworkDefinition

        for index, name in enumerate(self.networks):
            network = others.get(name)
            if isinstance(network, NetworkDefinition) and network.dns == self.zone:
                yield Misfit(
                    f"{name} has a zone {self.zone} of its own already — "
                    f"leave out dns: there, or take another zone",
                    *("networks", index),
                )


DEFINITION = DnsDefinition
