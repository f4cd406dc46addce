"""Values that stacks take from each other, and what holds them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import follows, operation
from tests.contract.stories import Story

IMPORTS = follows(
    "CloudFormation template reference, Fn::ImportValue",
    "AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-importvalue.html",
)
EXPORTS = follows(
    "CloudFormation user guide, Outputs section: Export",
    "AWSCloudFormation/latest/UserGuide/outputs-section-structure.html",
)
LISTED = operation("CloudFormation", "ListImports")
TAKEN = follows(
    "CloudFormation template reference, Fn::GetStackOutput",
    "AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html",
)
EXPORTER = """
Parameters: {Value: {Type: String, Default: one}}
Resources:
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: exports}}
Outputs:
  Told: {Value: !Ref Value, Export: {Name: !Sub "${AWS::StackName}:told"}}
  Plain: {Value: !Ref Value}
"""
IMPORTER = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: {"Fn::ImportValue": "EXPORTER:told"}}
"""


def importing(story: Story, name: str = "") -> str:
    return IMPORTER.replace("EXPORTER", name or story.name)


def alone(story: Story) -> str:
    """The importer's template, importing nothing."""
    return importing(story).replace('{"Fn::ImportValue": ', "").replace("}}", "}")


def value(text: str) -> list[dict[str, str]]:
    return [{"ParameterKey": "Value", "ParameterValue": text}]


def description(story: Story) -> str:
    groups = story.world.ec2.describe_security_groups(GroupIds=[story.physical("Group")])
    return str(groups["SecurityGroups"][0]["Description"])


@EXPORTS
@IMPORTS
@LISTED
def test_a_value_is_imported_and_held(story: Story, other: Story) -> None:
    api, name = story.world.cloudformation, f"{story.name}:told"
    assert story.create(EXPORTER) == "CREATE_COMPLETE"
    with pytest.raises(ClientError) as caught:
        api.list_imports(ExportName=name)
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "ValidationError",
        "Message": f"Export '{name}' is not imported by any stack.",
    }
    assert other.create(importing(story)) == "CREATE_COMPLETE"
    assert description(other) == "one"
    assert api.list_imports(ExportName=name)["Imports"] == [other.name]

    in_use = f"Export {name} cannot be {{}} as it is in use by {other.name}"
    story.news()
    assert story.update(EXPORTER, Parameters=value("two")) == "UPDATE_ROLLBACK_COMPLETE"
    assert f"STACK UPDATE_ROLLBACK_IN_PROGRESS [{in_use.format('updated')}]" in story.news()
    unexported = EXPORTER.replace(', Export: {Name: !Sub "${AWS::StackName}:told"}', "")
    assert story.update(unexported) == "UPDATE_ROLLBACK_COMPLETE"
    assert f"STACK UPDATE_ROLLBACK_IN_PROGRESS [{in_use.format('deleted')}]" in story.news()
    assert story.outputs == {"Told": "one", "Plain": "one"}
    with pytest.raises(ClientError, match=in_use.format("deleted")):
        story.delete()
    assert story.described["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"

    assert other.update(
        importing(story).replace('{"Fn::ImportValue": ', "").replace("}}", "}")
    ) == ("UPDATE_COMPLETE")
    with pytest.raises(ClientError, match="is not imported by any stack"):
        api.list_imports(ExportName=name)
    assert story.update(EXPORTER, Parameters=value("two")) == "UPDATE_COMPLETE"
    assert story.delete() == "DELETE_COMPLETE"


@IMPORTS
def test_an_update_that_goes_back_still_holds_what_it_had_imported(
    story: Story, other: Story
) -> None:
    story.create(EXPORTER)
    other.create(importing(story))
    volume = '  Data: {Type: "AWS::EC2::Volume", Properties: {Size: 1}}\n'
    assert other.update(alone(story) + volume) == "UPDATE_ROLLBACK_COMPLETE"
    told = story.world.cloudformation.list_imports(ExportName=f"{story.name}:told")
    assert told["Imports"] == [other.name]


@IMPORTS
def test_what_nobody_exports_cannot_be_imported(story: Story, other: Story) -> None:
    assert other.create(importing(story)) == "ROLLBACK_COMPLETE"
    missing = f"No export named {story.name}:told found"
    assert other.news() == [
        "STACK CREATE_IN_PROGRESS [User Initiated]",
        f"STACK ROLLBACK_IN_PROGRESS [{missing}. Rollback requested by user.]",
        "STACK ROLLBACK_COMPLETE",
    ]
    other.delete()
    assert story.change(importing(other), "CREATE")["StatusReason"] == (
        f"No export named {other.name}:told found"
    )


@EXPORTS
def test_an_export_has_one_owner(story: Story, other: Story) -> None:
    story.create(EXPORTER)
    same = EXPORTER.replace("${AWS::StackName}", story.name)
    assert other.create(same) == "ROLLBACK_COMPLETE"
    assert (
        f"STACK ROLLBACK_IN_PROGRESS [Export with name {story.name}:told is already exported by "
        f"stack {story.name}. Rollback requested by user.]"
    ) in other.news()


@TAKEN
def test_an_output_is_taken_without_being_held(story: Story, other: Story) -> None:
    story.create(EXPORTER)
    taken = importing(story).replace(
        f'"Fn::ImportValue": "{story.name}:told"',
        f'"Fn::GetStackOutput": {{StackName: {story.name}, OutputName: Plain}}',
    )
    assert other.create(taken) == "CREATE_COMPLETE"
    assert description(other) == "one"
    assert story.update(EXPORTER, Parameters=value("two")) == "UPDATE_COMPLETE"
    assert description(other) == "one"
    assert other.update(taken) == "UPDATE_COMPLETE"
    assert description(other) == "two"
    assert story.delete() == "DELETE_COMPLETE"


@EXPORTS
@IMPORTS
@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "{GroupDescription",
            "{GroupDescription: x}\nOutputs: {A: {Value: {'Fn::ImportValue': !Ref Group}}}\n#",
            "Fn::ImportValue must not depend on any resources",
        ),
        ('"EXPORTER:told"', "{'Fn::ImportValue': x}", "must not depend on any resources, imported"),
        (
            "{GroupDescription",
            "{GroupDescription: x}\nOutputs: {A: {Value: x, Export: {Name: !Ref Group}}}\n#",
            "Output A is malformed. The Name field of every Export member must not depend on",
        ),
        (
            "{GroupDescription",
            "{GroupDescription: x}\nOutputs: {A: {Value: x, Export: x}}\n#",
            "Output A is malformed. The Name field of every Export member must be specified",
        ),
    ],
)
def test_names_of_exports_are_known_beforehand(
    story: Story, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(ClientError) as caught:
        story.create(IMPORTER.replace(old, new))
    assert complaint in caught.value.response["Error"]["Message"]
