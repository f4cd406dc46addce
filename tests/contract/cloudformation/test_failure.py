"""What fails goes back, and says why.

Follows the CloudFormation user guide: "Stack failure options", "Continue rolling back an update",
"Deletion policy", and the API reference of CreateStack (OnFailure).
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: first}}
"""
VOLUME = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: FIRST}}
  Data:
    Type: AWS::EC2::Volume
    DependsOn: First
    DeletionPolicy: POLICY
    Properties: {AvailabilityZone: eu-west-1a, Size: SIZE, VolumeType: gp3, Tags: TAGS}
"""
NO_ROOM = ("InsufficientVolumeCapacity", "There is not enough capacity")
NO_ROOM_TOLD = (
    'Resource handler returned message: "There is not enough capacity (Operation: CreateVolume, '
    'Status Code: 400, Error Code: InsufficientVolumeCapacity)"'
)


def volume(size: int = 1, policy: str = "Delete", first: str = "first", tags: str = "[]") -> str:
    return (
        VOLUME.replace("SIZE", str(size))
        .replace("POLICY", policy)
        .replace("FIRST", first)
        .replace("TAGS", tags)
    )


def test_failed_create_rolls_back_and_can_only_be_deleted(story: Any) -> None:
    story.world.faults.errors["ec2.CreateVolume"] = NO_ROOM
    assert story.create(volume()) == "ROLLBACK_COMPLETE"
    assert story.news() == [
        "STACK CREATE_IN_PROGRESS [User Initiated]",
        "First CREATE_IN_PROGRESS",
        "First CREATE_IN_PROGRESS [Resource creation Initiated]",
        "First CREATE_COMPLETE",
        "Data CREATE_IN_PROGRESS",
        f"Data CREATE_FAILED [{NO_ROOM_TOLD}]",
        (
            "STACK ROLLBACK_IN_PROGRESS [The following resource(s) failed to create: [Data]. "
            "Rollback requested by user.]"
        ),
        "Data DELETE_COMPLETE",
        "First DELETE_IN_PROGRESS",
        "First DELETE_COMPLETE",
        "STACK ROLLBACK_COMPLETE",
    ]
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        story.change(volume())
    with pytest.raises(ClientError, match="already exists"):
        story.create(volume())
    assert story.delete() == "DELETE_COMPLETE"


def test_failed_create_stays_where_nothing_shall_be_done(story: Any) -> None:
    story.world.faults.errors["ec2.CreateVolume"] = NO_ROOM
    assert story.create(volume(), DisableRollback=True) == "CREATE_FAILED"
    assert story.physical("First").startswith("sg-")
    story.world.faults.errors.clear()
    assert story.update(volume(), DisableRollback=True) == "UPDATE_COMPLETE"
    assert story.physical("Data").startswith("vol-")


def test_failed_create_can_delete_the_stack(story: Any) -> None:
    story.world.faults.errors["ec2.CreateVolume"] = NO_ROOM
    assert story.create(volume(), OnFailure="DELETE") == "DELETE_COMPLETE"
    assert story.news()[-1] == "STACK DELETE_COMPLETE"


def test_create_whose_rollback_fails_says_so_and_can_be_deleted_later(story: Any) -> None:
    story.world.faults.errors["ec2.CreateVolume"] = NO_ROOM
    story.world.faults.errors["ec2.DeleteSecurityGroup"] = ("DependencyViolation", "in use")
    assert story.create(volume()) == "ROLLBACK_FAILED"
    assert story.described["StackStatusReason"] == (
        "The following resource(s) failed to delete: [First]."
    )
    assert story.delete() == "DELETE_FAILED"
    story.world.faults.errors.clear()
    assert story.delete() == "DELETE_COMPLETE"


def test_instance_that_never_runs_fails_with_its_reason(story: Any, service: str) -> None:
    story.world.faults.pending.set()
    made = story.change(service, "CREATE")
    story.world.cloudformation.execute_change_set(ChangeSetName=made["ChangeSetId"])
    story.reach("Instance", "CREATE_IN_PROGRESS")
    instance_id = story.begun("Instance")
    story.world.ec2.terminate_instances(InstanceIds=[instance_id])
    assert story.settle() == "ROLLBACK_COMPLETE"
    (failure,) = [line for line in story.news() if line.startswith("Instance CREATE_FAILED")]
    assert failure == (
        f"Instance CREATE_FAILED [Instance {instance_id} failed to stabilize. Current state: "
        "terminated. Reason: Client.UserInitiatedShutdown: User initiated shutdown]"
    )


def test_failed_update_puts_back_what_it_changed_and_removes_what_it_made(story: Any) -> None:
    assert story.create(volume(tags="[{Key: a, Value: b}]")) == "CREATE_COMPLETE"
    group, data = story.physical("First"), story.physical("Data")
    story.news()
    story.world.faults.errors["ec2.ModifyVolume"] = ("VolumeModificationRateExceeded", "too often")
    assert story.update(volume(2, first="other")) == "UPDATE_ROLLBACK_COMPLETE"
    assert story.news() == [
        "STACK UPDATE_IN_PROGRESS [User Initiated]",
        (
            "First UPDATE_IN_PROGRESS [Requested update requires the creation of a new physical "
            "resource; hence creating one.]"
        ),
        "First UPDATE_IN_PROGRESS [Resource creation Initiated]",
        "First UPDATE_COMPLETE",
        "Data UPDATE_IN_PROGRESS",
        (
            'Data UPDATE_FAILED [Resource handler returned message: "too often (Operation: '
            'ModifyVolume, Status Code: 400, Error Code: VolumeModificationRateExceeded)"]'
        ),
        "STACK UPDATE_ROLLBACK_IN_PROGRESS [The following resource(s) failed to update: [Data].]",
        "First UPDATE_IN_PROGRESS",
        "First UPDATE_COMPLETE",
        "Data UPDATE_IN_PROGRESS",
        "Data UPDATE_COMPLETE",
        "STACK UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "First DELETE_IN_PROGRESS",
        "First DELETE_COMPLETE",
        "STACK UPDATE_ROLLBACK_COMPLETE",
    ]
    assert (story.physical("First"), story.physical("Data")) == (group, data)
    tags = story.world.ec2.describe_volumes(VolumeIds=[data])["Volumes"][0]["Tags"]
    assert {"Key": "a", "Value": "b"} in tags
    template = story.world.cloudformation.get_template(StackName=story.name)["TemplateBody"]
    assert template == volume(tags="[{Key: a, Value: b}]")


def test_half_done_update_of_a_resource_is_undone(story: Any) -> None:
    rules = "SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 0.0.0.0/0}]"
    before = GROUP.replace("first}", "first, Tags: [{Key: a, Value: '1'}, {Key: b, Value: '1'}]}")
    after = GROUP.replace("first}", f"first, {rules}, Tags: [{{Key: a, Value: '2'}}]}}")
    story.create(before)
    story.world.faults.errors["ec2.AuthorizeSecurityGroupIngress"] = ("Nope", "no")
    assert story.update(after) == "UPDATE_ROLLBACK_COMPLETE"
    (group,) = story.world.ec2.describe_security_groups(GroupIds=[story.physical("First")])[
        "SecurityGroups"
    ]
    tags = {t["Key"]: t["Value"] for t in group["Tags"] if not t["Key"].startswith("aws:")}
    assert tags == {"a": "1", "b": "1"}
    assert group["IpPermissions"] == []


def test_rollback_that_failed_is_continued_and_may_skip(story: Any) -> None:
    rules = "SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 0.0.0.0/0}]"
    small, big = volume(), volume(2)
    big = big.replace("GroupDescription: first", f"GroupDescription: first, {rules}")
    story.create(small)
    story.world.faults.errors["ec2.ModifyVolume"] = ("Nope", "no")
    story.world.faults.errors["ec2.RevokeSecurityGroupIngress"] = ("Nope", "not now")
    api = story.world.cloudformation
    assert story.update(big) == "UPDATE_ROLLBACK_FAILED"
    assert story.described["StackStatusReason"] == (
        "The following resource(s) failed to update: [First]."
    )
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_FAILED state and can not be"):
        story.update(big)
    api.continue_update_rollback(StackName=story.name)
    assert story.settle() == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(ClientError, match="Nothing is not part of stack"):
        api.continue_update_rollback(StackName=story.name, ResourcesToSkip=["Nothing"])
    with pytest.raises(ClientError, match="Data is in UPDATE_COMPLETE state; only a resource"):
        api.continue_update_rollback(StackName=story.name, ResourcesToSkip=["Data"])
    api.continue_update_rollback(StackName=story.name, ResourcesToSkip=["First"])
    assert story.settle() == "UPDATE_ROLLBACK_COMPLETE"


def test_update_may_stay_failed_and_be_tried_again(story: Any) -> None:
    story.create(volume())
    story.world.faults.errors["ec2.ModifyVolume"] = ("Nope", "no")
    assert story.update(volume(2, first="other"), DisableRollback=True) == "UPDATE_FAILED"
    replaced = story.physical("First")
    story.world.faults.errors.clear()
    again = story.update(volume(2, first="other"), DisableRollback=True)
    assert again == "UPDATE_COMPLETE"
    assert story.physical("First") == replaced
    groups = story.world.ec2.describe_security_groups(
        Filters=[{"Name": "tag:aws:cloudformation:stack-id", "Values": [story.stack_id]}]
    )["SecurityGroups"]
    assert [g["GroupId"] for g in groups] == [replaced]


def test_update_is_cancelled_on_request(story: Any, service: str) -> None:
    story.apply(service, "CREATE")
    old = story.physical("Instance")
    story.world.faults.pending.set()
    story.news()
    made = story.change(service, ImageId=story.world.images[1])
    story.world.cloudformation.execute_change_set(ChangeSetName=made["ChangeSetId"])
    story.begun("Instance", other_than=old)
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        story.delete()
    story.world.cloudformation.cancel_update_stack(StackName=story.name)
    assert story.settle() == "UPDATE_ROLLBACK_COMPLETE"
    assert "Instance UPDATE_FAILED [Resource update cancelled]" in story.news()
    assert story.physical("Instance") == old


def test_stack_is_deleted_while_it_is_created(story: Any, service: str) -> None:
    story.world.faults.pending.set()
    made = story.change(service, "CREATE")
    story.world.cloudformation.execute_change_set(ChangeSetName=made["ChangeSetId"])
    story.reach("Instance", "CREATE_IN_PROGRESS")
    instance_id = story.begun("Instance")
    assert story.delete() == "DELETE_COMPLETE"
    assert "Instance CREATE_FAILED [Resource creation cancelled]" in story.news()
    reservations = story.world.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert reservations[0]["Instances"][0]["State"]["Name"] == "terminated"


def test_volume_that_an_instance_holds_is_not_taken_away(story: Any, service: str) -> None:
    story.apply(service, "CREATE")
    volume_id, instance_id = story.physical("DataVolume"), story.physical("Instance")
    second = (
        service[: service.index("Outputs:")]
        .replace("  Attachment:", "  Other:")
        .replace("InstanceId: !Ref Instance,", "InstanceId: !Ref Thief,")
        + "  Thief:\n    Type: AWS::EC2::Instance\n    Properties: {ImageId: !Ref ImageId}\n"
        + service[service.index("  Attachment:") : service.index("Outputs:")]
    )
    assert story.apply(second) == "UPDATE_ROLLBACK_COMPLETE"
    assert any(
        line.startswith(f"Other CREATE_FAILED [{volume_id} is already attached to an instance")
        for line in story.news()
    )
    volumes = story.world.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"]
    assert [a["InstanceId"] for a in volumes[0]["Attachments"]] == [instance_id]


def test_resources_that_would_not_be_deleted_can_be_retained(story: Any) -> None:
    story.create(GROUP)
    story.world.faults.errors["ec2.DeleteSecurityGroup"] = ("DependencyViolation", "in use")
    with pytest.raises(ClientError, match="only when the stack is in the DELETE_FAILED state"):
        story.delete(RetainResources=["First"])
    assert story.delete() == "DELETE_FAILED"
    assert story.delete(RetainResources=["First"]) == "DELETE_COMPLETE"


def test_what_fails_outside_the_resources_rolls_back_too(story: Any) -> None:
    text = GROUP + "Outputs: {Zone: {Value: !Select [0, !GetAZs '']}}\n"
    told = story.change(text, "CREATE")
    story.world.faults.errors["ec2.DescribeAvailabilityZones"] = ("Nope", "no zones")
    story.world.cloudformation.execute_change_set(ChangeSetName=told["ChangeSetId"])
    assert story.settle() == "ROLLBACK_COMPLETE"
    assert any("no zones" in line for line in story.news())
