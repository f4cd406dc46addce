"""Golden templates that need machines or other stacks, made in a local cloud: nothing differs.

One cloud for all of them. The stacks that they take outputs of are made when the first one asks;
ids that the sets of parameters make up are replaced by those of what is there. Machines are tiny
ones. What needs nothing else is read back in test_golden_read_back.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from tests.contract.localcloud.conftest import LocalCloud
from tests.contract.localcloud.databases import needs_networks
from tests.contract.stacks.test_golden_read_back import CASES as ALONE
from tests.in_sync import differing
from tests.ports import free_port
from tests.unit.stacks import test_service
from tests.unit.stacks.types import (
    test_access,
    test_autoscaled_service,
    test_bastion,
    test_bucket,
    test_certificate,
    test_cluster,
    test_database,
    test_dns,
    test_network,
    test_raw,
    test_registry,
)

from provisimus.localcloud.databases.installed import servers
from provisimus.stacks.template import body_of, capabilities_of
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.workspace.definitions.stacks.bastion import AMAZON_LINUX, AMAZON_LINUX_ARM

MODULES = (
    test_access, test_autoscaled_service, test_bastion, test_bucket, test_certificate,
    test_cluster, test_database, test_dns, test_network, test_raw, test_registry, test_service,
)  # fmt: skip
CASES = {
    f"{module.TYPE.name}-{name}": (module.TYPE, wanted)
    for module in MODULES
    for name, wanted in module.CASES.items()
    if f"{module.TYPE.name}-{name}" not in ALONE
}
REFUSED = {
    "database-mysql": "mysql8.4 is not a valid parameter group family here",
    "raw-plain": "Resource type AWS::SQS::Queue",
}
"""What the local cloud does not make, by the words in which it says so."""
NEEDED = {
    "main": ("network", {"zones": 3}),
    "names": ("dns", {"zone": "acme.example"}),
    "web": ("certificate", {"domain": "acme.example", "zone": "names"}),
    "orders-db": ("database", {"network": "main", "protect": False, "backups": {"keep": "1d"}}),
}
"""The stacks that others take outputs of: type and definition."""
PATIENCE = 100
"""Seconds until a stack is there, or what it waits for."""
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/1"
SNAPSHOT = "orders-final-2030-01-02"
WITH_MACHINES = {"autoscaled-service", "bastion", "cluster", "service"}
WITH_DATABASES = {"bastion", "database", "service"}
INTERNAL = "acme.internal"
OWN_IMAGE = "/acme/images/way-in"


@dataclass
class Company:
    """What is there: a cloud, and the stacks that were needed so far."""

    cloud: LocalCloud
    zones: dict[str, str]
    """The ids of hosted zones, by name."""
    known: dict[str, str] = field(default_factory=dict)
    """The ids of what is there, by those that the sets of parameters make up."""
    made: set[str] = field(default_factory=set)

    @cached_property
    def image(self) -> str:
        """A tiny machine image, made when the first one asks; a parameter of SSM names it."""
        order = {"name": "tiny-golden", "owner": "136693071363", "kind": "tiny"}
        made = str(json.loads(self.cloud.post("bases", order).text.splitlines()[-1])["image_id"])
        self.cloud.client("ssm").put_parameter(
            Name=OWN_IMAGE, Value=made, Type="String", DataType="aws:ec2:image"
        )
        return made

    @property
    def formation(self) -> Any:
        return self.cloud.client("cloudformation")

    def need(self, name: str) -> None:
        if name in self.made:
            return
        kind, given = NEEDED[name]
        if name == "web":
            self.need("names")
        if name == "orders-db":
            self.need("main")
        module = next(each for each in MODULES if each.TYPE.name == kind)
        self.create(f"acme-local-{name}", module.TYPE, module.wanted(**given))
        self.made.add(name)
        if name == "web":
            self.known[CERTIFICATE] = self.output("acme-local-web", "CertificateArn")

    def create(self, name: str, kind: StackType[Any], wanted: WantedStack[Any]) -> None:
        """Make it, to its end. Raises AssertionError with what its events say."""
        self.known["Z0123456789"] = self.zones[getattr(wanted.definition, "domain", INTERNAL)]
        template = json.loads(self.real(json.dumps(kind.build(wanted))))
        given = {key: self.real(each) for key, each in kind.parameters(wanted).items()}
        declared = template.get("Parameters", {})
        if "EngineVersion" in given:
            given["EngineVersion"] = str(servers()[0].major)
        if wanted.version:  # of a machine; the type `cluster` leaves them to its members
            size = getattr(wanted.definition, "instance_type", "")
            given = {"Version": wanted.version, "InstanceType": size, **given}
            given |= {"ImageId": self.image, "RootDevice": "/dev/xvda"}
        self.formation.create_stack(
            StackName=name,
            TemplateBody=body_of(template),
            Capabilities=capabilities_of(template),
            Parameters=[
                {"ParameterKey": key, "ParameterValue": given[key]}
                for key in declared
                if key in given
            ],
        )
        for logical_id, each in template["Resources"].items():
            if each["Type"] == "AWS::CloudFormation::WaitCondition":
                self.signal(name, logical_id)
        waiter = self.formation.get_waiter("stack_create_complete")
        try:
            waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE})
        except WaiterError:
            raise AssertionError(self.reasons(name)) from None

    def keep(self, snapshot: str) -> None:
        """Have a snapshot of the database of orders."""
        self.need("orders-db")
        rds = self.cloud.client("rds")
        database = rds.describe_db_instances()["DBInstances"][0]["DBInstanceIdentifier"]
        rds.create_db_snapshot(DBInstanceIdentifier=database, DBSnapshotIdentifier=snapshot)
        rds.get_waiter("db_snapshot_available").wait(
            DBSnapshotIdentifier=snapshot, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
        )

    def delete(self, name: str) -> None:
        """Delete it with what is protected."""
        told = self.formation.list_stack_resources(StackName=name)["StackResourceSummaries"]
        for each in told:
            if each["ResourceType"] == "AWS::RDS::DBInstance":
                self.cloud.client("rds").modify_db_instance(
                    DBInstanceIdentifier=each["PhysicalResourceId"], DeletionProtection=False
                )
        self.formation.delete_stack(StackName=name)
        self.formation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
        )

    def output(self, stack: str, name: str) -> str:
        outputs = self.formation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        return str(next(each["OutputValue"] for each in outputs if each["OutputKey"] == name))

    def real(self, text: str) -> str:
        # In one go: what there is may begin like what is made up.
        made_up = "|".join(map(re.escape, sorted(self.known, key=len, reverse=True)))
        return re.sub(made_up, lambda found: self.known[found[0]], text)

    def signal(self, name: str, logical_id: str) -> None:
        """Say what a machine would say of itself, as soon as it is waited for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            told = self.formation.describe_stack_events(StackName=name)["StackEvents"]
            if any(each["LogicalResourceId"] == logical_id for each in told):
                break
            assert time.monotonic() < deadline, self.reasons(name)
            time.sleep(0.1)
        self.formation.signal_resource(
            StackName=name, LogicalResourceId=logical_id, UniqueId="machine", Status="SUCCESS"
        )

    def reasons(self, name: str) -> list[str]:
        events = self.formation.describe_stack_events(StackName=name)["StackEvents"]
        return [each["ResourceStatusReason"] for each in events if "ResourceStatusReason" in each]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    cloud = LocalCloud(tmp_path_factory.mktemp("golden") / "cloud", free_port(), free_port())
    cloud.start()
    try:
        yield furnished(cloud)
    finally:
        cloud.stop()


def furnished(cloud: LocalCloud) -> Company:
    ec2, route53 = cloud.client("ec2"), cloud.client("route53")
    ec2.create_key_pair(KeyName="ops")
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    placed = {each["AvailabilityZone"]: each for each in subnets["Subnets"]}
    zones = {
        name: route53.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"]
        for name in (INTERNAL, "acme.example")
    }
    zones = {name: each.rpartition("/")[2] for name, each in zones.items()}
    known = {
        AMAZON_LINUX: OWN_IMAGE,
        AMAZON_LINUX_ARM: OWN_IMAGE,
        "t4g.nano": "t3.nano",  # of the architecture that there is
        "vpc-1": placed["eu-west-1a"]["VpcId"],
        "subnet-1": placed["eu-west-1a"]["SubnetId"],
        "subnet-2": placed["eu-west-1b"]["SubnetId"],
        "Z0123456789ABCDEFGHIJ": zones[INTERNAL],
    }
    if servers():
        ours = f"postgres{servers()[0].major}"
        known |= dict.fromkeys(("postgres16", "postgres17"), ours)
    return Company(cloud, zones, known)


@pytest.mark.parametrize("name", sorted(CASES))
def test_nothing_of_a_golden_stack_differs(name: str, company: Company, long: bool) -> None:
    kind, wanted = CASES[name]
    if kind.name in WITH_MACHINES and not (long and os.geteuid() == 0):
        pytest.skip("boots machines; runs with --all, as root")
    if kind.name in WITH_DATABASES:
        needs_networks(company.cloud)
        if not servers():
            pytest.skip("needs PostgreSQL's server")
    written = json.dumps([kind.build(wanted), kind.parameters(wanted)])
    for other in NEEDED:
        if f"acme-local-{other}" in written or (other == "web" and CERTIFICATE in written):
            company.need(other)
    if kind.name in WITH_MACHINES:
        assert company.image
    if SNAPSHOT in written:
        if not long:
            pytest.skip("makes two databases; runs with --all")
        company.keep(SNAPSHOT)
    stack = f"golden-{name}"
    if name in REFUSED:
        with pytest.raises((ClientError, AssertionError), match=REFUSED[name]):
            company.create(stack, kind, wanted)
        return
    company.create(stack, kind, wanted)
    assert differing(company.formation, stack) == {}
    company.delete(stack)


def test_the_image_of_a_bastion_is_not_here_and_nothing_says_that_it_is(company: Company) -> None:
    ssm = company.cloud.client("ssm")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=AMAZON_LINUX)
    folder = AMAZON_LINUX.rpartition("/")[0]
    assert ssm.get_parameters_by_path(Path=folder, Recursive=True)["Parameters"] == []
    wanted = test_bastion.CASES["plain"]
    given = {**test_bastion.TYPE.parameters(wanted), "MachineImage": AMAZON_LINUX}
    with pytest.raises(ClientError, match="put a parameter of your own that names one it has"):
        company.formation.create_stack(
            StackName="way-in",
            TemplateBody=body_of(test_bastion.TYPE.build(wanted)),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": company.real(value)}
                if key != "MachineImage"
                else {"ParameterKey": key, "ParameterValue": value}
                for key, value in given.items()
            ],
        )
    with pytest.raises(ssm.exceptions.TargetNotConnected, match="Session Manager is not simulated"):
        ssm.start_session(Target="i-0123456789abcdef0")
    with pytest.raises(ssm.exceptions.InvalidInstanceId, match="Run Command is not simulated"):
        ssm.send_command(DocumentName="AWS-RunShellScript", InstanceIds=["i-0123456789abcdef0"])
