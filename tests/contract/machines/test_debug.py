"""`machine bake --debug`: what a failed bake ran on is kept with a way in, until it is reaped."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisimus.aws import tags_of
from provisimus.environment import Environment
from provisimus.errors import NotFound, ToolFailed, Unready
from provisimus.events import silence
from provisimus.machines import ImageInput, MachinePlan, bake, find_temporary, plan_machine, reap
from provisimus.machines import tags as names
from provisimus.model import Commits
from provisimus.workspace import open_workspace

RUN = "20260101T000000-abcdef"
REFERENCE = "127.0.0.1:5000/greeter@sha256:" + "1f" * 32
Plan = Callable[[], MachinePlan]

LAUNCH = """\
import json, sys
from provisimus.aws import Cloud, as_tags
given = json.load(open(sys.argv[1]))["builders"][0]
cloud = Cloud("eu-west-1", None, given.get("custom_endpoint_ec2") or sys.argv[2], None, ("a", "b"))
cloud.ec2.run_instances(
    ImageId=given["source_ami"], MinCount=1, MaxCount=1, KeyName=given["ssh_keypair_name"],
    SecurityGroupIds=[given["security_group_id"]],
    TagSpecifications=[{"ResourceType": "instance", "Tags": as_tags(given["run_tags"])}],
)
"""


@pytest.fixture
def plan(environment: Environment, tmp_path: Path) -> Plan:
    root = tmp_path / "acme"
    (root / "packer/greeter").mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        'project: acme\nbases: {debian-12: {aws: {owner: "123456789012", name: "debian-12-*"}}}\n'
    )
    (root / "packer/greeter/machine.yaml").write_text(
        f'base: debian-12\nmain: {{image: "{REFERENCE}", name: greeter}}\ndisk: 20 GiB\n'
    )
    ec2: Any = environment.cloud.ec2
    ec2.register_image(Name="debian-12-amd64", RootDeviceName="/dev/xvda", Architecture="x86_64")
    image = ImageInput("greeter", None, REFERENCE)
    workspace = open_workspace(root)
    return lambda: plan_machine(workspace, environment, "greeter", "1.0.0", {"greeter": image})


@pytest.fixture
def packer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> Callable[[str], None]:
    """A program in Packer's place: launches as the template says when told to, then `build`."""
    (tmp_path / "launch.py").write_text(LAUNCH)
    launch = f'{sys.executable} {tmp_path}/launch.py "$last" {environment.cloud.endpoint}'

    def write(build: str) -> None:
        program = tmp_path / "bin/packer"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            "#!/bin/sh\ncase $1 in version) echo Packer v1.6.6; exit ;; validate) exit ;; esac\n"
            f"for last; do :; done\n{build.replace('LAUNCH', launch)}\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return write


FAILS = (
    "LAUNCH\necho '1,,ui,message,    amazon-ebs: provisimus: failed setup/10-x with status 3'\n"
    '[ "$3" = -on-error=abort ] && exit 1\nexit 9\n'
)


def run(plan: MachinePlan, environment: Environment) -> None:
    bake(
        *(plan, environment, {"greeter": REFERENCE}, Commits({}), silence, RUN),
        debug=True,
    )


def left(environment: Environment) -> tuple[list[str], set[str], list[str]]:
    """States of instances, groups, key pairs."""
    ec2: Any = environment.cloud.ec2
    instances = [
        each["State"]["Name"]
        for reservation in ec2.describe_instances()["Reservations"]
        for each in reservation["Instances"]
    ]
    groups = {each["GroupName"] for each in ec2.describe_security_groups()["SecurityGroups"]}
    return instances, groups, [each["KeyName"] for each in ec2.describe_key_pairs()["KeyPairs"]]


def test_the_machine_is_kept_with_a_way_in_until_it_is_reaped(
    environment: Environment, plan: Plan, packer: Callable[[str], None]
) -> None:
    packer(FAILS)
    planned = plan()
    with pytest.raises(ToolFailed) as caught:
        run(planned, environment)
    assert caught.value.status == 3
    ec2: Any = environment.cloud.ec2
    (instance,) = ec2.describe_instances()["Reservations"][0]["Instances"]
    key = planned.state / "bake" / RUN / "key.pem"
    assert (key.stat().st_mode & 0o777, key.read_text()[:10]) == (0o600, "-----BEGIN")
    tags = tags_of(instance["Tags"])
    assert tags[names.KEPT] == "machine bake --debug"
    assert caught.value.hint == (
        f"repair it and run the same command again; {instance['InstanceId']} is kept until "
        f"{tags[names.EXPIRES]}, its steps in /var/lib/provisimus-stage. Enter it: ssh -i {key} "
        "-o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
        f"admin@{instance['PublicIpAddress']} — and remove it: provisimus machine reap"
    )
    name = f"provisimus-{RUN}"
    assert left(environment) == (["running"], {"default", name}, [name])

    found = find_temporary(environment, "acme", planned.state)
    assert {each.kind for each in found} == {"instance", "key pair", "security group"}
    reap(environment, found, planned.state, silence)
    assert left(environment) == (["terminated"], {"default"}, [])
    assert not key.parent.exists()


def test_without_a_machine_there_is_nothing_to_keep(
    environment: Environment, plan: Plan, packer: Callable[[str], None]
) -> None:
    packer("echo '1,,ui,error,==> amazon-ebs: no such subnet'; exit 1")
    planned = plan()
    with pytest.raises(ToolFailed, match="no such subnet"):
        run(planned, environment)
    assert left(environment) == ([], {"default"}, [])
    assert not (planned.state / "bake" / RUN).exists()


def test_a_bake_that_ends_otherwise_keeps_nothing(
    environment: Environment, plan: Plan, packer: Callable[[str], None]
) -> None:
    packer("LAUNCH\nexit 0")
    with pytest.raises(NotFound):
        run(plan(), environment)
    assert left(environment) == (["terminated"], {"default"}, [])


def test_a_template_of_ones_own_has_to_take_the_key(
    environment: Environment, plan: Plan, packer: Callable[[str], None]
) -> None:
    packer("exit 9")
    own = plan().folder / "template.pkr.hcl"
    own.write_text('# security_group_id\nvariable "ssh_keypair_name" { type = string }\n')
    with pytest.raises(Unready, match="declares no ssh_private_key_file") as caught:
        run(plan(), environment)
    assert caught.value.where == str(own)
    assert left(environment) == ([], {"default"}, [])
