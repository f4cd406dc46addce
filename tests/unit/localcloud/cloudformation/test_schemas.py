"""What AWS's schemas say: replacement, coercion, tags. And that every handler agrees with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.handlers import all_handlers
from provisimus.localcloud.cloudformation.schemas import schema_of


@pytest.mark.parametrize(
    ("type_name", "name", "recreation"),
    [
        ("AWS::EC2::Instance", "ImageId", "Always"),
        ("AWS::EC2::Instance", "SubnetId", "Always"),
        ("AWS::EC2::Instance", "InstanceType", "Conditionally"),
        ("AWS::EC2::Instance", "UserData", "Conditionally"),
        ("AWS::EC2::Instance", "Tags", "Never"),
        ("AWS::EC2::SecurityGroup", "GroupDescription", "Always"),
        ("AWS::EC2::SecurityGroup", "SecurityGroupIngress", "Never"),
        ("AWS::EC2::VolumeAttachment", "InstanceId", "Always"),
        ("AWS::IAM::Role", "RoleName", "Always"),
        ("AWS::IAM::Role", "Policies", "Never"),
    ],
)
def test_what_replaces(type_name: str, name: str, recreation: str) -> None:
    assert schema_of(type_name).recreation(name) == recreation


def test_scalars_take_the_types_of_the_schema() -> None:
    volume = schema_of("AWS::EC2::Volume")
    assert volume.coerce({"Size": "8", "Encrypted": "true", "VolumeType": "gp3"}) == {
        "Size": 8,
        "Encrypted": True,
        "VolumeType": "gp3",
    }
    instance = schema_of("AWS::EC2::Instance")
    assert instance.coerce(
        {
            "MetadataOptions": {"HttpPutResponseHopLimit": "2"},
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": "9"}}],
            "Tags": [{"Key": "n", "Value": 1}],
        }
    ) == {
        "MetadataOptions": {"HttpPutResponseHopLimit": 2},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9}}],
        "Tags": [{"Key": "n", "Value": "1"}],
    }


def test_what_cannot_be_coerced_is_left_to_the_service() -> None:
    assert schema_of("AWS::EC2::Volume").coerce({"Size": "big"}) == {"Size": "big"}


def test_what_is_missing_or_too_much_is_told_as_aws_tells_it() -> None:
    group = schema_of("AWS::EC2::SecurityGroup")
    assert group.complaint({}) == "#: required key [GroupDescription] not found"
    assert (
        group.complaint({"GroupDescription": "x", "Colour": "red"})
        == "#: extraneous key [Colour] is not permitted"
    )
    assert group.complaint({"GroupDescription": "x"}) is None


def test_system_tags_go_where_cloudformation_puts_them() -> None:
    system = {name: schema_of(name).system_tags for name in sorted(all_handlers())}
    assert {name for name, there in system.items() if not there} == {
        "AWS::AutoScaling::LifecycleHook",
        "AWS::AutoScaling::ScalingPolicy",
        "AWS::CloudFormation::WaitCondition",
        "AWS::EC2::EIPAssociation",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::NetworkAclEntry",
        "AWS::EC2::Route",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::SubnetNetworkAclAssociation",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::EC2::VolumeAttachment",
        "AWS::ElasticLoadBalancingV2::ListenerCertificate",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::KMS::Key",
        "AWS::Route53::HostedZone",
        "AWS::Route53::RecordSet",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SecretsManager::ResourcePolicy",
        "AWS::SecretsManager::SecretTargetAttachment",
    }


def test_a_type_that_aws_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"Unrecognized resource types: \[AWS::Mars::Rock\]"):
        schema_of("AWS::Mars::Rock")


@pytest.mark.parametrize("type_name", sorted(all_handlers()))
def test_handlers_honour_only_what_the_schema_has(type_name: str) -> None:
    schema, handler = schema_of(type_name), all_handlers()[type_name]
    assert {path.split("/")[0] for path in handler.honoured} <= set(schema.properties)
    assert {name.partition(".")[0] for name in handler.attributes} <= set(schema.properties)
    assert set(schema.required) <= {path.split("/")[0] for path in handler.honoured}
    if handler.name_property:
        assert handler.name_property in schema.create_only


def test_cfn_lint_is_not_imported_for_its_schemas() -> None:
    code = (
        "import sys; from provisimus.localcloud.cloudformation.schemas import schema_of; "
        "schema_of('AWS::EC2::Instance'); sys.exit('cfnlint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
