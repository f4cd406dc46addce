"""What stacks take from each other, put into templates and read out of them."""

from provisimus.stacks.types.interface import OtherStack
from provisimus.stacks.wiring import taken, wired
from provisimus.workspace.definitions.stack import StackDefinition

MAIN = OtherStack("acme-local-main", StackDefinition(type="network"))
VPC = MAIN.output("VpcId")
TEMPLATE = {
    "Parameters": {"VpcId": {"Type": "String"}, "Size": {"Type": "String"}},
    "Resources": {
        "A": {
            "Properties": {
                "Vpc": {"Ref": "VpcId"},
                "Size": {"Ref": "Size"},
                "All": [{"Ref": "VpcId"}],
                "Text": {"Fn::Sub": "in ${VpcId} of ${Size}"},
                "More": {"Fn::Sub": ["${VpcId} ${x}", {"x": {"Ref": "VpcId"}}]},
                "Plain": {"Fn::Sub": "${Size}"},
            }
        }
    },
}


def test_another_stacks_outputs_stand_in_place_of_parameters() -> None:
    made = wired(TEMPLATE, {"VpcId": VPC})
    assert made["Parameters"] == {"Size": {"Type": "String"}}
    assert made["Resources"]["A"]["Properties"] == {
        "Vpc": VPC,
        "Size": {"Ref": "Size"},
        "All": [VPC],
        "Text": {"Fn::Sub": ["in ${VpcId} of ${Size}", {"VpcId": VPC}]},
        "More": {"Fn::Sub": ["${VpcId} ${x}", {"x": VPC, "VpcId": VPC}]},
        "Plain": {"Fn::Sub": "${Size}"},
    }
    assert taken(made) == {("acme-local-main", "VpcId")}


def test_a_template_without_parameters_has_no_such_section() -> None:
    made = wired(TEMPLATE, {"VpcId": VPC, "Size": "x"})
    assert "Parameters" not in made


def test_without_wires_nothing_changes() -> None:
    assert wired(TEMPLATE, {}) == TEMPLATE
    assert taken(TEMPLATE) == set()
