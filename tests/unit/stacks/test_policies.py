"""A company's rules in CloudFormation Guard, evaluated by AWS's own engine."""

from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions, Refused, ToolMissing
from provisimus.stacks import policies
from provisimus.stacks.checking import stack_problems
from provisimus.stacks.policies import (
    Rules,
    Violation,
    check_policies,
    environments_with_rules,
    resolved,
    rules_of,
    violations,
)
from provisimus.workspace import open_workspace

TEXT = """\
let groups = Resources.*[ Type == 'AWS::EC2::SecurityGroup' ]

rule nobody_is_open_to_the_world when %groups !empty {
    %groups.Properties.SecurityGroupIngress[*].CidrIp != "0.0.0.0/0" <<behind a load balancer>>
}

rule small_machines when Resources.*[ Type == 'AWS::EC2::Instance' ] !empty {
    Resources.*[ Type == 'AWS::EC2::Instance' ].Properties.InstanceType == /^t3\\./ <<t3 alone>>
}
"""
RULES = (Rules("policies/all.guard", TEXT),)


def template(source: str) -> dict[str, object]:
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": source}
    return {
        "Parameters": {"InstanceType": {"Type": "String"}},
        "Resources": {
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "x", "SecurityGroupIngress": [rule]},
            },
            "Machine": {
                "Type": "AWS::EC2::Instance",
                "Properties": {"ImageId": "ami-1", "InstanceType": {"Ref": "InstanceType"}},
            },
        },
    }


def test_what_keeps_the_rules_passes_and_parameters_are_seen() -> None:
    check_policies(RULES, "greeter", template("10.0.0.0/8"), {"InstanceType": "t3.small"})
    check_policies((), "greeter", template("0.0.0.0/0"), {})


def test_every_rule_that_is_not_kept_is_told() -> None:
    found = violations(RULES, template("0.0.0.0/0"), {"InstanceType": "m6i.large"})
    assert [(each.rule, each.resource, each.message) for each in found] == [
        ("nobody_is_open_to_the_world", "Group", "behind a load balancer"),
        ("small_machines", "Machine", "t3 alone"),
    ]
    with pytest.raises(Refused, match=r"greeter does not keep the rules.*and 1 more") as refused:
        check_policies(RULES, "greeter", template("0.0.0.0/0"), {"InstanceType": "m6i.large"})
    assert refused.value.exit_code == 5
    assert "t3 alone (small_machines)" in str(refused.value.where)


def test_a_file_that_is_no_guard_is_told_with_its_line() -> None:
    broken = (*RULES, Rules("policies/bad.guard", "rule x {{"))
    with pytest.raises(InvalidDefinitions) as wrong:
        violations(broken, template("0.0.0.0/0"), {})
    [problem] = wrong.value.problems
    assert (problem.file, problem.line) == ("policies/bad.guard", 1)


def test_rules_that_cannot_be_checked_are_never_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(policies.importlib, "import_module", missing)
    with pytest.raises(ToolMissing, match="cannot be checked"):
        violations((Rules("policies/other.guard", TEXT),), template("10.0.0.0/8"), {})


def test_lists_are_split_and_what_nobody_shall_see_stays_a_reference() -> None:
    body = {
        "Parameters": {
            "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"},
            "Key": {"Type": "String", "NoEcho": True},
        },
        "Resources": {"A": {"Properties": {"S": {"Ref": "Subnets"}, "K": [{"Ref": "Key"}]}}},
    }
    assert resolved(body, {"Subnets": "a,b", "Key": "hunter2"})["Resources"] == {
        "A": {"Properties": {"S": ["a", "b"], "K": [{"Ref": "Key"}]}}
    }


def test_a_violation_says_where() -> None:
    told = Violation("encrypted", "Data", "Properties", "encrypt it")
    assert str(told) == "Data Properties: encrypt it (encrypted)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("stacks", "packer/greeter", "docker", "policies/production"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "provisimus.yaml").write_text(
        "project: acme\nenvironments:\n  local: {provider: local}\n"
        '  production: {provider: aws, account: "111122223333", region: eu-west-1}\n'
    )
    (tmp_path / "stacks/events.yaml").write_text("type: raw\ntemplate: t.yaml\n")
    (tmp_path / "stacks/t.yaml").write_text(
        "Resources:\n  Group:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n"
        "      GroupDescription: x\n      SecurityGroupIngress:\n"
        "        - {IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 0.0.0.0/0}\n"
    )
    (tmp_path / "policies/production/open.guard").write_text(TEXT)
    return tmp_path


def test_rules_of_one_environment_hold_there_alone(root: Path) -> None:
    assert rules_of(root, "local") == rules_of(root, None) == ()
    assert [each.name for each in rules_of(root, "production")] == [
        "policies/production/open.guard"
    ]
    assert environments_with_rules(root) == {"production"}


def test_check_tells_of_rules_offline(root: Path) -> None:
    [problem] = stack_problems(open_workspace(root))
    assert problem.file.endswith("stacks/events.yaml")
    assert "against a rule of the company in production: Group" in problem.message
    (root / "policies/production/open.guard").rename(root / "policies/open.guard")
    assert len(stack_problems(open_workspace(root))) == 1
