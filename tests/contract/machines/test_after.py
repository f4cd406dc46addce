"""`provisimus machine show|diff|sbom|prune` from the outside, on an EC2 and a real registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisimus.aws import as_tags
from provisimus.cli import main
from provisimus.environment import Environment
from provisimus.images.registry import open_registry
from provisimus.images.sbom.beside import get_beside, put_beside
from provisimus.machines import tags
from provisimus.model import Commits, Digest
from provisimus.release.machine_sbom import tag_of
from provisimus.stacks.change_set import Deployment
from provisimus.stacks.way_back import remembering

Command = Callable[..., tuple[int, str, str]]
Bake = Callable[..., str]
TEMPLATE: dict[str, Any] = {
    "Parameters": {"ImageId": {"Type": "String"}},
    "Resources": {
        "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "x"}}
    },
}


@pytest.fixture
def machine(
    environment: Environment,
    registry_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    root = tmp_path / "acme"
    (root / "stacks").mkdir(parents=True)
    (root / "packer/greeter").mkdir(parents=True)
    (root / "packer/greeter/machine.yaml").write_text("base: x\nmain: greeter\n")
    (root / "provisimus.yaml").write_text(
        f'project: acme\nregistry: {{url: "{registry_url}"}}\nenvironments:\n'
        '  staging: {provider: aws, account: "123456789012", region: eu-west-1, '
        f'endpoint: "{environment.cloud.endpoint}"}}\n'
        '  production: {provider: aws, account: "123456789012", region: eu-west-1, '
        f'endpoint: "{environment.cloud.endpoint}", promote_from: staging}}\n'
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exiting:
            main(["machine", *arguments, "-C", str(root), "--env", "staging"])
        out, err = capsys.readouterr()
        return int(exiting.value.code or 0), out, err

    return run


@pytest.fixture
def bake(environment: Environment) -> Bake:
    """Registers a usable machine image of a version."""

    def make(version: str, run: str = "20260101T000000-abcdef") -> str:
        ec2: Any = environment.cloud.ec2
        image: str = ec2.register_image(Name=f"v{version}", RootDeviceName="/dev/xvda")["ImageId"]
        lineage = tags.image_tags(
            *("acme", "greeter", version, Digest.of(version.encode())),
            inputs={"setup": "sha256:" + version[-1] * 64},
            images={"greeter": "127.0.0.1:5000/greeter@sha256:" + version[-1] * 64},
            commits=Commits({"packer": f"commit-of-{version}"}),
            base="ami-1",
            run=run,
        )
        marks = {**lineage, tags.USABLE: "2026-01-01T00:00:00Z", tags.HEALTHY_AFTER: "31"}
        ec2.create_tags(Resources=[image], Tags=as_tags(marks))
        return image

    return make


def use_all(environment: Environment, images: list[str]) -> None:
    """One use of each kind: instance, launch template, launch configuration, stack, way back."""
    cloud = environment.cloud
    cloud.ec2.run_instances(ImageId=images[0], MinCount=1, MaxCount=1)
    ec2: Any = cloud.ec2
    ec2.create_launch_template(
        LaunchTemplateName="greeters", LaunchTemplateData={"ImageId": images[1]}
    )
    ec2.create_launch_template_version(
        LaunchTemplateName="greeters", LaunchTemplateData={"ImageId": images[2]}
    )
    cloud.autoscaling.create_launch_configuration(
        LaunchConfigurationName="old-greeters", ImageId=images[3], InstanceType="t3.small"
    )
    before = Deployment(TEMPLATE, {"ImageId": images[5]}, {"provisimus:version": "0.9"})
    cloud.cloudformation.create_stack(
        StackName="acme-production-greeter",
        TemplateBody=json.dumps(remembering(TEMPLATE, before)),
        Parameters=[{"ParameterKey": "ImageId", "ParameterValue": images[4]}],
        Tags=as_tags({"provisimus:project": "acme", "provisimus:version": "1.0"}),
    )


def test_prune_keeps_what_is_used_and_removes_the_rest_when_told(
    environment: Environment, machine: Command, bake: Bake, tmp_path: Path
) -> None:
    images = [bake(f"1.0.{number}", f"20260101T000000-00000{number}") for number in range(9)]
    use_all(environment, images)
    (tmp_path / "acme/stacks/greeter.yaml").write_text(
        "machine: greeter\nenvironments: {production: {version: 1.0.6}}\n"
    )
    # All are of one second here; which of two is the newest is for the test of the decision.
    asked = ("prune", "--keep", "1", "--older-than", "0h")
    status, out, err = machine(*asked, "--dry-run", "--json")
    assert status == 0, err
    told = {each["image_id"]: each for each in json.loads(out)}
    assert [told[image]["reason"].partition(" (")[0] for image in images[1:7]] == [
        "launch template greeters names it in version 1",
        "launch template greeters names it in version 2",
        "launch configuration old-greeters names it",
        "stack acme-production-greeter has it",
        "stack acme-production-greeter would go back to it",
        "production is promoted from here and declares it",
    ]
    assert told[images[0]]["reason"].startswith("instance i-")
    going = {image for image, each in told.items() if not each["keep"]}
    assert going <= {images[7], images[8]}
    assert len(going) >= 1
    assert all(told[image]["saves_usd_month_at_most"] == 0.75 for image in going)

    status, _, err = machine(*asked)
    assert status == 2
    assert "nobody is there to answer" in err
    assert f"saves at most {0.75 * len(going):.2f} USD a month" in err
    assert "upper bound" in err
    ec2: Any = environment.cloud.ec2
    before = len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"])
    status, out, err = machine(*asked, "--yes", "--quiet")
    assert status == 0, err
    left = {each["ImageId"] for each in ec2.describe_images(Owners=["self"])["Images"]}
    assert left == set(images) - going
    after = len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"])
    assert before - after == len(going)
    assert machine(*asked, "--yes")[1].splitlines()[-1] == "nothing goes"


def test_an_age_that_is_none(machine: Command) -> None:
    status, _, err = machine("prune", "--older-than", "soon")
    assert (status, "'soon' is no age" in err) == (2, True)


def test_show_tells_who_uses_it(environment: Environment, machine: Command, bake: Bake) -> None:
    images = [bake(f"1.0.{number}") for number in range(6)]
    use_all(environment, images)
    status, out, err = machine("show", images[4])
    assert status == 0, err
    assert "used by       stack acme-production-greeter has it (version 1.0)" in out
    assert "healthy       31 s after power-on" in out
    assert "packages      unknown: no SBOM was kept" in out
    data = json.loads(machine("show", images[1], "--json")[1])
    assert data["uses"] == [
        {"kind": "launch template", "name": "greeters", "how": "names it in version 1"}
    ]
    assert data["commits"] == {"packer": "commit-of-1.0.1"}


def test_the_sbom_is_read_where_any_machine_can(
    machine: Command, bake: Bake, registry_url: str
) -> None:
    one, two = bake("2.0.1"), bake("2.0.2")
    client = open_registry(registry_url)
    for version, curl in (("2.0.1", "7.88"), ("2.0.2", "7.89")):
        package = {"type": "library", "bom-ref": "curl", "name": "curl", "version": curl,
                   "purl": f"pkg:deb/debian/curl@{curl}?arch=amd64"}  # fmt: skip
        body = json.dumps({"specVersion": "1.6", "components": [package]}).encode()
        tag = tag_of(f"{Digest.of(version.encode()).short}-20260101T000000-abcdef")
        put_beside(client, "greeter", tag, body)
        # Again is fine.
        put_beside(client, "greeter", tag, body)
        assert get_beside(client, "greeter", tag) == body
    assert get_beside(client, "greeter", "machine-none") is None
    assert json.loads(machine("sbom", one, "--spec", "1.5")[1])["specVersion"] == "1.5"
    assert json.loads(machine("sbom", "greeter@2.0.2")[1])["components"][0]["version"] == "7.89"
    assert "packages      1 Debian packages, 0 components in images" in machine("show", two)[1]

    status, out, err = machine("diff", "greeter@2.0.1", two, "--json")
    assert status == 0, err
    changes = [(each["kind"], each["name"], each["what"]) for each in json.loads(out)["changes"]]
    assert changes == [
        ("fact", "version", "changed"),
        ("image", "greeter", "changed"),
        ("commit", "packer", "changed"),
        ("input", "setup", "changed"),
        ("package", "curl", "changed"),
    ]
    assert machine("diff", one, one)[1] == "nothing that is known of them differs\n"


def test_without_an_sbom(machine: Command, bake: Bake) -> None:
    one, two = bake("3.0.1"), bake("3.0.2")
    status, _, err = machine("sbom", one)
    assert status == 1
    assert f"nobody kept an SBOM of {one}" in err
    assert "no SBOM of" in machine("diff", one, two)[1]
    assert machine("diff", one, "other")[0] == 2


def test_images_are_completed_by_asking(
    machine: Command, bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.shell_completion import ShellComplete

    from provisimus.cli.app import provisimus

    image = bake("4.0.1")
    shell = ShellComplete(provisimus, {}, "provisimus", "_PROVISIMUS_COMPLETE")
    before = ["machine", "show", "-C", str(tmp_path / "acme"), "--env", "staging"]
    assert [each.value for each in shell.get_completions(before, "ami-")] == [image]
    assert [each.value for each in shell.get_completions(before, "greeter@")] == ["greeter@4.0.1"]
