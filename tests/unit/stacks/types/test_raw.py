"""Stack type `raw`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other, other
from tests.unit.stacks.types.told import told

from provisimus.errors import InvalidDefinitions
from provisimus.stacks.types.interface import WantedStack
from provisimus.stacks.types.raw import TYPE
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.definitions.stacks.raw import RawDefinition
from provisimus.workspace.problems import parse

QUEUE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Days: {Type: Number}
  VpcId: {Type: AWS::EC2::VPC::Id}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      MessageRetentionPeriod: !Ref Days
      SqsManagedSseEnabled: true
      Tags:
        - {Key: vpc, Value: !Sub "in ${VpcId}"}
        - {Key: network, Value: !Ref VpcId}
Outputs:
  Arn: {Value: !GetAtt Queue.Arn}
"""


def wanted(**given: Any) -> WantedStack[RawDefinition]:
    definition = parse(RawDefinition, {"type": "raw", **given})
    return WantedStack(
        "queue",
        "",
        definition,
        others={"main": other(NetworkDefinition, "main")},
        files={"queue.yaml": QUEUE},
    )


CASES = {
    "plain": wanted(template="queue.yaml", parameters={"Days": 7, "VpcId": "${stack:main.VpcId}"}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


def test_a_parameter_that_the_template_does_not_have() -> None:
    with pytest.raises(InvalidDefinitions, match=r"queue\.yaml has no parameter Dyas"):
        TYPE.build(wanted(template="queue.yaml", parameters={"Dyas": 1}))


def test_values_are_texts_as_cloudformation_wants_them() -> None:
    asked = wanted(template="queue.yaml", parameters={"A": True, "B": [1, "x"], "C": 1.5})
    assert TYPE.parameters(asked) == {"A": "true", "B": "1,x", "C": "1.5"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("template: ../x.yaml", "2 template: '../x.yaml' leads out of the folder stacks"),
        (
            "template: x.yaml\nparameters: {A: {b: c}}",
            "3 parameters/A: a parameter is a text, a number or a list of them",
        ),
        ("template: x.yaml\nparameters:\n  A:  # NoEcho", "4 parameters/A: it has no value"),
        (
            "template: x.yaml\nparameters: {A: 'x${stack:main.VpcId}'}",
            "3 parameters/A: 'x${stack:main.VpcId}' is no output alone",
        ),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: raw\n{text}\n") == [problem]
