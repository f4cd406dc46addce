"""Exports and imports of stacks as values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.exports import (
    Export,
    Neighbours,
    check_deletion,
    check_outputs,
    imported_names,
    neighbours,
)
from provisimus.localcloud.cloudformation.intrinsics import Context, evaluate
from provisimus.localcloud.cloudformation.stack import Output, Stack
from provisimus.localcloud.cloudformation.template import parse

TEMPLATE = parse("""
Conditions: {Never: !Equals [a, b]}
Resources:
  A:
    Type: T
    Properties:
      One: !ImportValue one
      Two: !If [Never, !ImportValue never, {Fn::ImportValue: !Sub "${AWS::StackName}-two"}]
  B: {Type: T, Condition: Never, Properties: {Three: !ImportValue three}}
Outputs:
  Four: {Value: !ImportValue four}
  Five: {Condition: Never, Value: !ImportValue five}
""")
CONTEXT = Context(
    pseudo={"AWS::StackName": "s", "AWS::Region": "here"},
    conditions={"Never": False},
    exports={"one": "1", "s-two": "2", "four": "4"},
    outputs={"network": {"Vpc": "vpc-1"}},
)


def stack(name: str, status: str = "CREATE_COMPLETE", **exports: str) -> Stack:
    made = Stack(f"arn:{name}", name, "here", "0", 0.0, status)
    made.outputs = [Output(key, value, export=key) for key, value in exports.items()]
    return made


def test_only_what_conditions_let_live_is_imported() -> None:
    assert imported_names(TEMPLATE, CONTEXT) == ["four", "one", "s-two"]
    with pytest.raises(ValidationError, match="No export named four found"):
        imported_names(TEMPLATE, replace(CONTEXT, exports={"one": "1", "s-two": "2"}))


def test_what_the_others_export_and_import() -> None:
    a, b, c = stack("a", x="1"), stack("b", "DELETE_IN_PROGRESS", y="2"), stack("c", z="3")
    c.imports = ["x"]
    gone = stack("gone", "DELETE_COMPLETE", old="0")
    known = neighbours([a, b, c, gone], a)
    assert known.exports == {"y": Export("2", "b", True), "z": Export("3", "c", False)}
    assert known.importable == {"z": "3"}
    assert known.importers == {"x": ("c",)}
    assert known.outputs == {"b": {"y": "2"}, "c": {"z": "3"}}
    with pytest.raises(ValidationError, match="Export x cannot be deleted as it is in use by c"):
        check_deletion(a, known)
    check_deletion(c, known)


@pytest.mark.parametrize(
    ("outputs", "complaint"),
    [
        ([Output("o", "1", export="x")], None),
        ([Output("o", "2", export="x")], "Export x cannot be updated as it is in use by b, c"),
        ([Output("o", "1")], "Export x cannot be deleted as it is in use by b, c"),
        ([Output("o", "1", export="y")], "Export with name y is already exported by stack other"),
        (
            [Output("o", "1", export="x"), Output("p", "1", export="x")],
            "Export with name x is already exported by stack a",
        ),
        ([Output("o", "1", export="x y")], "Export name x y: up to 255"),
    ],
)
def test_what_a_stack_may_export(outputs: list[Output], complaint: str | None) -> None:
    others = Neighbours({"y": Export("1", "other", True)}, {"x": ("c", "b")})
    if complaint is None:
        check_outputs(stack("a", x="1"), outputs, others)
        return
    with pytest.raises(ValidationError, match=complaint):
        check_outputs(stack("a", x="1"), outputs, others)


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ({"StackName": "network"}, "requires a StackName and an OutputName"),
        ({"StackName": "n", "OutputName": "Vpc"}, "stack n does not exist"),
        ({"StackName": "network", "OutputName": "Net"}, "stack network has no output Net"),
        (
            {"StackName": "network", "OutputName": "Vpc", "Region": "there"},
            r"Fn::GetStackOutput from another Region \(there\) is known to AWS",
        ),
        (
            {"StackName": "network", "OutputName": "Vpc", "RoleArn": "arn:x"},
            "Fn::GetStackOutput with RoleArn is known to AWS",
        ),
    ],
)
def test_outputs_of_other_stacks_that_cannot_be_had(
    argument: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        evaluate({"Fn::GetStackOutput": argument}, CONTEXT)


def test_an_output_of_another_stack() -> None:
    argument = {"StackName": "network", "OutputName": "Vpc", "Region": "here"}
    assert evaluate({"Fn::GetStackOutput": argument}, CONTEXT) == "vpc-1"
