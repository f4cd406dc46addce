"""What Route 53's zones of this cloud say of a name.

Sources: Route 53 Developer Guide, "Considerations when working with a private hosted zone" (the
most specific zone decides alone, a private one before a public one), "Choosing between alias and
non-alias records". Of records with a routing policy the first is taken.
"""

from __future__ import annotations

from typing import Any

from provisimus.localcloud.networks.resolver import Known

_CHAIN = 8
_LIFE = 60


def find_record(account: str, vpc: str, name: str, kind: str) -> Known | None:
    """What a zone that the VPC sees has for a name; None where no zone is in charge."""
    import sys

    if "moto.route53.models" not in sys.modules:  # no zone was ever made
        return None
    from moto.route53.models import route53_backends

    zones = list(route53_backends[account]["aws"].zones.values())
    return _find(zones, vpc, name, kind, _CHAIN)


def _find(zones: list[Any], vpc: str, name: str, kind: str, left: int) -> Known | None:
    zone = _in_charge(zones, vpc, name)
    if zone is None:
        return None
    records = [each for each in list(zone.rrsets) if _plain(each.name) == name]
    if not records:
        parent = name.partition(".")[2]
        records = [each for each in list(zone.rrsets) if _plain(each.name) == f"*.{parent}"]
    if kind == "ANY":
        return Known() if records else None
    found = next((each for each in records if each.type in (kind, "CNAME")), None)
    if found is None:
        return Known()
    if found.alias_target:
        target = _plain(str(found.alias_target["DNSName"]))
        further = _find(zones, vpc, target, kind, left - 1) if left else None
        return further or Known(alias=target)
    seconds = int(found.ttl or _LIFE)
    values = tuple(str(_value(each)) for each in found.records or ())
    if found.type == kind:
        return Known(values, seconds)
    target = _plain(values[0])
    further = _find(zones, vpc, target, kind, left - 1) if left else None
    return Known(further.values if further else (), seconds, target)


def _in_charge(zones: list[Any], vpc: str, name: str) -> Any:
    seen = [
        zone
        for zone in zones
        if f".{name}".endswith(f".{_plain(zone.name)}")
        and (not zone.private_zone or any(each.get("vpc_id") == vpc for each in zone.vpcs))
    ]
    return max(seen, key=lambda z: (len(_plain(z.name)), z.private_zone), default=None)


def _value(record: Any) -> object:
    return record.get("Value") if isinstance(record, dict) else record


def _plain(name: str) -> str:
    return name.rstrip(".").lower()
