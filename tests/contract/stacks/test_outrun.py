"""Two machines that change one stack at the same moment."""

from __future__ import annotations

import json

import pytest
from tests.contract.stacks.desk import Desk, eventually

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.errors import Locked, UnderWay
from provisimus.events import silence
from provisimus.stacks.change_set import Deployment, Operation, deploy, execute
from provisimus.stacks.follow import Deadline


def test_the_second_is_told_that_another_was_first(desk: Desk) -> None:
    desk.declare("one", A="a")
    desk.apply("one")
    formation, name = desk.cloudformation, "desk-local-one"
    body = formation.get_template(StackName=name)["TemplateBody"]
    body["Resources"]["B"] = {"Type": "AWS::SNS::Topic"}
    for label in ("first", "second"):
        formation.create_change_set(
            StackName=name, ChangeSetName=label, TemplateBody=json.dumps(body)
        )
        formation.get_waiter("change_set_create_complete").wait(
            StackName=name, ChangeSetName=label, WaiterConfig={"Delay": 1}
        )
    desk.fault("sns:CreateTopic", "delay", seconds=2)
    formation.execute_change_set(StackName=name, ChangeSetName="first")

    with pytest.raises(Locked, match=r"another run was first: .* UPDATE_") as fault:
        execute(operation_on(desk), name, "second", number=1, title="update")
    assert not isinstance(fault.value, UnderWay)
    assert "stack watch one" in str(fault.value.hint)
    eventually(lambda: desk.status("one") == "UPDATE_COMPLETE", "the first is not done")


def test_who_would_make_a_stack_that_another_has_made_is_told_so(desk: Desk) -> None:
    """It was not there when it was looked for, and is when the change set is asked for."""
    desk.declare("one", A="a")
    desk.apply("one")
    body = desk.cloudformation.get_template(StackName="desk-local-one")["TemplateBody"]
    with pytest.raises(Locked, match=r"another run was first: .* CREATE_COMPLETE") as fault:
        deploy(
            operation_on(desk), Deployment(body, {}, {}), create=True, number=1, title="create",
            reason="",
        )  # fmt: skip
    assert "stack watch one" in str(fault.value.hint)
    assert desk.status("one") == "CREATE_COMPLETE"


def operation_on(desk: Desk) -> Operation:
    """Of another machine, on the stack of `one`."""
    cloud = Cloud("eu-west-1", None, desk.cloud.url, None, ("test", "test"))
    environment = Environment("local", cloud, "127.0.0.1:5000")
    return Operation(
        environment, "one", "desk-local-one", "run", silence, Deadline.after(30), wish="w"
    )
