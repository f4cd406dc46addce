"""Drift is found by reading resources back, property by property."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.drift import detect, differences, drifts
from tests.contract.localcloud.conformance.documentation import follows, operation

FOUND = follows(
    "CloudFormation user guide, Detect unmanaged configuration changes with drift detection",
    "AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html",
)
MANY = """
Parameters: {Hidden: {Type: String, NoEcho: true, Default: hush}}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: !Ref Hidden
      SecurityGroupIngress:
        - {IpProtocol: 6, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0, Description: http}
        - {IpProtocol: -1, FromPort: 1, ToPort: 9, CidrIp: 10.0.0.0/8}
      SecurityGroupEgress: []
      Tags: [{Key: own, Value: "1"}]
  Volume:
    Type: AWS::EC2::Volume
    Properties:
      AvailabilityZone: !Select [0, !GetAZs ""]
      Size: "1"
      VolumeType: gp3
      Encrypted: true
  Role:
    Type: AWS::IAM::Role
    Properties:
      Description: a role
      MaxSessionDuration: 3600
      ManagedPolicyArns: [!Sub "arn:aws:iam::${AWS::AccountId}:policy/${AWS::StackName}"]
      Path: /x/
      Policies:
        - PolicyName: own
          PolicyDocument:
            Version: 2012-10-17
            Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}
      Tags: [{Key: own, Value: "1"}]
  Profile: {Type: "AWS::IAM::InstanceProfile", Properties: {Roles: [!Ref Role], Path: /x/}}
  Parameter:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: one, Description: told, Tags: {own: "1"}}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties: {Description: told, SecretString: abracadabra, Tags: [{Key: own, Value: "1"}]}
"""
CHANGED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}],
}
TYPES = ("Group", "Volume", "Role", "Profile", "Parameter", "Secret")


@pytest.fixture(autouse=True)
def managed(story: Any) -> str:
    """The managed policy that the role of the story's stack has."""
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = story.world.client("iam")
    made = iam.create_policy(PolicyName=story.name, PolicyDocument=document)
    story.world.kept(iam.delete_policy, PolicyArn=made["Policy"]["Arn"])
    return str(made["Policy"]["Arn"])


@FOUND
def test_what_nobody_touched_is_in_sync(story: Any) -> None:
    story.create(MANY, Tags=[{"Key": "team", "Value": "x"}])
    assert story.described["DriftInformation"] == {"StackDriftStatus": "NOT_CHECKED"}
    assert drifts(story) == {}
    found = detect(story)
    assert {k: f["PropertyDifferences"] for k, f in drifts(story).items()} == {
        name: [] for name in TYPES
    }
    assert (found["DetectionStatus"], found["StackDriftStatus"]) == (
        "DETECTION_COMPLETE",
        "IN_SYNC",
    )
    assert found["DriftedStackResourceCount"] == 0
    assert story.described["DriftInformation"]["StackDriftStatus"] == "IN_SYNC"
    assert "abracadabra" not in json.dumps(drifts(story), default=str)
    role = json.loads(drifts(story)["Role"]["ExpectedProperties"])
    assert json.loads(drifts(story)["Role"]["ActualProperties"]) == role
    assert set(role) == {
        "AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration",
        "Path", "Policies", "Tags",
    }  # fmt: skip


@operation("CloudFormation", "DescribeStackResourceDrifts")
def test_what_was_changed_is_told_by_its_path(story: Any, managed: str) -> None:
    story.create(MANY)
    world = story.world
    group, role = story.physical("Group"), story.physical("Role")
    ec2, iam = world.ec2, world.client("iam")
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "udp", "FromPort": 5, "ToPort": 5,
                        "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}],
    )  # fmt: skip
    ec2.create_tags(Resources=[group], Tags=[{"Key": "own", "Value": "2"}])
    ec2.modify_volume(VolumeId=story.physical("Volume"), Size=3)
    iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(CHANGED))
    iam.detach_role_policy(RoleName=role, PolicyArn=managed)
    iam.tag_role(RoleName=role, Tags=[{"Key": "new", "Value": "1"}])
    world.client("ssm").put_parameter(
        Name=story.physical("Parameter"), Value="two", Type="String", Overwrite=True
    )
    world.client("secretsmanager").tag_resource(
        SecretId=story.physical("Secret"), Tags=[{"Key": "own", "Value": "2"}]
    )
    iam.remove_role_from_instance_profile(
        InstanceProfileName=story.physical("Profile"), RoleName=role
    )

    found = detect(story)
    assert (found["StackDriftStatus"], found["DriftedStackResourceCount"]) == ("DRIFTED", 6)
    assert set(drifts(story, "MODIFIED", "DELETED")) == set(TYPES)
    assert drifts(story, "IN_SYNC") == {}
    rule = '{"CidrIp": "10.1.0.0/16", "FromPort": 5, "IpProtocol": "udp", "ToPort": 5}'
    assert differences(story, "Group") == [
        ("ADD", "/SecurityGroupIngress/2", "null", rule),
        ("NOT_EQUAL", "/Tags/0/Value", "1", "2"),
    ]
    assert differences(story, "Volume") == [("NOT_EQUAL", "/Size", "1", "3")]
    assert differences(story, "Profile") == [("REMOVE", "/Roles/0", role, "null")]
    assert differences(story, "Secret") == [("NOT_EQUAL", "/Tags/0/Value", "1", "2")]
    assert ("NOT_EQUAL", "/Value", "one", "two") in differences(story, "Parameter")
    of_role = differences(story, "Role")
    assert ("REMOVE", "/ManagedPolicyArns/0", managed, "null") in of_role
    assert ("ADD", "/Tags/0", "null", '{"Key": "new", "Value": "1"}') in of_role
    assert (
        "NOT_EQUAL",
        "/Policies/0/PolicyDocument/Statement/0/Action",
        "s3:*",
        "ec2:*",
    ) in of_role

    # What is put back is in sync again; the stack follows when nothing else has drifted.
    world.client("secretsmanager").tag_resource(
        SecretId=story.physical("Secret"), Tags=[{"Key": "own", "Value": "1"}]
    )
    assert differences(story, "Secret") == []
    assert story.described["DriftInformation"]["StackDriftStatus"] == "DRIFTED"
    told = world.cloudformation.describe_stack_resource(
        StackName=story.name, LogicalResourceId="Secret"
    )["StackResourceDetail"]["DriftInformation"]
    assert told["StackResourceDriftStatus"] == "IN_SYNC" and told["LastCheckTimestamp"]


@operation("CloudFormation", "DescribeStackResourceDrifts")
def test_what_is_gone_is_deleted(story: Any) -> None:
    story.create(MANY)
    world = story.world
    ids = {name: story.physical(name) for name in TYPES}
    world.ec2.delete_security_group(GroupId=ids["Group"])
    world.ec2.delete_volume(VolumeId=ids["Volume"])
    world.client("ssm").delete_parameter(Name=ids["Parameter"])
    world.client("secretsmanager").delete_secret(
        SecretId=ids["Secret"], ForceDeleteWithoutRecovery=True
    )
    found = detect(story)
    assert (found["StackDriftStatus"], found["DriftedStackResourceCount"]) == ("DRIFTED", 4)
    gone = drifts(story, "DELETED")
    assert set(gone) == {"Group", "Volume", "Parameter", "Secret"}
    assert "ExpectedProperties" not in gone["Group"] and "ActualProperties" not in gone["Group"]


@FOUND
def test_a_hidden_parameter_stays_hidden(story: Any) -> None:
    story.create(MANY)
    detect(story)
    assert "hush" not in json.dumps(drifts(story), default=str)
    assert json.loads(drifts(story)["Group"]["ExpectedProperties"])["GroupDescription"] == "****"


@operation("CloudFormation", "DetectStackDrift")
def test_detections_that_cannot_be(story: Any) -> None:
    api = story.world.cloudformation
    with pytest.raises(ClientError, match=r"ID \[nothing\] does not exist"):
        api.describe_stack_drift_detection_status(StackDriftDetectionId="nothing")
    story.create("Resources: {A: {Type: 'AWS::EC2::Volume', Properties: {Size: 1}}}")
    with pytest.raises(ClientError, match="in ROLLBACK_COMPLETE state"):
        api.detect_stack_drift(StackName=story.name)
    story.delete()
    story.create(MANY)
    with pytest.raises(ClientError, match="Resource Nobody does not exist for stack"):
        api.detect_stack_drift(StackName=story.name, LogicalResourceIds=["Nobody"])


ATTACHED = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: a group
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 10.0.0.0/8}]
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      {GroupId: !Ref Group, IpProtocol: tcp, FromPort: 81, ToPort: 81, CidrIp: 10.0.0.0/8}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies: []
      ManagedPolicyArns: []
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: apart
      Roles: [!Ref Role]
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]
"""


@FOUND
def test_what_another_resource_of_the_stack_adds_is_no_drift(story: Any) -> None:
    """By "Considerations when detecting drift": attachments in the template are looked for."""
    assert story.create(ATTACHED) == "CREATE_COMPLETE"
    assert detect(story)["StackDriftStatus"] == "IN_SYNC"
    group = drifts(story)["Group"]["PhysicalResourceId"]
    permission = {"IpProtocol": "tcp", "FromPort": 82, "ToPort": 82,
                  "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}  # fmt: skip
    story.world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    detect(story)
    [difference] = drifts(story)["Group"]["PropertyDifferences"]
    assert difference["DifferenceType"] == "ADD"
    assert '"FromPort": 82' in difference["ActualValue"]
