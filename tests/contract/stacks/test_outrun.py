"""Two machines that change one stack at the same moment."""

from __future__ import annotations

import json

import pytest
from tests.contract.stacks.desk import Desk, eventually

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.errors import Locked, UnderWay
from provisimus.events import silence
from provisimus.stacks.change_set import Operation, execute
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

    cloud = Cloud("eu-west-1", None, desk.cloud.url, None, ("test", "test"))
    environment = Environment("local", cloud, "127.0.0.1:5000")
    operation = Operation(environment, "one", name, "run", silence, Deadline.after(30), wish="w")
    with pytest.raises(Locked, match=r"another run was first: .* UPDATE_") as fault:
        execute(operation, name, "second", number=1, title="update")
    assert not isinstance(fault.value, UnderWay)
    assert "stack watch one" in str(fault.value.hint)
    eventually(lambda: desk.status("one") == "UPDATE_COMPLETE", "the first is not done")
