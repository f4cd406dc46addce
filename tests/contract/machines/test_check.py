"""What is asked before a launch: of EC2, and of a registry that wants user and password."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.machines.pushing import MANIFEST, PASSWORD, push

from provisimus.environment import Environment
from provisimus.errors import NotFound, ProvisimusError, Unready
from provisimus.events import Event, Said, Warned, silence
from provisimus.images.registry import Registry
from provisimus.machines import ImageInput, MachinePlan, plan_machine
from provisimus.machines.access import ImageFacts, Login, Registries
from provisimus.machines.check import Checked, check
from provisimus.release.registries import RegistryAccess
from provisimus.workspace import open_workspace

RUN = "20260101T000000-abcdef"
REFERENCE = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
OLD = "and Packer 1.6.6 starts instances without asking for IMDSv2"
Planned = Callable[..., MachinePlan]


class Known:
    """Registries of which everything is known."""

    def __init__(self, facts: ImageFacts | None) -> None:
        self.facts = facts

    def look(self, reference: str) -> ImageFacts | None:
        return self.facts

    def login(self, reference: str) -> Login | None:
        return None


THERE = Known(ImageFacts({"linux/amd64": 1000}))


@pytest.fixture
def planned(environment: Environment, tmp_path: Path, packer_166: None) -> Planned:
    root = tmp_path / "acme"
    (root / "packer/greeter").mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        'project: acme\nbases: {debian-12: {aws: {owner: "123456789012", name: "debian-12-*"}}}\n'
    )
    ec2: Any = environment.cloud.ec2
    ec2.register_image(Name="debian-12-amd64", RootDeviceName="/dev/xvda", Architecture="x86_64")

    def again(more: str = "") -> MachinePlan:
        (root / "packer/greeter/machine.yaml").write_text(
            f'base: debian-12\nmain: {{image: "{REFERENCE}", name: greeter}}\n{more}'
        )
        image = ImageInput("greeter", None, REFERENCE)
        workspace = open_workspace(root)
        return plan_machine(workspace, environment, "greeter", "1.0.0", {"greeter": image})

    return again


@pytest.fixture
def packer_166(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin/packer"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho Packer v1.6.6\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def looked(
    plan: MachinePlan, environment: Environment, registries: Registries = THERE
) -> tuple[Checked, list[Event]]:
    events: list[Event] = []
    images = {"greeter": REFERENCE}
    return check(plan, environment, images, RUN, "acme-x", registries, events.append), events


def whats(caught: pytest.ExceptionInfo[Unready]) -> list[str]:
    return [each.what for each in caught.value.findings]


def test_all_is_well_and_what_is_not_known_is_said(
    environment: Environment, planned: Planned
) -> None:
    checked, events = looked(planned("disk: 20 GiB\n"), environment)
    assert checked.base.name == "debian-12-amd64"
    (said,) = [event.text for event in events if isinstance(event, Said)]
    assert said.startswith("not known: could not ask for the quota of running on-demand vCPUs")


def test_everything_that_is_wrong_is_told_at_once(
    environment: Environment, planned: Planned
) -> None:
    ec2: Any = environment.cloud.ec2
    table = ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"]
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    with pytest.raises(Unready) as caught:
        looked(planned("instance_type: m6g.large\ndisk: 4 GiB\n"), environment, Known(None))
    assert str(caught.value).startswith("4 things stand in the way of the bake of greeter\n")
    first, second, third, fourth = whats(caught)
    assert first == "m6g.large runs arm64, and the base debian-12-amd64 is x86_64"
    assert "has no way out" in second
    assert third == f"the image {REFERENCE} is not in its registry"
    assert fourth == "4 GiB is less than the 15 GiB of its base"


def test_one_thing_is_told_as_itself(
    environment: Environment, planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned()
    ec2: Any = environment.cloud.ec2
    ec2.deregister_image(ImageId=ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"])
    with pytest.raises(NotFound, match="there is no AMI debian-12-"):
        looked(plan, environment)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unready) as caught:
        looked(plan, environment)
    assert whats(caught) == [
        "the program packer is not installed",
        "there is no AMI debian-12-* of 123456789012 to start from",
    ]


def test_an_instance_type_that_is_not_there(environment: Environment, planned: Planned) -> None:
    with pytest.raises(Unready) as caught:
        looked(planned("instance_type: t99.huge\ndisk: 20 GiB\n"), environment)
    assert whats(caught) == ["there is no instance type t99.huge in this region"]


def test_a_subnet_behind_a_nat_lets_nobody_in(environment: Environment, planned: Planned) -> None:
    ec2: Any = environment.cloud.ec2
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.200.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(
        RouteTableId=table,
        DestinationCidrBlock="0.0.0.0/0",
        NatGatewayId=nat["NatGatewayId"],
    )
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    private = replace(environment, subnet=subnet)
    with pytest.raises(Unready) as caught:
        looked(planned("disk: 20 GiB\n"), private)
    assert whats(caught) == [
        f"Packer comes in over a public address, and the way out of {subnet} is NAT gateway"
    ]


def test_an_account_that_enforces_imdsv2(environment: Environment, planned: Planned) -> None:
    ec2: Any = environment.cloud.ec2
    ec2.modify_instance_metadata_defaults(HttpTokens="required")
    _, events = looked(planned("disk: 20 GiB\n"), environment)
    warning, unpinned = [event.text for event in events if isinstance(event, Warned)]
    assert unpinned.startswith("the base debian-12 is not pinned in staging")
    assert warning.startswith("the account makes instances IMDSv2-only, and Packer 1.6.6")

    ec2.modify_instance_metadata_defaults(HttpTokens="optional", HttpTokensEnforced="enabled")
    with pytest.raises(Unready) as caught:
        looked(planned("disk: 20 GiB\n"), environment)
    assert whats(caught) == [f"the account starts none without IMDSv2, {OLD}"]


# ---- the registry, through the chain's access to it ----------------------------------------------


def test_an_image_is_looked_for_with_its_registrys_credentials(guarded: str) -> None:
    access = RegistryAccess()
    reference = push(guarded, "arm64")
    assert access.look(reference) == ImageFacts({"linux/arm64": 1500})
    assert access.look(f"{guarded}/greeter@sha256:{'1f' * 32}") is None
    assert access.login(reference) == Login(guarded, "ci", PASSWORD)
    assert PASSWORD not in repr(access.login(reference))


def test_an_index_has_a_size_for_each_platform(guarded: str) -> None:
    registry = Registry(guarded)
    kind = "application/vnd.oci.image.index.v1+json"
    images = {name: push(guarded, name).partition("@")[2] for name in ("amd64", "arm64")}
    manifests = [
        {
            "mediaType": MANIFEST,
            "digest": digest,
            "size": 1,
            "platform": {"os": "linux", "architecture": name},
        }
        for name, digest in images.items()
    ]
    attestation = {**manifests[0], "platform": {"os": "unknown", "architecture": "unknown"}}
    other = {**manifests[0], "platform": {"os": "linux", "architecture": "s390x"}}
    listed = [*manifests, attestation, other]
    text = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": listed}).encode()
    digest = registry.put_manifest("greeter", "latest", kind, text)
    facts = RegistryAccess().look(f"{guarded}/greeter@{digest}")
    assert facts == ImageFacts({"linux/amd64": 1500, "linux/arm64": 1500, "linux/s390x": 0})


def test_without_credentials_the_check_says_how_to_log_in(
    guarded: str, environment: Environment, planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = push(guarded)
    monkeypatch.setenv("DOCKER_CONFIG", "/nowhere")
    with pytest.raises(ProvisimusError, match="wants credentials") as caught:
        check(
            *(planned("disk: 20 GiB\n"), environment, {"greeter": reference}, RUN, "acme-x"),
            *(RegistryAccess(), silence),
        )
    assert caught.value.hint == f"log in: docker login {guarded}"
