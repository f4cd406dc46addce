"""What the stacks of an environment cost a month, estimated from their templates. Changes nothing.

An estimate tells what it leaves out: an unknown type, a region without prices and what is billed by
its use have no figure, never zero. The table is in `prices.py`, with its date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.environment import Environment
from provisimus.errors import Conflict, NotFound
from provisimus.model import Stack
from provisimus.stacks.live import SERVICE, list_stacks, template_of
from provisimus.tasks.prices import BY_USE, FREE, HOURS, PRICES, Prices


@dataclass(frozen=True)
class CostLine:
    """One resource. `usd` a month; None is not counted, and `what` says why."""

    service: str
    resource: str
    type: str
    what: str
    usd: float | None


@dataclass(frozen=True)
class Estimate:
    """`usd` is the sum of what is counted."""

    region: str
    as_of: str
    lines: tuple[CostLine, ...]

    @property
    def usd(self) -> float:
        return round(sum(each.usd or 0 for each in self.lines), 2)

    @property
    def uncounted(self) -> tuple[CostLine, ...]:
        return tuple(each for each in self.lines if each.usd is None)

    def of(self, service: str) -> float:
        return round(sum(each.usd or 0 for each in self.lines if each.service == service), 2)


def estimate_costs(
    environment: Environment, project: str, services: tuple[str, ...] = ()
) -> Estimate:
    """Of all stacks of a project, or of some. Raises NotFound for one that is not there."""
    from provisimus.tasks.prices import AS_OF

    found = list_stacks(environment, project)
    known = {each.tags.get(SERVICE, each.name): each for each in found}
    if missing := [name for name in services if name not in known]:
        raise NotFound(
            f"there is no stack of {', '.join(missing)} in {environment.name}",
            hint="see: provisimus stack list",
        )
    region = environment.cloud.region
    prices = PRICES.get(region)
    lines: list[CostLine] = []
    for name in services or sorted(known):
        lines += _of_stack(environment, name, known[name], prices, region)
    return Estimate(region, AS_OF, tuple(lines))


def _of_stack(
    environment: Environment, service: str, stack: Stack, prices: Prices | None, region: str
) -> list[CostLine]:
    try:
        template = template_of(environment, stack)
    except Conflict:
        what = "not counted: its template was not written by Provisimus"
        return [CostLine(service, stack.name, "AWS::CloudFormation::Stack", what, None)]
    return list(costs_of(service, template, stack.parameters, prices, region))


def costs_of(
    service: str,
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    prices: Prices | None,
    region: str,
) -> Iterator[CostLine]:
    """A line for each resource that costs something, or of which nobody knows here. Pure."""
    resources = template.get("Resources", {})
    defaults = {
        name: each["Default"]
        for name, each in template.get("Parameters", {}).items()
        if "Default" in each
    }
    given = {**defaults, **parameters}
    for name, resource in resources.items():
        kind = resource["Type"]
        if kind in FREE:
            continue
        if kind in BY_USE:
            yield CostLine(service, name, kind, f"not counted: billed {BY_USE[kind]}", None)
            continue
        if prices is None:
            yield CostLine(service, name, kind, f"not counted: no prices of {region}", None)
            continue
        properties = _values(resource.get("Properties", {}), given)
        if kind == "AWS::AutoScaling::AutoScalingGroup":
            properties = {**properties, "_template": _launched(properties, resources, given)}
        what, usd = _priced(kind, properties, prices)
        yield CostLine(service, name, kind, what, None if usd is None else round(usd, 2))


Priced = tuple[str, float | None]


def _priced(kind: str, properties: Mapping[str, Any], prices: Prices) -> Priced:
    """In words, and US dollars a month."""
    match kind:
        case "AWS::EC2::Instance":
            return _instances(1, properties, prices)
        case "AWS::AutoScaling::AutoScalingGroup":
            return _group(properties, prices)
        case "AWS::EC2::Volume":
            return _volume(properties.get("VolumeType", "gp2"), properties.get("Size"), prices)
        case "AWS::RDS::DBInstance":
            return _database(properties, prices)
        case "AWS::EC2::EIP":
            return "a public address", prices.public_address * HOURS
        case "AWS::EC2::NatGateway":
            return "a NAT gateway, without what passes through it", prices.nat_gateway * HOURS
        case "AWS::ElasticLoadBalancingV2::LoadBalancer":
            return "a load balancer, without what passes through it", prices.load_balancer * HOURS
        case "AWS::EC2::VPCEndpoint":
            if properties.get("VpcEndpointType", "Gateway") == "Gateway":
                return "a gateway endpoint is free", 0.0
            zones = len(properties.get("SubnetIds", ())) or 1
            return f"an interface endpoint in {zones} subnets", prices.endpoint * HOURS * zones
        case "AWS::CloudWatch::Alarm":
            return "an alarm", prices.alarm
        case "AWS::SecretsManager::Secret":
            return "a secret", prices.secret
        case "AWS::KMS::Key":
            return "a key", prices.key
        case "AWS::Route53::HostedZone":
            return "a zone", prices.zone
        case _:
            return f"not counted: no price of {kind} is known here", None


def _instances(count: int, properties: Mapping[str, Any], prices: Prices) -> Priced:
    """Instances that run all month, with the disks that they are launched with."""
    kind = properties.get("InstanceType")
    hourly = prices.instances.get(kind) if isinstance(kind, str) else None
    if hourly is None:
        return f"not counted: no price of {_told(kind)} is known here", None
    usd, words = hourly * HOURS, [str(kind)]
    for each in properties.get("BlockDeviceMappings", ()):
        disk = each.get("Ebs", {})
        told, cost = _volume(disk.get("VolumeType", "gp2"), disk.get("VolumeSize"), prices)
        if cost is None:
            # Its size is the machine image's.
            words.append("without its root disk")
        else:
            usd, words = usd + cost, [*words, told]
    many = f"{count} of " if count != 1 else ""
    return many + ", ".join(words), usd * count


def _group(properties: Mapping[str, Any], prices: Prices) -> Priced:
    count = properties.get("DesiredCapacity") or properties.get("MinSize")
    data = properties["_template"]
    if data is None or not str(count).isdigit():
        return "not counted: how many of what it launches does not stand in the template", None
    return _instances(int(str(count)), data, prices)


def _volume(kind: Any, size: Any, prices: Prices) -> Priced:
    per_gib = prices.volumes.get(kind) if isinstance(kind, str) else None
    if per_gib is None or not str(size).isdigit():
        return f"not counted: {_told(size)} GiB of {_told(kind)} have no price here", None
    return f"{size} GiB {kind}", per_gib * int(str(size))


def _database(properties: Mapping[str, Any], prices: Prices) -> Priced:
    kind, size = properties.get("DBInstanceClass"), properties.get("AllocatedStorage")
    hourly = prices.databases.get(kind) if isinstance(kind, str) else None
    if hourly is None or not str(size).isdigit():
        return f"not counted: no price of {_told(kind)} is known here", None
    copies = 2 if str(properties.get("MultiAZ", "")).lower() == "true" else 1
    usd = (hourly * HOURS + prices.database_storage * int(str(size))) * copies
    return f"{kind}, {size} GiB" + (" in two zones" if copies > 1 else ""), usd


def _launched(
    group: Mapping[str, Any], resources: Mapping[str, Any], given: Mapping[str, str]
) -> Mapping[str, Any] | None:
    """The data of the launch template that a group names in its own stack."""
    named = group.get("LaunchTemplate", {}).get("LaunchTemplateId")
    template = resources.get(named.get("Ref", "")) if isinstance(named, Mapping) else None
    if template is None:
        return None
    data: Mapping[str, Any] = _values(template["Properties"]["LaunchTemplateData"], given)
    return data


def _values(value: Any, given: Mapping[str, str]) -> Any:
    """Properties with the values of parameters; what else is a function stays one."""
    if isinstance(value, Mapping):
        if set(value) == {"Ref"} and value["Ref"] in given:
            return given[value["Ref"]]
        return {key: _values(each, given) for key, each in value.items()}
    if isinstance(value, list):
        return [_values(each, given) for each in value]
    return value


def _told(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else "what the template does not tell"
