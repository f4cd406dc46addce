"""Clients that know nothing of us use the local cloud as they use AWS: the AWS CLI and Sceptre.

Long: both are installed from the package index first. Packer has rehearsals of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import LocalCloud

CLIENTS = ("awscli", "sceptre")
TEMPLATE = """\
Parameters:
  Text: {Type: String, Default: one}
  Name: {Type: String, Default: clients}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: !Ref Text, GroupName: !Ref Name}
  Volume:
    Type: AWS::EC2::Volume
    DeletionPolicy: Delete
    Properties: {AvailabilityZone: eu-west-1a, Size: 1}
  Setting: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !Ref Group}}
Outputs: {Volume: {Value: !Ref Volume}}
"""
pytestmark = pytest.mark.timeout(600)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    if not request.config.getoption("--all"):
        pytest.skip("installs other clients; runs with --all")
    folder = tmp_path_factory.mktemp("clients")
    subprocess.run((sys.executable, "-m", "venv", str(folder)), check=True)
    subprocess.run((str(folder / "bin/pip"), "install", "--quiet", *CLIENTS), check=True)
    return folder / "bin"


@pytest.fixture
def run(cloud: LocalCloud, programs: Path, tmp_path: Path) -> Run:
    """Runs a client in a folder with the template, as somebody whose endpoint is the cloud."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/one.yaml").write_text(TEMPLATE)
    environment = {
        **os.environ, "AWS_ENDPOINT_URL": cloud.url, "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1", "AWS_PAGER": "",
    }  # fmt: skip

    def call(
        program: str, *arguments: str, fails: bool = False
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            (str(programs / program), *arguments),
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done

    return call


def status(cloud: LocalCloud, name: str) -> str:
    [stack] = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return str(stack["StackStatus"])


def groups(cloud: LocalCloud) -> set[str]:
    found = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
    return {each["GroupName"] for each in found} - {"default"}


def test_the_aws_cli(run: Run, cloud: LocalCloud) -> None:
    def deploy(*overrides: str, fails: bool = False) -> str:
        done = run(
            *("aws", "cloudformation", "deploy", "--stack-name", "one"),
            *("--template-file", "templates/one.yaml", "--no-fail-on-empty-changeset"),
            *("--parameter-overrides", *overrides),
            fails=fails,
        )
        return done.stdout + done.stderr

    assert "Successfully created" in deploy("Text=one")
    assert (status(cloud, "one"), groups(cloud)) == ("CREATE_COMPLETE", {"clients"})
    assert "No changes to deploy" in deploy("Text=one")
    deploy("Text=one", "Name=replaced")
    assert (status(cloud, "one"), groups(cloud)) == ("UPDATE_COMPLETE", {"replaced"})

    cloud.client("ec2").create_security_group(GroupName="taken", Description="in the way")
    assert "Failed to create/update the stack" in deploy("Name=taken", fails=True)
    assert status(cloud, "one") == "UPDATE_ROLLBACK_COMPLETE"
    events = run("aws", "cloudformation", "describe-stack-events", "--stack-name", "one").stdout
    reasons = [each.get("ResourceStatusReason", "") for each in json.loads(events)["StackEvents"]]
    assert any("InvalidGroup.Duplicate" in each for each in reasons)
    assert groups(cloud) == {"replaced", "taken"}

    run("aws", "cloudformation", "delete-stack", "--stack-name", "one")
    run("aws", "cloudformation", "wait", "stack-delete-complete", "--stack-name", "one")
    assert groups(cloud) == {"taken"}


def test_sceptre(run: Run, cloud: LocalCloud, tmp_path: Path) -> None:
    config = tmp_path / "config"
    (config / "dev").mkdir(parents=True)
    (config / "config.yaml").write_text("project_code: acme\nregion: eu-west-1\n")

    def define(**parameters: str) -> None:
        (config / "dev/one.yaml").write_text(
            f"template: {{path: one.yaml, type: file}}\nparameters: {json.dumps(parameters)}\n"
        )

    define(Text="one")
    run("sceptre", "launch", "-y", "dev/one.yaml")
    assert (status(cloud, "acme-dev-one"), groups(cloud)) == ("CREATE_COMPLETE", {"clients"})
    define(Name="replaced")
    run("sceptre", "launch", "-y", "dev/one.yaml")
    assert (status(cloud, "acme-dev-one"), groups(cloud)) == ("UPDATE_COMPLETE", {"replaced"})
    assert "IN_SYNC" in run("sceptre", "drift", "detect", "dev/one.yaml").stdout
    assert "vol-" in run("sceptre", "list", "outputs", "dev/one.yaml").stdout

    cloud.client("ec2").create_security_group(GroupName="taken", Description="in the way")
    define(Name="taken")
    run("sceptre", "launch", "-y", "dev/one.yaml", fails=True)
    assert status(cloud, "acme-dev-one") == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(cloud) == {"replaced", "taken"}
    run("sceptre", "delete", "-y", "dev/one.yaml")
    assert groups(cloud) == {"taken"}
