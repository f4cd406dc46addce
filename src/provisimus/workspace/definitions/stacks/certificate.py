"""Type `certificate`: of AWS Certificate Manager, which renews it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from provisimus.workspace.definitions.common import Misfit
from provisimus.workspace.definitions.rules import limits
from provisimus.workspace.definitions.stack import Domain, StackDefinition, Use, ZoneUse, uses_zone


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
            raise Misfit("a name stands twice", "names")

    def uses(self) -> Iterator[Use]:
        yield from uses_zone(self.zone, "zone")


DEFINITION = CertificateDefinition
