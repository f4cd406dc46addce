"""Values for a template's parameters: what CloudFormation would refuse is told before."""

from pathlib import Path
from typing import Any

import pytest

from provisimus.stacks.checking import stack_problems
from provisimus.stacks.given_parameters import parameter_problems
from provisimus.workspace import open_workspace


def told(about: dict[str, Any], value: str | None) -> list[tuple[str, str | None]]:
    given = {} if value is None else {"A": value}
    found = list(parameter_problems({"Parameters": {"A": about}}, given, "a.yaml"))
    assert {each.key for each in found} <= {"parameters/A"}
    return [(each.message, each.hint) for each in found]


@pytest.mark.parametrize(
    ("about", "value"),
    [
        ({"Type": "String"}, ""),
        ({"Type": "String", "Default": "x"}, None),
        ({"Type": "String", "AllowedValues": ["a", True, 1]}, "true"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "abc"),
        ({"Type": "String", "AllowedPattern": "(?<name>x"}, "a pattern that Python cannot read"),
        ({"Type": "String", "MinLength": 1, "MaxLength": "3"}, "abc"),
        ({"Type": "Number", "MinValue": 1, "MaxValue": 9}, "9"),
        ({"Type": "List<Number>", "MaxValue": 9}, "1, 9"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a,b"),
        ({"Type": "AWS::SSM::Parameter::Value<String>", "AllowedValues": ["a"]}, "/acme/name"),
        ({"Type": "String", "NoEcho": True}, "{{resolve:secretsmanager:a:SecretString:b}}"),
        ({"Type": "String", "NoEcho": "true"}, "${stack:main.Key}"),
        ({"Type": "Number", "MaxValue": 9}, "{{resolve:ssm:/days}}"),
    ],
)
def test_what_is_as_it_is_declared(about: dict[str, Any], value: str | None) -> None:
    assert told(about, value) == []


@pytest.mark.parametrize(
    ("about", "value", "said"),
    [
        ({"Type": "String"}, None, "the template a.yaml needs a value for A, and none is given"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "'c' is not allowed: one of a, b"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "a1", "'a1' does not match [a-z]+"),
        (
            {"Type": "String", "MinLength": 3},
            "ab",
            "'ab' has 2 characters, which is less than 3",
        ),
        (
            {"Type": "String", "MaxLength": 1},
            "ab",
            "'ab' has 2 characters, which is more than 1",
        ),
        ({"Type": "Number"}, "many", "'many' is no number"),
        ({"Type": "Number", "MinValue": 1}, "0", "0 is less than 1"),
        ({"Type": "List<Number>", "MaxValue": 9}, "1,10", "10 is more than 9"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "a,b", "'b' is not allowed: "),
    ],
)
def test_what_is_not(about: dict[str, Any], value: str | None, said: str) -> None:
    [(message, _)] = told(about, value)
    assert message.startswith(said)


def test_a_secret_is_refused_without_telling_it() -> None:
    [(message, hint)] = told({"Type": "String", "NoEcho": True, "MinLength": 20}, "hunter2")
    assert message == "A is a secret (NoEcho), and its value stands in the file"
    assert "{{resolve:secretsmanager:" in str(hint)
    assert "hunter2" not in message + str(hint)


def test_who_wrote_the_template_says_what_is_wanted() -> None:
    about = {"Type": "Number", "MaxValue": 14, "ConstraintDescription": "SQS keeps two weeks"}
    assert told(about, "15") == [("15 is more than 14", "SQS keeps two weeks")]


def test_check_tells_all_of_them_at_their_lines(tmp_path: Path) -> None:
    files = {
        "provisimus.yaml": "project: acme\n",
        "stacks/queue.template": "Parameters:\n"
        "  Days: {Type: Number, MaxValue: 14}\n"
        "  Key: {Type: String, NoEcho: true}\n"
        "  Mode: {Type: String, AllowedValues: [blue, green]}\n"
        "  Owner: {Type: String}\n"
        "  Size: {Type: Number}\n"
        "Resources: {Queue: {Type: AWS::SQS::Queue}}\n",
        "stacks/queue.yaml": "type: raw\ntemplate: queue.template\n"
        "parameters:\n  Days: 7\n  Key: hunter2\n  Mode: blue\n  Oner: me\n"
        "environments:\n  local:\n"
        "    parameters: {Days: 15, Mode: blue, Owner: me, Size: 1, Key: x}\n",
    }
    (tmp_path / "stacks").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = stack_problems(open_workspace(tmp_path))
    assert {Path(each.file).name for each in found} == {"queue.yaml"}
    assert [(each.line, each.key, each.message) for each in found] == [
        (
            3,
            "parameters/Size",
            "the template queue.template needs a value for Size, and none is given",
        ),
        (5, "parameters/Key", "Key is a secret (NoEcho), and its value stands in the file"),
        (7, "parameters/Oner", "the template queue.template has no parameter Oner"),
        (10, "environments/local/parameters/Days", "15 is more than 14"),
        (
            10,
            "environments/local/parameters/Key",
            "Key is a secret (NoEcho), and its value stands in the file",
        ),
    ]
    assert found[2].hint == "did you mean 'Owner'?"
