"""Instances: what RunInstances refuses, what their metadata options are, how they live."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import costs, follows, operation

ERRORS = follows(
    "EC2 API reference, Error codes for the Amazon EC2 API",
    "AWSEC2/latest/APIReference/errors-overview.html",
)
OPTIONS = follows(
    "EC2 user guide, Configure the Instance Metadata Service options",
    "AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html",
)


def asked(world: Any, **given: Any) -> dict[str, Any]:
    return {
        "ImageId": world.images[0], "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1,
        "SubnetId": world.network["SubnetId"], "TagSpecifications": world.tags("instance"),
        **given,
    }  # fmt: skip


def run(world: Any, **given: Any) -> str:
    made = world.ec2.run_instances(**asked(world, **given))["Instances"][0]["InstanceId"]
    world.kept(world.ec2.terminate_instances, InstanceIds=[made])
    return str(made)


def told(world: Any, instance: str) -> dict[str, Any]:
    found = world.ec2.describe_instances(InstanceIds=[instance])
    return dict(found["Reservations"][0]["Instances"][0])


def reach(world: Any, instance: str, state: str) -> dict[str, Any]:
    world.until(
        lambda: told(world, instance)["State"]["Name"] == state, lambda: told(world, instance)
    )
    return told(world, instance)


@operation("EC2", "RunInstances")
@ERRORS
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "nonsense"}, "InvalidAMIID.Malformed"),
        ({"InstanceType": "t9.huge"}, "InvalidParameterValue"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"KeyName": "conformance-nobody"}, "InvalidKeyPair.NotFound"),
        ({"MinCount": 2, "MaxCount": 1}, "InvalidParameterValue"),
        ({"MinCount": 0}, "InvalidParameterValue"),
        ({"IamInstanceProfile": {"Name": "conformance-nobody"}}, "InvalidParameterValue"),
        (
            {"LaunchTemplate": {"LaunchTemplateName": "conformance-nobody"}},
            "InvalidLaunchTemplateName.NotFoundException",
        ),
        ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "8.8.8.8"}, "InvalidParameterValue"),
    ],
)
def test_nothing_runs_of_this(world: Any, given: dict[str, Any], code: str) -> None:
    assert refused(world.ec2.run_instances, **asked(world, **given))[0] == code


@operation("EC2", "RunInstances")
@ERRORS
def test_an_image_of_another_architecture_does_not_run(world: Any) -> None:
    code, message = refused(world.ec2.run_instances, **asked(world, InstanceType="t4g.nano"))
    assert code == "InvalidParameterValue"
    assert "architecture" in message


@operation("EC2", "RunInstances")
def test_a_rehearsal_says_that_it_would_have_run(world: Any) -> None:
    assert refused(world.ec2.run_instances, **asked(world, DryRun=True))[0] == "DryRunOperation"


@operation("EC2", "RunInstances")
@operation("EC2", "TerminateInstances")
@costs("an instance t3.nano", 4)
def test_an_instance_lives_and_is_gone(world: Any) -> None:
    ec2 = world.ec2
    token = world.name("token")
    instance = run(world, ClientToken=token)
    again = ec2.run_instances(**asked(world, ClientToken=token))["Instances"][0]["InstanceId"]
    assert again == instance
    other = asked(world, ClientToken=token, InstanceType="t3.micro")
    assert refused(ec2.run_instances, **other)[0] == "IdempotentParameterMismatch"
    now = reach(world, instance, "running")
    assert now["State"] == {"Code": 16, "Name": "running"}
    assert now["SubnetId"] == world.network["SubnetId"]
    [root] = now["BlockDeviceMappings"]
    volume = ec2.describe_volumes(VolumeIds=[root["Ebs"]["VolumeId"]])["Volumes"][0]
    assert (root["DeviceName"], volume["State"], volume["Size"]) == ("/dev/xvda", "in-use", 1)
    root_group = {"InstanceId": instance, "Attribute": "disableApiTermination"}
    assert ec2.describe_instance_attribute(**root_group)["DisableApiTermination"]["Value"] is False

    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    kept = {"InstanceIds": [instance]}
    assert refused(ec2.terminate_instances, **kept)[0] == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    code = refused(ec2.modify_instance_attribute, InstanceId=instance,
                   InstanceType={"Value": "t3.micro"})[0]  # fmt: skip
    assert code == "IncorrectInstanceState"
    assert refused(ec2.start_instances, InstanceIds=["i-0123456789abcdef0"])[0] == (
        "InvalidInstanceID.NotFound"
    )
    [change] = ec2.terminate_instances(**kept)["TerminatingInstances"]
    assert change["PreviousState"]["Name"] == "running"
    ended = reach(world, instance, "terminated")
    assert ended["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    gone = refused(ec2.describe_volumes, VolumeIds=[root["Ebs"]["VolumeId"]])
    assert gone[0] == "InvalidVolume.NotFound"
    assert refused(ec2.start_instances, **kept)[0] == "IncorrectInstanceState"


@OPTIONS
@operation("EC2", "ModifyInstanceMetadataOptions")
@costs("an instance t3.nano", 4)
def test_metadata_options_change_one_at_a_time(world: Any) -> None:
    given = {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
        "InstanceMetadataTags": "enabled",
    }
    instance = run(world, MetadataOptions=given)
    reach(world, instance, "running")

    def options() -> dict[str, Any]:
        return dict(told(world, instance)["MetadataOptions"])

    assert options() | given == options()
    assert options()["HttpEndpoint"] == "enabled"
    modify = world.ec2.modify_instance_metadata_options
    modify(InstanceId=instance, HttpPutResponseHopLimit=5)
    world.until(lambda: options()["HttpPutResponseHopLimit"] == 5)
    assert (options()["HttpTokens"], options()["InstanceMetadataTags"]) == ("required", "enabled")
    code = refused(modify, InstanceId=instance, HttpPutResponseHopLimit=65)[0]
    assert code == "InvalidParameterValue"


@operation("EC2", "CreateImage")
@costs("an instance t3.nano and a snapshot", 8)
def test_an_image_is_made_of_an_instance(world: Any) -> None:
    ec2, instance = world.ec2, run(world)
    reach(world, instance, "running")
    name = world.name("made")
    tags = world.tags("image")
    image = ec2.create_image(
        InstanceId=instance, Name=name, NoReboot=True, TagSpecifications=tags
    )["ImageId"]  # fmt: skip
    world.kept(ec2.deregister_image, ImageId=image)
    world.until(lambda: ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available")
    found = ec2.describe_images(ImageIds=[image])["Images"][0]
    [root] = found["BlockDeviceMappings"]
    world.kept.todo.insert(0, (ec2.delete_snapshot, {"SnapshotId": root["Ebs"]["SnapshotId"]}))
    assert (found["Name"], found["Architecture"]) == (name, "x86_64")
    assert found["Tags"] == tags[0]["Tags"]
    assert refused(ec2.create_image, InstanceId=instance, Name=name)[0] == (
        "InvalidAMIName.Duplicate"
    )


@operation("EC2", "RunInstances")
@costs("two instances t3.nano", 4)
def test_as_many_run_as_may(world: Any) -> None:
    given = asked(world, MinCount=1, MaxCount=2)
    made = [e["InstanceId"] for e in world.ec2.run_instances(**given)["Instances"]]
    world.kept(world.ec2.terminate_instances, InstanceIds=made)
    assert len(set(made)) == 2
    first, second = (told(world, each) for each in made)
    assert (first["AmiLaunchIndex"], second["AmiLaunchIndex"]) == (0, 1)


@operation("EC2", "RunInstances")
@follows(
    "EC2 user guide, Store instance launch parameters in Amazon EC2 launch templates",
    "AWSEC2/latest/UserGuide/ec2-launch-templates.html",
)
@costs("an instance t3.micro", 4)
def test_a_launch_template_says_what_the_request_does_not(world: Any) -> None:
    ec2, name = world.ec2, world.name("template")
    data = {
        "ImageId": world.images[0], "InstanceType": "t3.nano",
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "template"}]}
        ],
    }  # fmt: skip
    made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    identifier = made["LaunchTemplate"]["LaunchTemplateId"]
    world.kept(ec2.delete_launch_template, LaunchTemplateId=identifier)
    [launched] = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": name}, InstanceType="t3.micro", MinCount=1,
        MaxCount=1, SubnetId=world.network["SubnetId"],
    )["Instances"]  # fmt: skip
    world.kept(ec2.terminate_instances, InstanceIds=[launched["InstanceId"]])
    found = told(world, launched["InstanceId"])
    assert (found["ImageId"], found["InstanceType"]) == (world.images[0], "t3.micro")
    options = found["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 3)
    assert {"Key": "from", "Value": "template"} in found["Tags"]
    assert {"Key": "aws:ec2launchtemplate:id", "Value": identifier} in found["Tags"]
