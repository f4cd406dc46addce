"""The whole life of a service's stack through change sets, as `provisimus stack apply` lives it.

Follows the CloudFormation user guide, "Update CloudFormation stacks using change sets", and the
API reference of ResourceChange.
"""

from __future__ import annotations

import base64
from typing import Any

ORDER = ["SecurityGroup", "Role", "InstanceProfile", "DataVolume", "Instance", "Attachment"]


def without_attachment(service: str) -> str:
    return service[: service.index("  Attachment:")] + service[service.index("Outputs:") :]


def told(change_set: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            each["ResourceChange"]["Action"],
            each["ResourceChange"]["LogicalResourceId"],
            each["ResourceChange"].get("Replacement", "-"),
        )
        for each in change_set["Changes"]
    ]


def test_create_makes_everything_in_order_and_as_written(story: Any, service: str) -> None:
    assert story.apply(service, "CREATE", tags={"provisimus:service": "greeter"}) == (
        "CREATE_COMPLETE"
    )
    assert story.news() == [
        "STACK REVIEW_IN_PROGRESS [User Initiated]",
        "STACK CREATE_IN_PROGRESS [User Initiated]",
        *[
            line
            for name in ORDER
            for line in (
                f"{name} CREATE_IN_PROGRESS",
                f"{name} CREATE_IN_PROGRESS [Resource creation Initiated]",
                f"{name} CREATE_COMPLETE",
            )
        ],
        "STACK CREATE_COMPLETE",
    ]
    ec2, iam = story.world.ec2, story.world.client("iam")
    instance_id, volume_id = story.physical("Instance"), story.physical("DataVolume")
    instance = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    volume = ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
    group = ec2.describe_security_groups(GroupIds=[story.physical("SecurityGroup")])
    assert instance["State"]["Name"] == "running"
    assert instance["ImageId"] == story.world.images[0]
    assert instance["InstanceType"] == "t3.small"
    assert instance["SubnetId"] == story.world.network["SubnetId"]
    assert [g["GroupId"] for g in instance["SecurityGroups"]] == [story.physical("SecurityGroup")]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert instance["IamInstanceProfile"]["Arn"].endswith("/" + story.physical("InstanceProfile"))
    assert volume["Encrypted"] and volume["Size"] == 1 and volume["VolumeType"] == "gp3"
    assert volume["AvailabilityZone"] == story.world.network["AvailabilityZone"]
    assert [(a["InstanceId"], a["Device"]) for a in volume["Attachments"]] == [
        (instance_id, "/dev/sdf")
    ]
    root = next(m for m in instance["BlockDeviceMappings"] if m["DeviceName"] == "/dev/sda1")
    root_volume = ec2.describe_volumes(VolumeIds=[root["Ebs"]["VolumeId"]])["Volumes"][0]
    assert root_volume["Encrypted"]
    assert {"Key": "provisimus:service", "Value": "greeter"} in root_volume["Tags"]
    data = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    assert base64.b64decode(data["UserData"]["Value"]).decode() == f"volume={volume_id}\n"
    rules = [
        (r["FromPort"], r["ToPort"], [x["CidrIp"] for x in r["IpRanges"]])
        for r in group["SecurityGroups"][0]["IpPermissions"]
    ]
    assert sorted(rules) == [(22, 22, ["10.0.0.0/8"]), (8080, 8080, ["0.0.0.0/0"])]
    profile = iam.get_instance_profile(InstanceProfileName=story.physical("InstanceProfile"))
    assert [r["RoleName"] for r in profile["InstanceProfile"]["Roles"]] == [story.physical("Role")]
    for resource in (instance, volume, group["SecurityGroups"][0]):
        tags = {t["Key"]: t["Value"] for t in resource["Tags"]}
        assert tags["provisimus:service"] == "greeter"
        assert tags["aws:cloudformation:stack-name"] == story.name
        assert tags["aws:cloudformation:stack-id"] == story.stack_id
    assert story.outputs == {
        "InstanceId": instance_id,
        "Address": instance["PublicIpAddress"],
    }


def test_what_has_not_changed_is_refused_as_without_changes(story: Any, service: str) -> None:
    story.apply(service, "CREATE", tags={"version": "1"})
    same = story.change(service, tags={"version": "1"})
    assert (same["Status"], same["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert same["StatusReason"] == (
        "The submitted information didn't contain changes. Submit different information to "
        "create a change set."
    )


def test_tags_alone_change_what_has_tags(story: Any, service: str) -> None:
    story.apply(service, "CREATE", tags={"version": "1"})
    change = story.change(service, tags={"version": "2"})
    assert told(change) == [
        ("Modify", name, "False") for name in ("SecurityGroup", "Role", "DataVolume", "Instance")
    ]
    first = change["Changes"][0]["ResourceChange"]
    assert first["Scope"] == ["Tags"]
    # Only of properties there is a name (API reference, ResourceTargetDefinition).
    assert "Name" not in first["Details"][0]["Target"]
    assert first["Details"][0]["Target"]["BeforeValue"] == "1"
    assert first["Details"][0]["Target"]["AfterValue"] == "2"
    before = story.physical("Instance")
    assert story.apply(service, tags={"version": "2"}) == "UPDATE_COMPLETE"
    assert story.physical("Instance") == before
    tags = story.world.ec2.describe_tags(
        Filters=[
            {"Name": "resource-id", "Values": [before]},
            {"Name": "key", "Values": ["version"]},
        ]
    )["Tags"]
    assert [t["Value"] for t in tags] == ["2"]


def test_another_image_is_swapped_in_two_updates_and_the_volume_stays(
    story: Any, service: str
) -> None:
    story.apply(service, "CREATE")
    old, volume = story.physical("Instance"), story.physical("DataVolume")
    story.news()
    parted = story.change(without_attachment(service))
    assert told(parted) == [("Remove", "Attachment", "-")]
    assert story.apply(without_attachment(service)) == "UPDATE_COMPLETE"
    assert story.news() == [
        "STACK UPDATE_IN_PROGRESS [User Initiated]",
        "STACK UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "Attachment DELETE_IN_PROGRESS",
        "Attachment DELETE_COMPLETE",
        "STACK UPDATE_COMPLETE",
    ]
    image = story.world.images[1]
    swap = story.change(service, ImageId=image)
    assert told(swap) == [("Modify", "Instance", "True"), ("Add", "Attachment", "-")]
    (detail,) = swap["Changes"][0]["ResourceChange"]["Details"]
    assert swap["Changes"][0]["ResourceChange"]["PolicyAction"] == "ReplaceAndDelete"
    assert detail == {
        "Target": {
            "Attribute": "Properties",
            "Name": "ImageId",
            "RequiresRecreation": "Always",
            "Path": "/Properties/ImageId",
            "BeforeValue": story.world.images[0],
            "AfterValue": image,
            "AttributeChangeType": "Modify",
        },
        "Evaluation": "Static",
        "ChangeSource": "ParameterReference",
        "CausingEntity": "ImageId",
    }
    assert story.apply(service, ImageId=image) == "UPDATE_COMPLETE"
    assert story.news() == [
        "STACK UPDATE_IN_PROGRESS [User Initiated]",
        (
            "Instance UPDATE_IN_PROGRESS [Requested update requires the creation of a new physical "
            "resource; hence creating one.]"
        ),
        "Instance UPDATE_IN_PROGRESS [Resource creation Initiated]",
        "Instance UPDATE_COMPLETE",
        "Attachment CREATE_IN_PROGRESS",
        "Attachment CREATE_IN_PROGRESS [Resource creation Initiated]",
        "Attachment CREATE_COMPLETE",
        "STACK UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "Instance DELETE_IN_PROGRESS",
        "Instance DELETE_COMPLETE",
        "STACK UPDATE_COMPLETE",
    ]
    new = story.physical("Instance")
    states = {
        i["InstanceId"]: i["State"]["Name"]
        for r in story.world.ec2.describe_instances(InstanceIds=[old, new])["Reservations"]
        for i in r["Instances"]
    }
    assert states == {old: "terminated", new: "running"}
    assert story.physical("DataVolume") == volume
    assert story.physical("Attachment") == f"{volume}|{new}"


def test_delete_goes_backwards_and_keeps_a_snapshot_of_the_data(story: Any, service: str) -> None:
    story.apply(service, "CREATE", tags={"provisimus:service": "greeter"})
    volume = story.physical("DataVolume")
    story.news()
    assert story.delete() == "DELETE_COMPLETE"
    assert story.news() == [
        "STACK DELETE_IN_PROGRESS [User Initiated]",
        *[
            line
            for name in reversed(ORDER)
            for line in (f"{name} DELETE_IN_PROGRESS", f"{name} DELETE_COMPLETE")
        ],
        "STACK DELETE_COMPLETE",
    ]
    snapshots = story.world.ec2.describe_snapshots(
        Filters=[{"Name": "volume-id", "Values": [volume]}]
    )["Snapshots"]
    snapshots = [s for s in snapshots if s["VolumeId"] == volume]
    assert len(snapshots) == 1 and snapshots[0]["State"] == "completed"
    assert {"Key": "provisimus:service", "Value": "greeter"} in snapshots[0]["Tags"]
