"""What stacks take from each other, put into templates and read out of them."""

from provisimus.stacks.gate import findings
from provisimus.stacks.template import resources_of
from provisimus.stacks.types.interface import Network, OtherStack, WantedStack
from provisimus.stacks.types.service import TYPE as SERVICE
from provisimus.stacks.wiring import taken, wired, with_outputs
from provisimus.workspace.definitions.stack import StackDefinition
from provisimus.workspace.definitions.stacks.service import ServiceDefinition
from provisimus.workspace.problems import parse

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


def test_an_output_stands_wherever_a_text_names_it() -> None:
    outputs = {"main": MAIN.output}
    assert with_outputs({"A": "${stack:main.VpcId}", "B": ["x"]}, outputs) == {"A": VPC, "B": ["x"]}
    assert with_outputs({"A": "in ${stack:main.VpcId}, $${x} ${y}"}, outputs) == {
        "A": {"Fn::Sub": ["in ${MainVpcId}, $${!x} ${!y}", {"MainVpcId": VPC}]}
    }


def test_a_text_for_sub_keeps_what_it_has() -> None:
    text = "${Volume} ${!stack:main.VpcId} ${!literal}"
    assert with_outputs({"Fn::Sub": [text, {"Volume": "v"}]}, {"main": MAIN.output}) == {
        "Fn::Sub": ["${Volume} ${MainVpcId} ${!literal}", {"Volume": "v", "MainVpcId": VPC}]
    }
    assert with_outputs({"Fn::Sub": text}, {"main": MAIN.output}) == {
        "Fn::Sub": ["${Volume} ${MainVpcId} ${!literal}", {"MainVpcId": VPC}]
    }


def test_what_names_no_stack_stays_as_it_is() -> None:
    for text in ("$${stack:main.VpcId}", "${stack:other.VpcId}", "${ssm:a}"):
        assert with_outputs({"A": text}, {"main": MAIN.output}) == {"A": text}


def test_a_service_takes_outputs_in_environment_rules_and_parameters() -> None:
    asked = parse(
        ServiceDefinition,
        {
            "environment": {"QUEUE": "${stack:main.VpcId}", "KEY": "${ssm:/a}"},
            "ingress": [{"port": 8080, "from": "${stack:main.VpcId}"}],
            "instance_type": "${stack:main.VpcId}",
            "alarms": {"notify": ["${stack:main.VpcId}"]},
        },
    )
    uses = [(each.key, each.stack, each.outputs) for each in asked.all_uses()]
    assert sorted(uses) == [
        (("alarms", "notify", 0), "main", ("VpcId",)),
        (("environment", "QUEUE"), "main", ("VpcId",)),
        (("ingress", 0, "from"), "main", ("VpcId",)),
        (("instance_type",), "main", ("VpcId",)),
    ]
    want = WantedStack("greeter", "1", asked, Network("vpc-1"), others={"main": MAIN})
    template = SERVICE.template(want)
    group = template["Resources"]["SecurityGroup"]["Properties"]["SecurityGroupIngress"]
    assert group[0]["CidrIp"] == VPC
    assert "InstanceType" not in template["Parameters"]
    assert "InstanceType" not in SERVICE.given(want)
    [instance] = resources_of(template, "AWS::EC2::Instance").values()
    assert instance["Properties"]["InstanceType"] == VPC
    text, values = instance["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    assert values == {"MainVpcId": VPC}
    assert '{"QUEUE": "${MainVpcId}", "KEY": "${!ssm:/a}"}' in text
    assert [each for each in findings(template) if each[0] in ("ERROR", "FATAL")] == []
    assert taken(template) == {("acme-local-main", "VpcId")}
