"""Type `certificate`: of AWS Certificate Manager, which renews it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from provisimus.workspace.definitions.common import Misfit
from provisimus.workspace.definitions.rules import limits
from provisimus.workspace.definitions.stack import (
    Domain,
    StackDefinition,
    Use,
    ZoneUse,
    uses_zone,
    within,
)


class CertificateDefinition(StackDefinition):
    domain: Domain
    """The name that it is for; *.acme.example is all of one level."""
    names: Annotated[tuple[Domain, ...], limits(max_length=9)] = ()
    """More of them."""
    zone: ZoneUse
    """A stack of type dns, or the id of a zone, Z…: there it is shown that the names are ours."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.domain) > 64:
            raise Misfit(
                "the first name of a certificate has 64 characters at most — "
                "put a shorter one first, and this one into names",
                "domain",
            )
        if len({self.domain, *self.names}) != 1 + len(self.names):
            raise Misfit("a name stands twice — leave one of them out", "names")
        for key, each in self._named():
            if "_" in each:
                raise Misfit(f"{each!r} has an underscore, which no certificate is for", *key)
            if len(each) > 253:
                raise Misfit("a name has 253 characters at most", *key)

    def _named(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every name with its key."""
        yield ("domain",), self.domain
        for index, each in enumerate(self.names):
            yield ("names", index), each

    def covers(self, name: str) -> bool:
        """Whether the certificate is for a name: itself, or by a * one level above it."""
        above = f"*.{name.partition('.')[2]}"
        return name in (self.domain, *self.names) or above in (self.domain, *self.names)

    def misfits(self, others: Mapping[str, StackDefinition]) -> Iterator[Misfit]:
        from provisimus.workspace.definitions.stacks.dns import DnsDefinition

        zone = others.get(self.zone)
        if not isinstance(zone, DnsDefinition):
            return
        if zone.networks:
            yield Misfit(
                f"the zone of {self.zone} is seen in its networks alone, so nobody outside can "
                "find that the names are ours — use a zone for the world",
                "zone",
            )
        for key, each in self._named():
            if not within(each.removeprefix("*."), zone.zone):
                yield Misfit(
                    f"{each} is not in the zone of {self.zone}, {zone.zone}: it would wait for "
                    "ever to be shown that the name is ours — take the name's own zone",
                    *key,
                )

    def uses(self) -> Iterator[Use]:
        yield from uses_zone(self.zone, "zone")


DEFINITION = CertificateDefinition
