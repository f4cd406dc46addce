"""What a change set only supposes: references to what is changed in place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisimus.stacks.resource_change import endangered, resource_change
from provisimus.stacks.supposed_changes import STAYING, certain

NEW_TAG = {"Target": {"Attribute": "Tags", "RequiresRecreation": "Never"}, "Evaluation": "Static"}
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"


def detail(
    name: str,
    source: str,
    entity: str | None = None,
    *,
    recreation: str = "Always",
    evaluation: str = "Static",
) -> dict[str, Any]:
    return {
        "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation},
        "Evaluation": evaluation,
        "ChangeSource": source,
        **({"CausingEntity": entity} if entity else {}),
    }


def modified(name: str, replacement: str, *details: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Action": "Modify",
        "LogicalResourceId": name,
        "ResourceType": f"Type::Of::{name}",
        "Replacement": replacement,
        "Details": list(details),
        **more,
    }


def dynamic(name: str) -> dict[str, Any]:
    return detail(name, "DirectModification", evaluation="Dynamic")


SUBNET = modified("Subnet", "False", {**NEW_TAG, "ChangeSource": "DirectModification"})


def test_a_new_tag_of_a_subnet_is_no_loss_of_the_volume_in_its_zone() -> None:
    zone = "AvailabilityZone"
    volume = modified(
        "Data",
        "True",
        detail(zone, "ResourceAttribute", "Subnet.AvailabilityZone"),
        dynamic(zone),
        ResourceType="AWS::EC2::Volume",
        PolicyAction="ReplaceAndSnapshot",
    )
    told = [resource_change(each) for each in (SUBNET, volume)]
    assert endangered(told) == {"Data": "replaced"}
    assert certain([SUBNET, volume]) == [SUBNET]


def test_what_depends_on_a_supposed_replacement_is_supposed_too() -> None:
    instance = modified(
        "Instance", "Conditional", detail("SubnetId", "ResourceReference", "Subnet")
    )
    address = modified("Address", "False", detail("InstanceId", "ResourceReference", "Instance"))
    assert certain([address, instance, SUBNET]) == [SUBNET]


@pytest.mark.parametrize(
    "cause",
    [
        detail("VpcId", "ResourceReference", "Other"),
        detail("VpcId", "ResourceReference", "Unlisted"),
        detail("Version", "ResourceAttribute", "Subnet.LatestVersionNumber"),
        detail("Secret", "ResourceAttribute", "Subnet.MasterUserSecret.SecretArn"),
        detail("Address", "ResourceAttribute", "Subnet.PublicIp"),
        detail("Cidr", "ParameterReference", "Cidr"),
        detail("Cidr", "DirectModification"),
        dynamic("Cidr"),
    ],
)
def test_what_may_well_change_stays(cause: dict[str, Any]) -> None:
    other = modified("Other", "True", detail("Cidr", "DirectModification"))
    user = modified("User", "Conditional", cause)
    assert certain([SUBNET, other, user]) == [SUBNET, other, user]


@pytest.mark.parametrize("kind", ["Custom::Lookup", "AWS::CloudFormation::CustomResource"])
def test_what_a_program_answers_may_be_another_id(kind: str) -> None:
    lookup = modified("Lookup", "False", detail("Name", "DirectModification"), ResourceType=kind)
    user = modified("User", "Conditional", detail("SubnetId", "ResourceReference", "Lookup"))
    assert certain([lookup, user]) == [lookup, user]


@pytest.mark.parametrize(
    ("after", "certainly"), [("subnet-2", True), (LATER, False), ("subnet-1", False)]
)
def test_a_value_that_is_told_is_believed(after: str, *, certainly: bool) -> None:
    cause = detail("SubnetId", "ResourceReference", "Subnet")
    cause["Target"] |= {"BeforeValue": "subnet-1", "AfterValue": after}
    instance = modified("Instance", "True", cause)
    assert certain([SUBNET, instance]) == [SUBNET, *([instance] if certainly else [])]


def test_what_is_changed_besides_is_told_alone() -> None:
    before = {"Properties": {"SubnetId": "subnet-1", "Size": 1}}
    after = {"Properties": {"SubnetId": LATER, "Size": 2}}
    size = detail("Size", "DirectModification", recreation="Never")
    instance = modified(
        "Instance",
        "True",
        detail("SubnetId", "ResourceReference", "Subnet"),
        size,
        PolicyAction="ReplaceAndDelete",
        BeforeContext=json.dumps(before),
        AfterContext=json.dumps(after),
    )
    [_, less] = certain([SUBNET, instance])
    assert less["Details"] == [size]
    assert less["Replacement"] == "False"
    assert "PolicyAction" not in less
    assert json.loads(less["AfterContext"]) == {"Properties": {"SubnetId": "subnet-1", "Size": 2}}


def test_a_template_that_says_something_else_is_believed() -> None:
    """The same property refers to what stays, and was written anew."""
    both = (
        detail("SubnetId", "ResourceReference", "Subnet"),
        detail("SubnetId", "DirectModification"),
    )
    instance = modified("Instance", "True", *both)
    assert certain([SUBNET, instance]) == [SUBNET, instance]


@pytest.mark.parametrize(
    ("perhaps", "replacement"), [("Conditionally", "Conditional"), ("Always", "True")]
)
def test_a_replacement_that_has_another_reason_stays(perhaps: str, replacement: str) -> None:
    reason = detail("Cpu", "ParameterReference", "Cpu", recreation=perhaps)
    supposed = detail("SubnetId", "ResourceReference", "Subnet")
    [_, less] = certain([SUBNET, modified("Instance", "True", supposed, reason)])
    assert less["Replacement"] == replacement


@pytest.mark.parametrize(
    ("attribute", "stays"),
    [
        ("Arn", True),
        ("LoadBalancerArn", True),
        ("GroupId", True),
        ("CanonicalHostedZoneID", True),
        ("Endpoint.Address", True),
        ("DefaultVersionArn", False),
        ("PublicDnsName", False),
        ("Outputs.Url", False),
        ("Value", False),
    ],
)
def test_attributes_that_last_as_long_as_what_they_are_of(attribute: str, *, stays: bool) -> None:
    assert bool(STAYING.fullmatch(attribute)) == stays
