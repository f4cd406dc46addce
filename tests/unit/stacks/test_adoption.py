"""Bringing a stack under management: what is written, and what forbids it."""

from typing import Any

import pytest
import yaml

from provisimus.errors import Conflict, Locked, ProvisimusError, Refused, UsageFault
from provisimus.model import Stack
from provisimus.stacks.adopt import check_only_tags
from provisimus.stacks.adopted_files import Adopted, own_tags
from provisimus.stacks.adoption import (
    check_adoptable,
    check_free,
    check_without_nested,
    service_name,
)
from provisimus.stacks.resource_change import ResourceChange

OURS = {
    "provisimus:project": "acme",
    "provisimus:environment": "local",
    "provisimus:service": "queue",
}


@pytest.mark.parametrize(
    ("asked", "stack", "service"),
    [
        ("queue", "Payments", "queue"),
        (None, "Payments-Queue", "payments-queue"),
        (None, "acme-local-queue", "queue"),
        (None, "acme-local-", "acme-local-"),
    ],
)
def test_a_service_is_called_like_its_stack(asked: str | None, stack: str, service: str) -> None:
    if service.endswith("-"):
        with pytest.raises(UsageFault) as fault:
            service_name(asked, stack, "acme", "local")
        assert fault.value.hint == f"name the service: provisimus stack adopt {stack} --as NAME"
    else:
        assert service_name(asked, stack, "acme", "local") == service


def found(status: str = "CREATE_COMPLETE", parent: str | None = None, **tags: str) -> Any:
    return {
        "StackName": "Payments",
        "StackId": "arn:payments",
        "StackStatus": status,
        "Tags": [{"Key": f"provisimus:{key}", "Value": value} for key, value in tags.items()],
        **({"ParentId": parent} if parent else {}),
    }


@pytest.mark.parametrize(
    "stack",
    [
        found(),
        found("UPDATE_ROLLBACK_COMPLETE"),
        found("IMPORT_COMPLETE", service="of whatever tool"),
        found(project="acme", environment="local", service="queue"),
    ],
)
def test_what_nobody_owns_can_be_adopted(stack: Any) -> None:
    check_adoptable(stack, OURS)


@pytest.mark.parametrize(
    ("stack", "kind", "said"),
    [
        (found(project="other"), Conflict, "has an owner: other"),
        (
            found(project="acme", environment="local", service="b"),
            Conflict,
            "has an owner: acme, local, b",
        ),
        (found(project="acme", environment="x"), Conflict, "has an owner: acme, x"),
        (found(parent="arn:whole"), Refused, "is a part of another one"),
        (found("UPDATE_IN_PROGRESS"), Locked, "is busy: UPDATE_IN_PROGRESS"),
        (found("UPDATE_ROLLBACK_FAILED"), Refused, "is stuck: UPDATE_ROLLBACK_FAILED: unknown"),
        (found("ROLLBACK_COMPLETE"), Refused, "holds nothing: ROLLBACK_COMPLETE"),
        (found("REVIEW_IN_PROGRESS"), Refused, "holds nothing: REVIEW_IN_PROGRESS"),
    ],
)
def test_what_cannot_be_adopted(stack: Any, kind: type[ProvisimusError], said: str) -> None:
    with pytest.raises(kind, match=said) as fault:
        check_adoptable(stack, OURS)
    assert type(fault.value) is kind
    assert fault.value.hint


def test_nested_stacks_are_refused_with_what_holds_them() -> None:
    mine = Stack("Payments", "arn:payments", "CREATE_COMPLETE", {})
    queue = {"Type": "AWS::SQS::Queue"}
    check_without_nested({"Resources": {"A": queue}}, mine)
    nested = {"Type": "AWS::CloudFormation::Stack"}
    with pytest.raises(Refused, match=r"Payments has nested stacks: B, C$") as fault:
        check_without_nested({"Resources": {"A": queue, "C": nested, "B": nested}}, mine)
    assert "stacks of their own" in str(fault.value.hint)
    with pytest.raises(Refused) as fault:
        check_adoptable(found(parent="arn:whole"), OURS)
    assert "the outer one is refused, too" in str(fault.value.hint)


def test_a_service_has_one_stack() -> None:
    mine = Stack("Payments", "arn:payments", "CREATE_COMPLETE", OURS)
    other = Stack("acme-local-queue", "arn:other", "CREATE_COMPLETE", OURS)
    check_free([mine], mine, "queue")
    check_free([other], mine, "payments")
    with pytest.raises(Conflict, match="queue has a stack already: acme-local-queue"):
        check_free([mine, other], mine, "queue")


def test_no_more_than_tags_may_change() -> None:
    tagged = ResourceChange("Modify", "A", "AWS::SNS::Topic", "False", ("Tags",))
    assert check_only_tags("Payments", [tagged, tagged]) == ["change the tags of 2 more"]
    assert check_only_tags("Payments", []) == []
    for more in (
        ResourceChange("Modify", "B", "AWS::SQS::Queue", "False", ("Tags", "DelaySeconds")),
        ResourceChange("Modify", "B", "AWS::SQS::Queue", "True", ("Tags",)),
        ResourceChange("Modify", "B", "AWS::CloudFormation::Stack"),
        ResourceChange("Remove", "B", "AWS::SQS::Queue"),
    ):
        with pytest.raises(Refused, match=r"would change more of Payments: .* B ") as fault:
            check_only_tags("Payments", [tagged, more])
        assert " A " not in fault.value.message
    with pytest.raises(Refused, match="finds nothing to tag"):
        check_only_tags("Payments", None)


def adopted(**more: Any) -> Adopted:
    usual = {
        "service": "queue",
        "environment": "local",
        "stack": "Payments",
        "named": True,
        "body": "Resources: {}\r\n",
        "parameters": {},
        "hidden": frozenset(),
        "tags": {},
    }
    return Adopted(**{**usual, **more})


def test_a_definition_says_what_the_stack_is() -> None:
    whole = adopted(
        parameters={"Days": "007", "No": 'say "no": #1', "Key": "****", "List": "a,b", "None": ""},
        hidden=frozenset({"Key"}),
        tags={"Cost Center": "42", "yes": "ja\nnein"},
    )
    files = whole.files()
    assert list(files) == ["templates/queue.yaml", "queue.yaml"]
    assert files["templates/queue.yaml"] == "Resources: {}\r\n"
    assert "****" not in files["queue.yaml"]
    assert yaml.safe_load(files["queue.yaml"]) == {
        "type": "raw",
        "template": "templates/queue.yaml",
        "parameters": {
            "Days": "007",
            "No": 'say "no": #1',
            "Key": None,
            "List": "a,b",
            "None": "",
        },
        "tags": {"Cost Center": "42", "yes": "ja\nnein"},
        "environments": {"local": {"stack_name": "Payments"}},
    }


def test_what_goes_without_saying_is_not_said() -> None:
    plain = adopted(named=False, body=' {"Resources": {}}')
    assert plain.files() == {
        "templates/queue.json": ' {"Resources": {}}',
        "queue.yaml": "# Adopted: the stack Payments of local, with its own template.\n"
        "type: raw\ntemplate: templates/queue.json\n",
    }


def test_tags_of_its_own_are_those_that_nobody_else_sets() -> None:
    tags = {**OURS, "team": "a", "company": "acme", "other": "b", "aws:x": "c"}
    assert own_tags(tags, {"company": "acme", "other": "c"}) == {"team": "a", "other": "b"}
