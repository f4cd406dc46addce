"""Stacks that others made come under management, against a local cloud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from tests.contract.stacks.desk import Desk, eventually

from provisimus.cli.app import provisimus
from provisimus.cli.names import foreign_stacks
from provisimus.errors import StillRunning

BODY = """\
# Made by hand, with a remark that stays.
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Display: {Type: String}
  Level: {Type: String, Default: "1"}
Conditions:
  Always: !Equals [a, a]
Resources:
  News:
    Type: AWS::SNS::Topic
    Condition: Always
    Properties:
      DisplayName: !Sub "${Display}"
  Setting:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref Level}
Outputs:
  Topic: {Value: !GetAtt News.TopicArn}
"""

OTHER = '{ "Resources":\n\t{"A": {"Type": "AWS::SNS::Topic"} } }\n'


def made(
    desk: Desk, name: str, body: str = BODY, tags: dict[str, str] | None = None, **given: str
) -> str:
    if body != OTHER:
        given = given or {"Display": "yes", "Level": "007"}
    stack = desk.cloudformation.create_stack(
        StackName=name,
        TemplateBody=body,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
        Tags=[{"Key": k, "Value": v} for k, v in (tags or {}).items()],
    )["StackId"]
    eventually(lambda: seen(desk, name)["StackStatus"] == "CREATE_COMPLETE", f"{name} is not made")
    return str(stack)


def seen(desk: Desk, name: str) -> Any:
    return desk.cloudformation.describe_stacks(StackName=name)["Stacks"][0]


def tags_of(desk: Desk, name: str) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in seen(desk, name)["Tags"]}


def adopt(desk: Desk, *arguments: str, expect: int = 0) -> Any:
    done = desk.run("adopt", *arguments, "--yes", "--quiet", "--json", expect=expect)
    return json.loads(done.stdout) if not expect else done.exception


def test_a_stack_is_adopted_planned_changed_and_deleted(desk: Desk) -> None:
    stack = made(desk, "News-Letters", tags={"team": "letters"})
    before = desk.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    context = click.Context(provisimus, info_name="provisimus")
    context.params = {"folder": str(desk.root), "env": "local"}
    assert foreign_stacks(context, click.Argument(["name"]), "New") == ["News-Letters"]
    told = adopt(desk, "News-Letters", "--dry-run")
    assert told["write"] == ["stacks/templates/news-letters.yaml", "stacks/news-letters.yaml"]
    assert not (desk.root / "stacks/news-letters.yaml").exists()
    assert tags_of(desk, stack) == {"team": "letters"}
    assert not desk.cloudformation.list_change_sets(StackName=stack)["Summaries"]

    assert adopt(desk, "News-Letters")["adopted"] is True
    assert (desk.root / "stacks/templates/news-letters.yaml").read_text() == BODY
    assert (desk.root / "stacks/news-letters.yaml").read_text() == (
        "# Adopted: the stack News-Letters of local, with its own template.\n"
        "type: raw\n"
        "template: templates/news-letters.yaml\n"
        'parameters:\n  Display: "yes"\n  Level: "007"\n'
        'tags:\n  team: "letters"\n'
        "environments: {local: {stack_name: News-Letters}}\n"
    )
    assert tags_of(desk, stack) == {
        "team": "letters",
        "provisimus:project": "desk",
        "provisimus:environment": "local",
        "provisimus:service": "news-letters",
    }
    # Once more is nothing more, under either way of naming it.
    for again in (("News-Letters",), ("News-Letters", "--as", "news-letters")):
        assert adopt(desk, *again)["write"] == []

    assert foreign_stacks(context, click.Argument(["name"]), "New") == []

    plan = json.loads(desk.run("plan", "news-letters", "--json").stdout)
    assert "its tags changed" in json.dumps(plan)
    desk.apply("news-letters")
    after = desk.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    assert [each["PhysicalResourceId"] for each in after] == [
        each["PhysicalResourceId"] for each in before
    ]
    assert tags_of(desk, stack)["team"] == "letters"
    assert "provisimus:fingerprint" in tags_of(desk, stack)
    desk.run("plan", "news-letters", "--exit-code")

    definition = desk.root / "stacks/news-letters.yaml"
    definition.write_text(definition.read_text().replace('"yes"', '"other"'))
    desk.apply("news-letters")
    assert {"ParameterKey": "Display", "ParameterValue": "other"} in seen(desk, stack)["Parameters"]
    assert "News-Letters" in desk.run("status", "news-letters", "--json").stdout
    assert "News-Letters" in desk.run("list", "--json").stdout
    desk.run("drift", "news-letters", "--exit-code")
    desk.run("protect", "news-letters", "--yes")
    assert seen(desk, stack)["EnableTerminationProtection"] is True
    desk.run("protect", "news-letters", "--off", "--yes")
    assert "every stack is declared" in desk.run("prune", "--dry-run").stdout
    desk.run("delete", "news-letters", "--yes", "--quiet")
    assert seen(desk, stack)["StackStatus"] == "DELETE_COMPLETE"


def test_an_adopted_stack_that_nobody_declares_any_more_is_pruned(desk: Desk) -> None:
    stack = made(desk, "Old", body=OTHER)
    adopt(desk, "Old", "--as", "a")
    assert (desk.root / "stacks/templates/a.json").read_text() == OTHER
    # By its tags it is found while its file is faulty, and when it is gone.
    (desk.root / "stacks/a.yaml").write_text("type: raw\ntemplate:\n")
    assert "Old rests: UPDATE_COMPLETE" in desk.run("watch", "a").stdout
    assert "UPDATE_COMPLETE" in desk.run("status").stdout
    (desk.root / "stacks/a.yaml").unlink()
    assert "Old rests: UPDATE_COMPLETE" in desk.run("watch", "a").stdout
    assert json.loads(desk.run("prune", "--yes", "--quiet", "--json").stdout)["deleted"] == ["Old"]
    assert seen(desk, stack)["StackStatus"] == "DELETE_COMPLETE"


def test_what_is_killed_between_files_and_tags_goes_on(desk: Desk) -> None:
    stack = made(desk, "Letters", tags={"team": "letters"})
    adopt(desk, "Letters", "--as", "one")
    files = {path: path.read_text() for path in (desk.root / "stacks").rglob("*one*")}
    desk.cloudformation.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": k, "UsePreviousValue": True} for k in ("Display", "Level")],
        Tags=[{"Key": "team", "Value": "letters"}],
    )
    eventually(lambda: seen(desk, stack)["StackStatus"] == "UPDATE_COMPLETE", "it does not rest")
    # Told as somebody else's until its tags say so; the hint leads out.
    refused = desk.run("plan", "one", expect=1).exception
    assert "provisimus stack adopt Letters --as one" in str(getattr(refused, "hint", ""))
    assert adopt(desk, "Letters")["service"] == "one"
    assert tags_of(desk, stack)["provisimus:service"] == "one"
    assert {path: path.read_text() for path in files} == files


def test_a_definition_that_is_there_is_compared(desk: Desk) -> None:
    stack = made(desk, "Letters")
    (desk.root / "stacks/templates").mkdir()
    (desk.root / "stacks/templates/mine.yaml").write_text(BODY.replace("  Setting:", "  Other:"))
    text = "type: raw\ntemplate: templates/mine.yaml\nparameters: {Display: a}\n"
    definition = desk.root / "stacks/mine.yaml"
    definition.write_text(text)
    refused = adopt(desk, "Letters", "--as", "mine", expect=1)
    assert "environments: {local: {stack_name: Letters}}" in refused.hint
    definition.write_text(text := text + "stack_name: Letters\n")
    told = adopt(desk, "Letters")
    assert told["differences"] == [
        "create Other (AWS::SSM::Parameter)",
        "delete Setting (AWS::SSM::Parameter)",
    ]
    assert definition.read_text() == text
    assert tags_of(desk, stack)["provisimus:service"] == "mine"
    assert adopt(desk, "Letters", "--as", "two", expect=1)


def test_what_nobody_can_read_must_be_said(desk: Desk) -> None:
    body = BODY.replace("Level: {Type: String", "Level: {Type: String, NoEcho: true")
    made(desk, "Letters", body=body)
    told = adopt(desk, "Letters", "--as", "secret")
    assert told["say"] == ["Level"]
    written = (desk.root / "stacks/secret.yaml").read_text()
    assert "007" not in written and "****" not in written
    refused: Any = desk.run("plan", "secret", expect=1).exception
    assert refused.problems[0].key == "parameters/Level"
    assert "{{resolve:secretsmanager:" in refused.problems[0].hint
    assert adopt(desk, "Letters", "--as", "secret")["adopted"] is True

    secret = desk.cloud.client("secretsmanager")
    secret.create_secret(Name="letters", SecretString=json.dumps({"level": "008"}))
    reference = '"{{resolve:secretsmanager:letters:SecretString:level}}"'
    said = "".join(
        f"  Level: {reference}\n" if line.startswith("  Level:") else line
        for line in written.splitlines(keepends=True)
    )
    (desk.root / "stacks/secret.yaml").write_text(said)
    desk.apply("secret")
    name = desk.cloudformation.describe_stack_resource(
        StackName="Letters", LogicalResourceId="Setting"
    )["StackResourceDetail"]["PhysicalResourceId"]
    assert desk.cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == "008"
    desk.run("plan", "secret", "--exit-code")


def test_a_parameter_may_be_called_as_one_of_ours(desk: Desk) -> None:
    body = BODY.replace("Display", "ImageId").replace("ImageIdName", "DisplayName")
    made(desk, "Letters", body=body, ImageId="ami-1", Level="1")
    adopt(desk, "Letters")
    [plan] = json.loads(desk.run("plan", "letters", "--json").stdout)["stacks"]
    assert (plan["change"], plan["changes"]) == ("update", [])
    definition = desk.root / "stacks/letters.yaml"
    definition.write_text(definition.read_text().replace("ami-1", "ami-2"))
    [plan] = json.loads(desk.run("plan", "letters", "--json").stdout)["stacks"]
    [change] = plan["changes"]
    assert change["logical_id"] == "News"
    assert "ami-2" in json.dumps(change["values"])


def test_an_adoption_that_was_interrupted_is_followed(desk: Desk) -> None:
    stack = made(desk, "Letters")
    desk.fault("sns:TagResource", "delay", seconds=4)
    refused = adopt(desk, "Letters", "--timeout", "0.2", expect=1)
    assert isinstance(refused, StillRunning)
    assert seen(desk, stack)["StackStatus"] == "UPDATE_IN_PROGRESS"
    assert adopt(desk, "Letters")["adopted"] is True
    assert seen(desk, stack)["StackStatus"] == "UPDATE_COMPLETE"


def test_what_may_not_be_adopted_stays_as_it_is(desk: Desk, tmp_path: Path) -> None:
    assert "there is no stack Nothing" in str(adopt(desk, "Nothing", expect=1))
    others = {"provisimus:project": "other", "provisimus:service": "a"}
    stack = made(desk, "Theirs", tags=others)
    assert "has an owner: other" in str(adopt(desk, "Theirs", expect=1))
    assert tags_of(desk, stack) == others

    desk.declare("one", A="a")
    desk.apply("one")
    made(desk, "Mine")
    assert "one has a stack already: desk-local-one" in str(
        adopt(desk, "Mine", "--as", "one", expect=1)
    )
    assert "has an owner" in str(adopt(desk, "desk-local-one", "--as", "two", expect=1))
    assert "lower-case" in str(adopt(desk, "Mine", "--as", "No!", expect=1))
    assert not (desk.root / "stacks/templates").exists()

    desk.fault("sns:CreateTopic", "delay", seconds=3)
    desk.cloudformation.create_stack(StackName="Slow", TemplateBody=BODY, Parameters=[
        {"ParameterKey": "Display", "ParameterValue": "a"}])  # fmt: skip
    assert "is busy: CREATE_IN_PROGRESS" in str(adopt(desk, "Slow", expect=1))
    eventually(lambda: seen(desk, "Slow")["StackStatus"] == "CREATE_COMPLETE", "it is not made")


def test_tags_that_would_change_more_are_refused(desk: Desk) -> None:
    ssm = desk.cloud.client("ssm")
    ssm.put_parameter(Name="/level", Type="String", Value="1", Overwrite=True)
    body = BODY.replace('Level: {Type: String, Default: "1"}', (
        "Level: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /level}"))  # fmt: skip
    stack = made(desk, "Letters", body=body, Display="a")
    ssm.put_parameter(Name="/level", Type="String", Value="2", Overwrite=True)
    refused = adopt(desk, "Letters", "--as", "moved", expect=1)
    assert "tags alone would change more of Letters" in str(refused)
    assert "Setting" in str(refused)
    assert not (desk.root / "stacks/moved.yaml").exists()
    assert tags_of(desk, stack) == {}
