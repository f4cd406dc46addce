"""What changes without a replacement, read back through the service APIs.

Follows "Update requires" of each property in the CloudFormation template reference.
"""

from __future__ import annotations

import base64
from typing import Any

MACHINE = """
Parameters:
  ImageId: {Type: String}
  SubnetId: {Type: String}
  VpcId: {Type: String}
  AvailabilityZone: {Type: String}
Resources:
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: g, VpcId: !Ref VpcId}}
  Other: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: o, VpcId: !Ref VpcId}}
  Machine:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref ImageId
      SubnetId: !Ref SubnetId
      InstanceType: TYPE
      SecurityGroupIds: [!Ref GROUP]
      UserData: !Base64 WORDS
      DisableApiTermination: PROTECTED
      MetadataOptions: {HttpTokens: TOKENS}
      BlockDeviceMappings: [{DeviceName: /dev/sda1, Ebs: {DeleteOnTermination: GOES}}]
"""


def machine(**changed: str) -> str:
    text = MACHINE
    values = {
        "TYPE": "t3.small",
        "GROUP": "Group",
        "WORDS": "one",
        "PROTECTED": "false",
        "TOKENS": "required",
        "GOES": "true",
        **changed,
    }
    for key, value in values.items():
        text = text.replace(key, value)
    return text


def instance(story: Any) -> dict[str, Any]:
    answer = story.world.ec2.describe_instances(InstanceIds=[story.physical("Machine")])
    return dict(answer["Reservations"][0]["Instances"][0])


def attribute(story: Any, name: str) -> Any:
    answer = story.world.ec2.describe_instance_attribute(
        InstanceId=story.physical("Machine"), Attribute=name
    )
    return answer[name[0].upper() + name[1:]]["Value"]


def test_an_instance_changes_in_place(story: Any) -> None:
    assert story.apply(machine(), "CREATE") == "CREATE_COMPLETE"
    before = story.physical("Machine")
    change = story.change(
        machine(
            TYPE="t3.large",
            GROUP="Other",
            WORDS="two",
            PROTECTED="true",
            TOKENS="optional",
            GOES="false",
        )
    )
    (machine_change,) = change["Changes"]
    assert machine_change["ResourceChange"]["Replacement"] == "Conditional"
    story.world.cloudformation.execute_change_set(ChangeSetName=change["ChangeSetId"])
    assert story.settle() == "UPDATE_COMPLETE"
    assert story.physical("Machine") == before
    now = instance(story)
    assert now["State"]["Name"] == "running"
    assert now["InstanceType"] == "t3.large"
    assert [g["GroupId"] for g in now["SecurityGroups"]] == [story.physical("Other")]
    assert now["MetadataOptions"]["HttpTokens"] == "optional"
    assert base64.b64decode(attribute(story, "userData")) == b"two"
    assert attribute(story, "disableApiTermination") is True
    (root,) = now["BlockDeviceMappings"]
    assert root["Ebs"]["DeleteOnTermination"] is False
    story.apply(machine())


def test_an_instance_that_is_protected_is_not_deleted(story: Any) -> None:
    story.apply(machine(PROTECTED="true"), "CREATE")
    assert story.delete() == "DELETE_FAILED"
    assert "may not be terminated" in next(
        line for line in story.news() if line.startswith("Machine DELETE_FAILED")
    )
    story.world.ec2.modify_instance_attribute(
        InstanceId=story.physical("Machine"), DisableApiTermination={"Value": False}
    )
    assert story.delete() == "DELETE_COMPLETE"


def test_tags_of_a_stopped_instance_change_without_starting_it(story: Any) -> None:
    story.apply(machine(), "CREATE", tags={"a": "1"})
    story.world.ec2.stop_instances(InstanceIds=[story.physical("Machine")])
    assert story.apply(machine(), tags={"a": "2"}) == "UPDATE_COMPLETE"
    assert instance(story)["State"]["Name"] == "stopped"


def test_another_root_disk_replaces_the_instance(story: Any) -> None:
    story.apply(machine(), "CREATE")
    before = story.physical("Machine")
    bigger = machine().replace("Ebs: {", "Ebs: {VolumeSize: 20, ")
    assert story.apply(bigger) == "UPDATE_COMPLETE"
    assert story.physical("Machine") != before
