"""What was saved is taken up again, whatever was running."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.stories import Story


def begin(story: Any, change: dict[str, Any]) -> None:
    story.world.cloudformation.execute_change_set(ChangeSetName=change["ChangeSetId"])


def test_everything_is_as_before(story: Any, service: str) -> None:
    story.apply(service, "CREATE", tags={"a": "b"})
    told, events = story.described, story.news()
    saved = story.world.engine.save()
    story.world.restart()
    assert story.world.engine.save() == saved
    assert story.described == told
    story.seen = 0
    assert story.news() == events
    assert story.apply(service, tags={"a": "c"}) == "UPDATE_COMPLETE"


def test_creation_goes_on_with_the_instance_that_was_begun(story: Any, service: str) -> None:
    story.world.faults.pending.set()
    begin(story, story.change(service, "CREATE"))
    instance_id = story.begun("Instance")
    story.world.restart()
    story.world.faults.pending.clear()
    assert story.settle() == "CREATE_COMPLETE"
    assert story.physical("Instance") == instance_id
    assert story.news().count("Instance CREATE_IN_PROGRESS") == 1


def test_what_was_made_too_late_to_be_saved_is_found(story: Any, service: str) -> None:
    story.world.faults.pending.set()
    begin(story, story.change(service, "CREATE"))
    instance_id = story.begun("Instance")
    story.world.restart(lose="Instance")
    story.world.faults.pending.clear()
    assert story.settle() == "CREATE_COMPLETE"
    assert story.physical("Instance") == instance_id


def test_replacement_goes_on_and_the_old_one_goes(story: Any, service: str) -> None:
    story.apply(service, "CREATE")
    old = story.physical("Instance")
    image = story.world.images[1]
    without = service[: service.index("  Attachment:")] + service[service.index("Outputs:") :]
    story.apply(without)
    story.world.faults.pending.set()
    begin(story, story.change(without, ImageId=image))
    new = story.begun("Instance", other_than=old)
    story.world.restart()
    story.world.faults.pending.clear()
    assert story.settle() == "UPDATE_COMPLETE"
    assert story.physical("Instance") == new
    states = {
        i["InstanceId"]: i["State"]["Name"]
        for r in story.world.ec2.describe_instances(InstanceIds=[old, new])["Reservations"]
        for i in r["Instances"]
    }
    assert states == {old: "terminated", new: "running"}


def test_update_that_can_no_longer_succeed_rolls_back(story: Any, service: str) -> None:
    story.apply(service, "CREATE")
    old = story.physical("Instance")
    story.world.faults.pending.set()
    begin(story, story.change(service, ImageId=story.world.images[1]))
    new = story.begun("Instance", other_than=old)
    story.world.restart()
    story.world.ec2.terminate_instances(InstanceIds=[new])
    assert story.settle() == "UPDATE_ROLLBACK_COMPLETE"
    assert story.physical("Instance") == old


def test_deletion_goes_on(story: Any, service: str) -> None:
    story.apply(service, "CREATE")
    story.world.faults.lingering.set()
    story.world.cloudformation.delete_stack(StackName=story.name)
    story.reach("Instance", "DELETE_IN_PROGRESS")
    story.world.restart()
    story.world.faults.lingering.clear()
    assert story.settle() == "DELETE_COMPLETE"
    assert story.news()[-1] == "STACK DELETE_COMPLETE"


def test_state_of_another_version_is_refused(story: Any) -> None:
    with pytest.raises(ValueError, match="local reset"):
        story.world.engine.restore({"version": 99, "stacks": []})


GROUP = """
Resources:
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: WORDS}}
Outputs:
  Told: {Value: one, Export: {Name: !Sub "${AWS::StackName}:told"}}
"""


def group(words: str) -> str:
    return GROUP.replace("WORDS", words)


def test_what_is_imported_is_still_held(story: Story) -> None:
    other = Story(story.world, f"{story.name}-importer")
    story.create(group("exports"))
    other.create(group(f'{{"Fn::ImportValue": "{story.name}:told"}}'))
    story.world.restart()
    with pytest.raises(ClientError, match="as it is in use by"):
        story.delete()
    assert other.delete() == "DELETE_COMPLETE"
    assert story.delete() == "DELETE_COMPLETE"


def test_a_policy_still_protects(story: Story) -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "Update:*", "Resource": "*"}
    story.create(group("one"), StackPolicyBody=json.dumps({"Statement": deny}))
    story.world.restart()
    assert story.update(group("two")) == "UPDATE_ROLLBACK_COMPLETE"


def test_a_token_is_still_known(story: Story) -> None:
    story.create(group("one"))
    asked = {"StackName": story.name, "TemplateBody": group("two"), "ClientRequestToken": "t"}
    story.world.cloudformation.update_stack(**asked)
    assert story.settle() == "UPDATE_COMPLETE"
    story.world.restart()
    before = len(story.events())
    assert story.world.cloudformation.update_stack(**asked)["StackId"] == story.stack_id
    assert len(story.events()) == before


def test_signals_that_came_still_count(story: Story) -> None:
    api, body = (
        story.world.cloudformation,
        """
    Resources:
      Wait:
        Type: AWS::CloudFormation::WaitCondition
        CreationPolicy: {ResourceSignal: {Count: 2, Timeout: PT5M}}
    """,
    )
    story.stack_id = api.create_stack(StackName=story.name, TemplateBody=body)["StackId"]
    assert story.begun("Wait")
    signal = {"StackName": story.name, "LogicalResourceId": "Wait", "Status": "SUCCESS"}
    api.signal_resource(**signal, UniqueId="one")
    story.world.restart()
    api.signal_resource(**signal, UniqueId="two")
    assert story.settle() == "CREATE_COMPLETE"
