"""The bake against EC2, with a program that talks like Packer: what is made is removed again."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provisimus.environment import Environment
from provisimus.errors import InvalidDefinitions, NotFound, ToolFailed, ToolMissing
from provisimus.events import silence
from provisimus.machines import ImageInput, MachinePlan, bake, intents, plan_machine, runs
from provisimus.machines.catalogue import BaseImage
from provisimus.machines.make import the_build
from provisimus.machines.opening import let_in, make_group
from provisimus.machines.removal import remove_or_leave
from provisimus.model import Commits, Digest, MachineImage
from provisimus.workspace import open_workspace

RUN = f"20260101T000000-{os.getpid() & 0xFFFFFF:06x}"
"""Tests that run beside each other share the folder for temporary files, not this."""
REFERENCE = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
Plan = Callable[[], MachinePlan]


@pytest.fixture
def plan(environment: Environment, tmp_path: Path) -> Plan:
    """Plans the one machine of a small workspace, whose base is there."""
    root = tmp_path / "acme"
    (root / "packer/greeter/setup").mkdir(parents=True)
    (root / "packer/greeter/setup/10-x").write_text("#!/bin/sh\nexit 3\n")
    (root / "provisimus.yaml").write_text(
        'project: acme\nbases: {debian-12: {aws: {owner: "123456789012", name: "debian-12-*"}}}\n'
    )
    (root / "packer/greeter/machine.yaml").write_text(
        f'base: debian-12\nmain: {{image: "{REFERENCE}", name: greeter}}\ndisk: 20 GiB\n'
    )
    ec2: Any = environment.cloud.ec2
    ec2.register_image(Name="debian-12-amd64", RootDeviceName="/dev/xvda")
    image = ImageInput("greeter", None, REFERENCE)
    workspace = open_workspace(root)
    return lambda: plan_machine(workspace, environment, "greeter", "1.0.0", {"greeter": image})


def packer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: str) -> None:
    """Put a program named packer first on the PATH, of version 1.6.6, that runs `build`.

    It finds every template sound.
    """
    program = tmp_path / "bin" / "packer"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ "$1" != version ] || {{ echo Packer v1.6.6; exit; }}\n'
        f'[ "$1" != validate ] || exit 0\n{build}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def run(plan: MachinePlan, environment: Environment) -> MachineImage:
    return bake(plan, environment, {"greeter": REFERENCE}, Commits({}), silence, RUN)


def groups(environment: Environment) -> set[str]:
    found = environment.cloud.ec2.describe_security_groups()["SecurityGroups"]
    return {group["GroupName"] for group in found}


def test_a_failed_script_is_told_and_nothing_is_left(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = "echo '1,,ui,message,    amazon-ebs: '"
    packer(
        *(tmp_path, monkeypatch),
        f"{say}'provisimus: step setup/10-x'; {say}'no such file'\n"
        f"{say}'provisimus: failed setup/10-x with status 3'; exit 1",
    )
    with pytest.raises(ToolFailed) as caught:
        run(plan(), environment)
    assert caught.value.message == "setup/10-x failed while baking: exit status 3"
    assert caught.value.tail == ("no such file",)
    assert groups(environment) == {"default"}
    assert runs.known_runs(plan().state) == []


def test_what_packer_could_not_clean_is_known_after_the_bake(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packer(
        *(tmp_path, monkeypatch),
        "echo '1,,ui,say,==> amazon-ebs: Creating temporary keypair: packer_5f'\n"
        "echo '1,,ui,error,==> amazon-ebs: Error cleaning up keypair. Please delete the key "
        "manually: packer_5f'; exit 1",
    )
    with pytest.raises(ToolFailed):
        run(plan(), environment)
    assert runs.known_runs(plan().state) == [RUN]
    left = intents.read_intents(runs.folder_of(plan().state, RUN))
    assert ("key pair", "packer_5f") in {(each.kind, each.name) for each in left}


def test_packer_gets_its_template_and_the_account_but_no_secret_in_it(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packer(
        *(tmp_path, monkeypatch),
        f'for last; do :; done; cp "$last" {tmp_path}/seen.json; env >{tmp_path}/env; exit 1',
    )
    with pytest.raises(ToolFailed):
        run(plan(), environment)
    seen = (tmp_path / "seen.json").read_text()
    assert f"provisimus-{RUN}" in seen
    assert "access_key" not in seen
    variables = (tmp_path / "env").read_text().splitlines()
    assert {"AWS_SECRET_ACCESS_KEY=test", "CHECKPOINT_DISABLE=1"} <= set(variables)


def test_a_newer_packer_fetches_its_plugin_and_gets_the_newer_template(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/packer"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = version ]; then echo Packer v1.12.0; exit; fi\n'
        f"for last; do :; done\necho $1 $2 $(basename $last) >>{tmp_path}/calls\n"
        f'[ "$2" != build ] || {{ cp -r $last {tmp_path}/seen; exit 1; }}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(ToolFailed):
        run(plan(), environment)
    folder = plan().state / "bake" / RUN / "template"
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"init {folder} template",
        f"validate {folder} template",
        "-machine-readable build template",
    ]
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == [
        "machine.pkr.json",
        "plugins.pkr.json",
    ]
    text = (tmp_path / "seen/machine.pkr.json").read_text()
    assert "imds_support" in text
    assert "sg-00000000000000000" not in text


def test_without_a_way_to_the_plugin_nothing_is_launched(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/packer"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1" != version ] || echo Packer v1.12.0\n'
        '[ "$1" != init ] || { echo no route; exit 1; }\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(ToolFailed, match="no route") as caught:
        run(plan(), environment)
    assert "packer plugins install github.com/hashicorp/amazon" in str(caught.value.hint)
    assert groups(environment) == {"default"}


def test_a_packer_that_made_nothing_is_not_believed(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packer(tmp_path, monkeypatch, "exit 0")
    with pytest.raises(NotFound, match="no available AMI has the fingerprint"):
        run(plan(), environment)


def test_a_packer_too_old_is_refused_before_anything_is_made(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packer(tmp_path, monkeypatch, "exit 9")
    (plan().folder / "template.pkr.hcl").write_text(
        "packer { required_plugins {} }\n# security_group_id\n"
    )
    with pytest.raises(ToolFailed, match=r"Packer 1\.6\.6 is too old: `required_plugins` needs"):
        run(plan(), environment)
    assert groups(environment) == {"default"}


def test_ssh_is_open_to_the_networks_of_the_environment_while_it_bakes(
    environment: Environment, plan: Plan
) -> None:
    given = ("198.51.100.0/24", "203.0.113.7/32")
    planned = plan()
    work = planned.state
    base = BaseImage("ami-1", "debian", "/dev/xvda", 8, "x86_64")
    build = the_build(
        *(planned, environment, base, {"greeter": REFERENCE}, Commits({}), RUN, work),
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    group = make_group(environment, build)
    let_in(environment, group, given)
    [seen] = environment.cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    [rule] = seen["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"]) == (22, 22)
    assert tuple(each["CidrIp"] for each in rule["IpRanges"]) == given
    remove_or_leave(environment.cloud, "security group", group, work, silence)
    assert groups(environment) == {"default"}


def test_a_template_of_ones_own_without_a_security_group_is_refused(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packer(tmp_path, monkeypatch, "exit 9")
    own = plan().folder / "template.pkr.hcl"
    own.write_text('source "amazon-ebs" "x" {}\n')
    with pytest.raises(InvalidDefinitions) as caught:
        run(plan(), environment)
    assert [(each.file, each.message, each.hint) for each in caught.value.problems] == [
        (
            str(own),
            "it names no security group, so Packer would open SSH to the world",
            "declare the variable security_group_id and use it",
        )
    ]


def test_an_error_in_a_template_of_ones_own_is_told_before_anything_is_made(
    environment: Environment, plan: Plan
) -> None:
    own = plan().folder / "template.pkr.hcl"
    own.write_text(
        'variable "security_group_id" {}\n'
        'source "amazon-ebs" "machine" {\n'
        "  security_group_id = var.security_group_id\n"
        "  nonsense = true\n"
        "}\n"
        'build { sources = ["source.amazon-ebs.machine"] }\n'
    )
    with pytest.raises(InvalidDefinitions) as caught:
        run(plan(), environment)
    assert [str(each) for each in caught.value.problems] == [
        f'{own}:4: Unsupported argument: An argument named "nonsense" is not expected here.'
    ]
    assert groups(environment) == {"default"}


def test_no_packer_at_all(
    environment: Environment, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissing, match="the program packer is not installed"):
        run(planned, environment)


def test_a_base_that_is_gone_is_noticed_before_anything_is_made(
    environment: Environment, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packer(tmp_path, monkeypatch, "exit 9")
    planned = plan()
    ec2: Any = environment.cloud.ec2
    for image in ec2.describe_images(Owners=["self"])["Images"]:
        ec2.deregister_image(ImageId=image["ImageId"])
    with pytest.raises(NotFound, match="there is no AMI debian-12-"):
        run(planned, environment)
    assert groups(environment) == {"default"}


def test_what_was_baked_is_planned_no_more(environment: Environment, plan: Plan) -> None:
    from provisimus.aws import as_tags
    from provisimus.machines import tags

    planned = plan()
    assert planned.step().reason == "there is no machine image yet"
    ec2: Any = environment.cloud.ec2
    made = ec2.register_image(Name="baked", RootDeviceName="/dev/xvda")["ImageId"]
    lineage = tags.image_tags(
        *("acme", "greeter", "1.0.0", planned.fingerprint),
        inputs=planned.inputs,
        images={"greeter": REFERENCE},
        commits=Commits({}),
        base="ami-1",
        run=RUN,
    )
    ec2.create_tags(Resources=[made], Tags=as_tags(lineage))
    assert plan().step().reason == f"{made} was baked and never tested"
    ec2.create_tags(Resources=[made], Tags=as_tags({tags.USABLE: "2026-01-01T00:00:00Z"}))
    again = plan()
    assert (again.step().needed, again.step().reason) == (False, f"{made} has this fingerprint")

    (again.folder / "setup/10-x").write_text("#!/bin/sh\nexit 0\n")
    assert plan().reason == "no machine image has this fingerprint: the setup scripts changed"
    assert Digest.parse(lineage[tags.FINGERPRINT]) == planned.fingerprint
