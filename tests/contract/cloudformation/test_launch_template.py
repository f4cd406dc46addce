"""A launch template as a stack has it, its versions, and what is launched from it."""

from __future__ import annotations

import base64
from typing import Any

from tests.contract.cloudformation.read_back import expect_as_asked, expect_everything

TEMPLATE = """
Parameters: {ImageId: {Type: String}, Size: {Type: Number, Default: 9}}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: g}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateName: NAME
      VersionDescription: how we launch
      TagSpecifications:
        - {ResourceType: launch-template, Tags: [{Key: owner, Value: green}]}
      LaunchTemplateData:
        ImageId: !Ref ImageId
        InstanceType: t3.small
        KeyName: KEY
        IamInstanceProfile: {Arn: !GetAtt Profile.Arn}
        SecurityGroupIds: [!Ref Group]
        Monitoring: {Enabled: true}
        InstanceInitiatedShutdownBehavior: terminate
        MetadataOptions:
          HttpTokens: required
          HttpEndpoint: enabled
          HttpPutResponseHopLimit: 2
          InstanceMetadataTags: enabled
        BlockDeviceMappings:
          - DeviceName: /dev/sdf
            Ebs:
              VolumeSize: !Ref Size
              VolumeType: gp3
              Encrypted: true
              DeleteOnTermination: true
          - DeviceName: /dev/sdg
            Ebs: {SnapshotId: SNAPSHOT}
        TagSpecifications:
          - {ResourceType: instance, Tags: [{Key: team, Value: blue}]}
        UserData: !Base64 "#!/bin/sh"
  Named:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {IamInstanceProfile: {Name: !Ref Profile}}}
Outputs:
  Latest: {Value: !GetAtt Template.LatestVersionNumber}
  Default: {Value: !GetAtt Template.DefaultVersionNumber}
"""


def test_a_template_has_versions_and_what_is_launched_is_what_it_says(story: Any) -> None:
    world, ec2 = story.world, story.world.ec2
    ec2.create_key_pair(KeyName=story.name)
    zone = world.network["AvailabilityZone"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    body = TEMPLATE.replace("NAME", story.name).replace("KEY", story.name)
    body = body.replace("SNAPSHOT", snapshot)
    image = [{"ParameterKey": "ImageId", "ParameterValue": world.images[0]}]

    assert story.create(body, Parameters=image) == "CREATE_COMPLETE", story.news()
    assert story.outputs == {"Latest": "1", "Default": "1"}
    expect_everything(expect_as_asked(story), ["AWS::EC2::LaunchTemplate"])
    template = story.physical("Template")

    changed = body.replace("t3.small", "t3.large").replace("Value: green", "Value: blue")
    assert story.update(changed, Parameters=image) == "UPDATE_COMPLETE", story.news()
    assert story.outputs == {"Latest": "2", "Default": "1"}
    assert story.physical("Template") == template
    expect_as_asked(story)

    (made,) = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        SubnetId=world.network["SubnetId"], MinCount=1, MaxCount=1,
    )["Instances"]  # fmt: skip
    (told,) = ec2.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"]
    (instance,) = told["Instances"]
    assert (instance["ImageId"], instance["InstanceType"]) == (world.images[0], "t3.large")
    assert instance["KeyName"] == story.name
    assert instance["IamInstanceProfile"]["Arn"].endswith(f"/{story.physical('Profile')}")
    assert [each["GroupId"] for each in instance["SecurityGroups"]] == [story.physical("Group")]
    assert instance["Monitoring"]["State"] == "enabled"
    options = instance["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 2)
    assert {"Key": "team", "Value": "blue"} in instance["Tags"]
    assert "/dev/sdf" in [each["DeviceName"] for each in instance["BlockDeviceMappings"]]
    asked = {"InstanceId": made["InstanceId"], "Attribute": "userData"}
    encoded = ec2.describe_instance_attribute(**asked)["UserData"]["Value"]
    assert base64.b64decode(encoded) == b"#!/bin/sh"

    # What the request says itself wins.
    (own,) = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": story.name}, InstanceType="t3.nano",
        SubnetId=world.network["SubnetId"], MinCount=1, MaxCount=1,
    )["Instances"]  # fmt: skip
    assert own["InstanceType"] == "t3.nano"
    ids = [made["InstanceId"], own["InstanceId"]]
    ec2.terminate_instances(InstanceIds=ids)
    # Here, without machines, nobody tells moto that an instance's card goes with it.
    theirs = [{"Name": "attachment.instance-id", "Values": ids}]
    for each in ec2.describe_network_interfaces(Filters=theirs)["NetworkInterfaces"]:
        ec2.delete_network_interface(NetworkInterfaceId=each["NetworkInterfaceId"])
    assert story.delete() == "DELETE_COMPLETE", story.news()
    assert not ec2.describe_launch_templates()["LaunchTemplates"]


def test_another_name_is_another_template_and_one_that_is_taken_is_refused(story: Any) -> None:
    body = (
        "Resources:\n  T: {Type: AWS::EC2::LaunchTemplate, Properties: "
        "{LaunchTemplateName: ONE, LaunchTemplateData: {InstanceType: t3.nano}}}\n"
    ).replace("ONE", story.name)
    assert story.create(body) == "CREATE_COMPLETE"
    old = story.physical("T")
    assert story.update(body.replace(story.name, f"{story.name}-b")) == "UPDATE_COMPLETE"
    assert story.physical("T") != old
    (told,) = story.world.ec2.describe_launch_templates()["LaunchTemplates"]
    assert told["LaunchTemplateName"] == f"{story.name}-b"
    twice = body.replace(story.name, f"{story.name}-b").replace("  T:", "  U:")
    assert story.update(twice) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("AlreadyExists" in line for line in story.news())
    assert story.physical("T") == told["LaunchTemplateId"]
