"""Finding out what ``preflight.py`` decides upon: many questions to EC2 and registries at once.

Read-only. What is not answered (a missing permission, a registry that only the machine reaches) is
not known: it is told, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from provisimus.aws import CloudFault, speaking
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError, Unreachable
from provisimus.machines.access import ImageFacts, Registries
from provisimus.machines.catalogue import vpc_of
from provisimus.machines.preflight import QUOTAS, Facts, InstanceType, Metadata, Quota, Way, family

if TYPE_CHECKING:
    from concurrent.futures import Future

THREADS = 12
Value = TypeVar("Value")


@dataclass(frozen=True)
class Answers:
    """`unknown` names what was not answered, and why; `faults` is what was refused outright."""

    facts: Facts
    unknown: tuple[str, ...] = ()
    faults: tuple[ProvisimusError, ...] = ()


class _Answering:
    """Takes answers one by one, with what stood in the way of each kept apart."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self.faults: list[ProvisimusError] = []

    def answer(self, future: Future[Value], *, must: bool = False) -> Value | None:
        """None when it is not known. With `must`, no answer is a fault."""
        try:
            return future.result()
        except ProvisimusError as error:
            if must:
                self.faults.append(error)
            else:
                self.unknown.append(error.message)
            return None


def ask(
    environment: Environment,
    facts: Facts,
    references: Iterable[str],
    registries: Registries | None,
) -> Answers:
    """Everything that can be known of `facts`, which name what is asked for. Under a second.

    In the local cloud there are no quotas and policies, and its network needs no gateway.
    """
    from concurrent.futures import ThreadPoolExecutor

    cloud = environment.cloud
    # Clients are made here: botocore makes them in one thread at a time.
    ec2, quotas = cloud.ec2, cloud.quotas if environment.local is None else None
    with ThreadPoolExecutor(THREADS) as pool:
        asking = _Answering()
        name = pool.submit(_name_taken, environment, ec2, facts.name)
        looks = (
            {
                reference: pool.submit(registries.look, reference)
                for reference in dict.fromkeys(references)
            }
            if registries
            else {}
        )
        if environment.local is None:
            kind = pool.submit(_type, environment, ec2, facts.instance_type)
            quota = pool.submit(_quota, environment, ec2, quotas, facts.instance_type)
            ways = pool.submit(_ways, environment, ec2)
            metadata = pool.submit(_metadata, environment, ec2)
            launch = pool.submit(_may_launch, environment, ec2, facts)
            found = asking.answer(kind)
            first, second = asking.answer(launch) or (None, None)
            facts = replace(
                facts,
                type=found if isinstance(found, InstanceType) else None,
                type_known=found != NO_SUCH_TYPE,
                quota=asking.answer(quota),
                ways=asking.answer(ways, must=True),
                metadata=asking.answer(metadata),
                may_launch=first,
                may_launch_imdsv2=second,
            )
        taken = asking.answer(name)
        facts = replace(
            facts,
            name_taken=taken is True,
            images=_images(asking, looks),
        )
    return Answers(facts, tuple(asking.unknown), tuple(asking.faults))


def _images(
    asking: _Answering, looks: dict[str, Future[ImageFacts | None]]
) -> dict[str, ImageFacts | None]:
    images = {}
    for reference, future in looks.items():
        try:
            images[reference] = future.result()
        except Unreachable as error:
            # A registry may let in the machine and not us.
            asking.unknown.append(f"whether {reference} is there: {error.message}")
        except ProvisimusError as error:
            asking.faults.append(error)
    return images


def _name_taken(environment: Environment, ec2: Any, name: str) -> bool:
    with speaking(environment.cloud, f"look for an AMI named {name}"):
        found = ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [name]}])
    return bool(found["Images"])


NO_SUCH_TYPE = "there is none"


def _type(environment: Environment, ec2: Any, name: str) -> InstanceType | str:
    try:
        with speaking(environment.cloud, f"look at the instance type {name}"):
            found = ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"]
    except CloudFault as error:
        if error.code == "InvalidInstanceType":
            return NO_SUCH_TYPE
        raise
    if not found:
        return NO_SUCH_TYPE
    return InstanceType(
        tuple(found[0]["ProcessorInfo"]["SupportedArchitectures"]),
        int(found[0]["VCpuInfo"]["DefaultVCpus"]),
    )


def _quota(environment: Environment, ec2: Any, quotas: Any, instance_type: str) -> Quota | None:
    code = QUOTAS.get(family(instance_type))
    if code is None:
        return None
    with speaking(environment.cloud, "ask for the quota of running on-demand vCPUs"):
        limit = quotas.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"]
    with speaking(environment.cloud, "count the running vCPUs"):
        pages = ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        )
        running = [
            each
            for page in pages
            for reservation in page["Reservations"]
            for each in reservation["Instances"]
        ]
    return Quota(float(limit), sum(_vcpus(each, code) for each in running))


def _vcpus(instance: dict[str, Any], code: str) -> int:
    """What an instance takes of a quota. Spot instances have quotas of their own."""
    counts = QUOTAS.get(family(instance.get("InstanceType", ""))) == code
    if not counts or instance.get("InstanceLifecycle") == "spot":
        return 0
    options = instance.get("CpuOptions", {})
    return int(options.get("CoreCount", 0)) * int(options.get("ThreadsPerCore", 0))


def _ways(environment: Environment, ec2: Any) -> tuple[Way, ...]:
    """The subnets that the machine may land in. Raises Refused without a VPC to bake in."""
    vpc = vpc_of(environment)
    chosen = {"Name": "default-for-az", "Values": ["true"]}
    if environment.subnet:
        chosen = {"Name": "subnet-id", "Values": [environment.subnet]}
    here = {"Name": "vpc-id", "Values": [vpc]}
    with speaking(environment.cloud, f"look for the way out of {environment.subnet or vpc}"):
        subnets = ec2.describe_subnets(Filters=[here, chosen])["Subnets"]
        tables = ec2.describe_route_tables(Filters=[here])["RouteTables"]
    return tuple(
        Way(each["SubnetId"], way_out(each["SubnetId"], tables), each["MapPublicIpOnLaunch"])
        for each in subnets
    )


def way_out(subnet: str, tables: list[dict[str, Any]]) -> str | None:
    """Where a VPC's route tables send what a subnet wants to go everywhere. Pure."""
    for explicit in (True, False):
        for table in tables:
            for link in table.get("Associations", ()):
                if link.get("SubnetId") == subnet if explicit else link.get("Main"):
                    return _default_route(table.get("Routes", ()))
    return None


def _default_route(routes: Iterable[dict[str, Any]]) -> str | None:
    for route in routes:
        if route.get("DestinationCidrBlock") != "0.0.0.0/0" or route.get("State") == "blackhole":
            continue
        if str(route.get("GatewayId", "")).startswith("igw-"):
            return "internet gateway"
        if route.get("NatGatewayId"):
            return "NAT gateway"
        ends = ("GatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId")
        return next((route[end] for end in ends if route.get(end)), "unknown")
    return None


def _metadata(environment: Environment, ec2: Any) -> Metadata:
    with speaking(environment.cloud, "ask for the account's defaults of the metadata service"):
        given = ec2.get_instance_metadata_defaults().get("AccountLevel", {})
    return Metadata(given.get("HttpTokens"), given.get("HttpTokensEnforced") == "enabled")


def _may_launch(
    environment: Environment, ec2: Any, facts: Facts
) -> tuple[bool | None, bool | None]:
    """Whether an instance may be started as the template would, and with IMDSv2 required.

    Asked by dry runs, which check permissions and policies and start nothing.
    """
    if facts.base is None:
        return None, None
    plain = _dry_run(environment, ec2, facts, required=facts.asks_imdsv2)
    if plain is not False or facts.asks_imdsv2:
        return plain, None
    return plain, _dry_run(environment, ec2, facts, required=True)


def _dry_run(environment: Environment, ec2: Any, facts: Facts, *, required: bool) -> bool | None:
    assert facts.base is not None
    options: dict[str, Any] = {"MetadataOptions": {"HttpTokens": "required"}} if required else {}
    if environment.subnet:
        options["SubnetId"] = environment.subnet
    try:
        with speaking(environment.cloud, "ask whether an instance may be started"):
            ec2.run_instances(
                DryRun=True,
                ImageId=facts.base.image_id,
                InstanceType=facts.instance_type,
                MinCount=1,
                MaxCount=1,
                **options,
            )
    except CloudFault as error:
        answers = {"DryRunOperation": True, "UnauthorizedOperation": False}
        return answers.get(error.code)
    return None
