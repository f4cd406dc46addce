"""What changes without a replacement, read back through the service APIs."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.localcloud.conformance.documentation import follows

GROUP = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: g, SecurityGroupIngress: INGRESS, SecurityGroupEgress: EGRESS}
"""


def group(ingress: list[Any], egress: list[Any]) -> str:
    return GROUP.replace("INGRESS", json.dumps(ingress)).replace("EGRESS", json.dumps(egress))


@follows(
    "CloudFormation template reference, AWS::EC2::SecurityGroup",
    "AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html",
)
def test_rules_become_exactly_those_written(story: Any) -> None:
    def rules() -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        answer = story.world.ec2.describe_security_groups(GroupIds=[story.physical("Group")])
        found = answer["SecurityGroups"][0]
        ingress, egress = (
            sorted(
                (r["IpProtocol"], r.get("FromPort", -1), source["CidrIp"])
                for r in found[kind]
                for source in r["IpRanges"]
            )
            for kind in ("IpPermissions", "IpPermissionsEgress")
        )
        return ingress, egress

    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": "22", "CidrIp": "10.0.0.0/8"}
    http = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "0.0.0.0/0"}
    story.create(group([ssh], []))
    before = story.physical("Group")
    assert rules() == ([("tcp", 22, "10.0.0.0/8")], [("-1", -1, "0.0.0.0/0")])
    assert story.update(group([ssh, http], [http])) == "UPDATE_COMPLETE"
    assert rules() == (
        [("tcp", 22, "10.0.0.0/8"), ("tcp", 80, "0.0.0.0/0")],
        [("tcp", 80, "0.0.0.0/0")],
    )
    assert story.update(group([http], [])) == "UPDATE_COMPLETE"
    assert rules() == ([("tcp", 80, "0.0.0.0/0")], [("-1", -1, "0.0.0.0/0")])
    assert story.physical("Group") == before


VOLUME = """
Resources:
  Data:
    Type: AWS::EC2::Volume
    Properties: {AvailabilityZone: ZONE, Size: SIZE, VolumeType: TYPE}
"""


@follows(
    "CloudFormation template reference, AWS::EC2::Volume",
    "AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-volume.html",
)
def test_a_volume_grows_and_does_not_shrink_or_move(story: Any) -> None:
    def volume(size: int, kind: str, zone: str = story.world.zones[0]) -> str:
        text = VOLUME.replace("SIZE", str(size)).replace("TYPE", kind)
        return text.replace("ZONE", zone)

    story.create(volume(1, "gp2"))
    before = story.physical("Data")
    assert story.update(volume(2, "gp3")) == "UPDATE_COMPLETE"
    now = story.world.ec2.describe_volumes(VolumeIds=[before])["Volumes"][0]
    assert (now["Size"], now["VolumeType"]) == (2, "gp3")
    story.news()
    assert story.update(volume(1, "gp3")) == "UPDATE_ROLLBACK_COMPLETE"
    assert (
        "Data UPDATE_FAILED [New size cannot be smaller than existing size (2 GiB)]" in story.news()
    )
    assert story.update(volume(2, "gp3", story.world.zones[1])) == "UPDATE_ROLLBACK_COMPLETE"
    assert (
        "Data UPDATE_FAILED [Update of property AvailabilityZone of AWS::EC2::Volume is not "
        "supported]" in story.news()
    )
    assert story.physical("Data") == before


ROLE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Path: /p/
      Description: WORDS
      MaxSessionDuration: SECONDS
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: SERVICE}, Action: "sts:AssumeRole"}]
      Policies: POLICIES
      ManagedPolicyArns: ARNS
  Second:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: a.b.com}, Action: "sts:AssumeRole"}]
  Profile: {Type: "AWS::IAM::InstanceProfile", Properties: {Roles: [!Ref HELD]}}
"""


DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}],
}


def role(
    service: str, words: str, seconds: int, policies: list[str], held: str, arn: str = ""
) -> str:
    inline = [{"PolicyName": name, "PolicyDocument": DOCUMENT} for name in policies]
    managed = [arn] if "m" in policies else []
    text = ROLE.replace("SERVICE", service).replace("WORDS", words).replace("HELD", held)
    text = text.replace("SECONDS", str(seconds)).replace("ARNS", json.dumps(managed))
    return text.replace("POLICIES", json.dumps(inline))


@follows(
    "CloudFormation template reference, AWS::IAM::Role",
    "AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html",
)
def test_a_role_and_its_profile_change_in_place(story: Any) -> None:
    iam = story.world.client("iam")

    def told() -> tuple[Any, ...]:
        name = story.physical("Role")
        found = iam.get_role(RoleName=name)["Role"]
        profile = iam.get_instance_profile(InstanceProfileName=story.physical("Profile"))
        return (
            found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"],
            found["Description"],
            found["MaxSessionDuration"],
            sorted(iam.list_role_policies(RoleName=name)["PolicyNames"]),
            len(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]),
            [r["RoleName"] for r in profile["InstanceProfile"]["Roles"]],
        )

    story.create(role("ec2.amazonaws.com", "one", 3600, ["a"], "Role"))
    before = story.physical("Role"), story.physical("Profile")
    assert told() == ("ec2.amazonaws.com", "one", 3600, ["a"], 0, [before[0]])
    arn = iam.create_policy(PolicyName=story.name, PolicyDocument=json.dumps(DOCUMENT))["Policy"][
        "Arn"
    ]
    story.world.kept(iam.delete_policy, PolicyArn=arn)
    changed = role("ssm.amazonaws.com", "two", 7200, ["b", "m"], "Second", arn)
    assert story.update(changed) == "UPDATE_COMPLETE"
    second = story.physical("Second")
    assert told() == ("ssm.amazonaws.com", "two", 7200, ["b", "m"], 1, [second])
    assert (story.physical("Role"), story.physical("Profile")) == before
