"""What a stack is made with in an environment, and where each value comes from."""

import json
from pathlib import Path

import pytest

from provisimus.cli.app import main
from provisimus.errors import InvalidDefinitions, NotFound
from provisimus.stacks.origins import Parameter, parameters_with_origins
from provisimus.workspace import open_workspace

PROJECT = """\
project: acme
tags:
  company: acme
  team: all
environments:
  local: {provider: local}
  staging: {provider: aws, account: "111122223333", region: eu-west-1}
"""
GREETER = """\
version: 1.0.0
network: main
instance_type: t3.small
data_volumes:
  - {mount: /data, size: 2 GiB}
environment:
  MODE: blue
  DB_PASSWORD: ${secret:greeter#password}
  API_TOKEN: of-the-laptop
tags: {team: greeters}
environments:
  staging:
    instance_type: m6i.large
    environment: {MODE: green}
    data_volumes: [{mount: /data, size: 50 GiB, snapshots: {every: 24h, keep: 7}}]
"""
TEMPLATE = """\
Parameters:
  Days: {Type: Number, Default: 4}
  Size: {Type: Number, Default: 10}
  Key: {Type: String, NoEcho: true, Default: of-nobody}
  Login: {Type: String, NoEcho: true}
  Vpc: {Type: String}
Resources:
  Queue: {Type: AWS::SQS::Queue}
"""
QUEUE = """\
type: raw
template: templates/queue.yaml
parameters:
  Days: 7
  Vpc: ${stack:main.VpcId}
  Login: "{{resolve:secretsmanager:queue:SecretString:login}}"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "provisimus.yaml": PROJECT,
        "packer/greeter/machine.yaml": "base: b\nmain: greeter\n",
        "stacks/main.yaml": "type: network\n",
        "stacks/greeter.yaml": GREETER,
        "stacks/queue.yaml": QUEUE,
        "stacks/templates/queue.yaml": TEMPLATE,
        "stacks/cache.yaml": "type: cluster\nmachine: greeter\nversion: '5'\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def told(root: Path, service: str, environment: str = "local") -> dict[str, tuple[str, str]]:
    found = parameters_with_origins(open_workspace(root), environment, service)
    assert len({each.key for each in found}) == len(found)
    return {each.key: (each.value, each.origin) for each in found}


def test_each_value_has_the_line_that_gives_it(root: Path) -> None:
    found = told(root, "greeter")
    assert found["instance_type"] == ("t3.small", "stacks/greeter.yaml:3")
    assert found["data_volumes/0/size"] == ("2 GiB", "stacks/greeter.yaml:5")
    assert found["network"] == ("main", "stacks/greeter.yaml:2")
    assert found["recovery"] == ("false", "the default of the type service")
    assert found["data_volumes/0/snapshots"] == ("none", "the default of the type service")
    assert found["machine"] == ("greeter", "the name of the service")
    assert found["stack_name"] == (
        "acme-local-greeter",
        "made of project, environment and service",
    )


def test_an_environment_says_whole_keys_and_single_variables(root: Path) -> None:
    found = told(root, "greeter", "staging")
    there = "environments: staging"
    assert found["instance_type"] == ("m6i.large", f"stacks/greeter.yaml:13, {there}")
    assert found["data_volumes/0/size"] == ("50 GiB", f"stacks/greeter.yaml:15, {there}")
    assert found["data_volumes/0/snapshots/every"] == ("1d", f"stacks/greeter.yaml:15, {there}")
    assert found["data_volumes/0/made_of"] == ("none", "the default of the type service")
    assert found["environment/MODE"] == ("green", f"stacks/greeter.yaml:14, {there}")
    assert found["environment/API_TOKEN"][1] == "stacks/greeter.yaml:9"
    assert found["version"] == ("1.0.0", "stacks/greeter.yaml:1")


def test_a_secret_is_a_reference_or_hidden(root: Path) -> None:
    found = told(root, "greeter")
    assert found["environment/DB_PASSWORD"][0] == "${secret:greeter#password}"
    assert found["environment/API_TOKEN"][0] == "****"
    found = told(root, "queue")
    assert found["parameters/Login"][0] == "{{resolve:secretsmanager:queue:SecretString:login}}"
    assert found["template/Key"][0] == "****"


def test_tags_come_from_the_company_and_the_stack(root: Path) -> None:
    found = told(root, "greeter")
    assert found["tags/company"] == ("acme", "provisimus.yaml:3")
    assert found["tags/team"] == ("greeters", "stacks/greeter.yaml:10")
    assert "tags" not in told(root, "queue")


def test_what_others_give_is_told_by_their_name(root: Path) -> None:
    found = told(root, "greeter")
    said = "an output of the stack main"
    assert found["template/SubnetId"] == ("${stack:main.PrivateSubnetA}", said)
    assert found["template/ImageId"] == (
        "unknown",
        "the machine image of greeter, when it is baked",
    )
    assert told(root, "cache-2")["template/VpcId"] == (
        "unknown",
        "the account's default VPC, when the stack is made",
    )
    found = told(root, "queue")
    assert found["parameters/Vpc"] == (
        "${stack:main.VpcId}",
        "stacks/queue.yaml:5: the output VpcId of main",
    )
    assert found["template/Size"] == ("10", "the default in stacks/templates/queue.yaml")
    assert "template/Days" not in found
    assert found["parameters/Days"] == ("7", "stacks/queue.yaml:4")


def test_file_and_line_stand_by_themselves_too(root: Path) -> None:
    found = parameters_with_origins(open_workspace(root), "staging", "greeter")
    [asked] = [each for each in found if each.key == "instance_type"]
    said = "stacks/greeter.yaml:13, environments: staging"
    assert asked == Parameter("instance_type", "m6i.large", said, "stacks/greeter.yaml", 13)


def test_what_is_not_there_and_what_is_faulty(root: Path) -> None:
    with pytest.raises(NotFound):
        told(root, "nobody")
    (root / "stacks/greeter.yaml").write_text("network: gone\n")
    with pytest.raises(InvalidDefinitions):
        told(root, "greeter")


@pytest.mark.parametrize("origins", [True, False])
def test_the_command(root: Path, capsys: pytest.CaptureFixture[str], *, origins: bool) -> None:
    more = ["--origins"] if origins else []
    words = ["stack", "parameters", "greeter", "-C", str(root), "--env", "staging", *more]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["PARAMETER", "VALUE", *(["ORIGIN"] if origins else [])]
    [line] = [each for each in lines if each.startswith("instance_type")]
    assert line.endswith("environments: staging" if origins else "m6i.large")
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    one = json.loads(capsys.readouterr().out)[0]
    assert set(one) == {"key", "value", *(["origin", "file", "line"] if origins else [])}


def test_an_environment_that_nobody_declares(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["stack", "parameters", "greeter", "-C", str(root), "--env", "stagign"])
    assert ended.value.code == 2
    assert "did you mean 'staging'?" in capsys.readouterr().err
