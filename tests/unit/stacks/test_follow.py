"""Events: which one is the cause, which one is the end."""

from provisimus.stacks.diagnosis import last_operation
from provisimus.stacks.follow import StackEvent, before_deletion, ended, first_cause
from provisimus.stacks.resource_change import resource_change

STACK = "AWS::CloudFormation::Stack"
ARN = "arn:aws:cloudformation:eu-west-1:1:stack/s/1"


def event(logical: str, kind: str, status: str, reason: str | None = None) -> StackEvent:
    physical = ARN if kind == STACK else "i-1"
    return StackEvent(f"{logical}-{status}", 0.0, logical, physical, kind, status, reason)


VOLUME = event("Data", "AWS::EC2::Volume", "CREATE_FAILED", "Resource creation cancelled")
INSTANCE = event("Instance", "AWS::EC2::Instance", "CREATE_FAILED", "no capacity")
ROLLBACK = event("s", STACK, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed: […]")


def test_the_cause_is_the_first_failure_that_was_no_cancellation() -> None:
    assert first_cause([VOLUME, INSTANCE, ROLLBACK]) == INSTANCE
    assert first_cause([ROLLBACK]) is None


def test_only_the_stacks_own_event_ends_it() -> None:
    assert ended(event("s", STACK, "CREATE_COMPLETE"))
    assert ended(event("s", STACK, "UPDATE_ROLLBACK_FAILED"))
    assert not ended(event("s", STACK, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"))
    assert not ended(INSTANCE)


def test_the_last_operation_begins_where_the_user_did() -> None:
    first = event("s", STACK, "CREATE_IN_PROGRESS", "User Initiated")
    second = event("s", STACK, "UPDATE_IN_PROGRESS", "User Initiated")
    done = event("s", STACK, "UPDATE_COMPLETE")
    assert last_operation([done, INSTANCE, second, VOLUME, first]) == [second, INSTANCE, done]
    assert last_operation([]) == []


def test_a_line_of_a_change_set() -> None:
    change = resource_change(
        {
            "Action": "Modify",
            "LogicalResourceId": "Instance",
            "ResourceType": "AWS::EC2::Instance",
            "Replacement": "True",
            "Details": [
                {"Target": {"Attribute": "Properties", "Name": "ImageId"}},
                {"Target": {"Attribute": "Properties", "Name": "ImageId"}},
                {"Target": {"Attribute": "Tags"}},
            ],
        }
    )
    assert change.line == "replace Instance (AWS::EC2::Instance): ImageId, Tags"


def test_a_deletion_that_goes_on_is_followed_from_its_beginning() -> None:
    made = event("s", STACK, "CREATE_COMPLETE")
    begun = event("s", STACK, "DELETE_IN_PROGRESS", "User Initiated")
    going = event("Instance", "AWS::EC2::Instance", "DELETE_IN_PROGRESS")
    assert before_deletion([going, begun, made, INSTANCE]) == made.event_id
    assert before_deletion([event("s", STACK, "DELETE_COMPLETE"), begun, made]) == made.event_id
    assert before_deletion([made]) is None
