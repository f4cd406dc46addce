"""What `stack plan` tells of a change, and what stops it, against the local cloud, by commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.contract.localcloud.conftest import LocalCloud
from tests.contract.stacks.desk import Desk
from tests.contract.stacks.faulty import asked
from tests.ports import free_port

from provisimus.cli.app import provisimus
from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from conftest import Scene

TEMPLATE = """
Parameters:
  Key: {Type: String, NoEcho: true, Default: "hunter2"}
  Text: {Type: String, Default: old}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: a group
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: PORT, ToPort: PORT, CidrIp: 10.0.0.0/8}
  Told:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref Text, Description: !Ref Key}
"""
BUCKET = """
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: POLICY
    Properties: {Tags: [{Key: a, Value: b}]}
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    made = LocalCloud(tmp_path_factory.mktemp("plans") / "cloud", free_port(), free_port())
    made.start()
    yield made
    made.stop()


@pytest.fixture
def desk(local: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for key, value in local.variables().items():
        monkeypatch.setenv(key, value)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "provisimus.yaml").write_text("project: desk\n")
    return Desk(tmp_path, local)


def declare(desk: Desk, name: str, template: str, **parameters: str) -> None:
    (desk.root / f"stacks/{name}.yaml").write_text(
        json.dumps({"type": "raw", "template": f"{name}.template", "parameters": parameters})
    )
    (desk.root / f"stacks/{name}.template").write_text(template)


def planned(desk: Desk, *arguments: str, expect: int = 0) -> Any:
    return json.loads(desk.run("plan", *arguments, "--json", expect=expect).stdout)


def test_values_security_and_effects_are_told_and_nothing_changes(desk: Desk) -> None:
    plain = TEMPLATE.replace("PORT", "80")
    declare(desk, "told", plain)
    text = desk.run("plan", "told").stdout
    assert "create          Group (AWS::EC2::SecurityGroup)" in text
    assert "+ Group: tcp 80 in from 10.0.0.0/8" in text
    desk.apply("told")
    desk.cloud.client("ssm").put_parameter(Name="/desk/key", Value="hunter3", Type="String")
    by_reference = "{{resolve:ssm:/desk/key}}"
    declare(desk, "told", TEMPLATE.replace("PORT", "443"), Text="new", Key=by_reference)
    done = desk.run("plan", "told")
    assert "hunter" not in done.stdout
    assert "Key may have changed, which is not shown" in done.stdout
    found = planned(desk, "told")
    [review] = found["stacks"]
    assert review["compared"] == "change set"
    by_name = {each["logical_id"]: each for each in review["changes"]}
    assert by_name["Told"]["action"] == "change"
    values = {each["path"]: (each["before"], each["after"]) for each in by_name["Told"]["values"]}
    assert values["Value"] == ("old", "new")
    assert by_name["Group"]["effect"] == "takes effect at once, connections that stand go on"
    assert [(each["way"], each["text"]) for each in review["security"]] == [
        ("wider", "tcp 443 in from 10.0.0.0/8"),
        ("narrower", "tcp 80 in from 10.0.0.0/8"),
    ]
    left = desk.cloudformation.list_change_sets(StackName="desk-local-told")["Summaries"]
    assert not [each for each in left if each["ChangeSetName"].endswith("-plan")]
    assert desk.status("told") == "CREATE_COMPLETE"
    [offline] = planned(desk, "told", "--no-change-set")["stacks"]
    assert offline["compared"] == "templates"
    assert offline["security"] == review["security"]
    desk.apply("told")
    assert planned(desk, "told", "--exit-code")["stacks"][0]["changes"] == []


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_data_goes_only_when_it_is_allowed_by_name(desk: Desk, policy: str) -> None:
    name = f"data-{policy.lower()}"
    plain = TEMPLATE.replace("PORT", "80")
    declare(desk, name, plain + BUCKET.replace("POLICY", policy))
    desk.apply(name)
    declare(desk, name, plain)
    if policy == "Retain":
        assert "the old one stays" in desk.run("plan", name).stdout
        desk.apply(name)
        return
    refused = desk.run("plan", name, expect=1)
    assert getattr(refused.exception, "exit_code", None) == 5
    assert "Bucket would be deleted; if it may: --allow Bucket" in refused.stdout
    assert "--allow Bucket" in str(getattr(refused.exception, "hint", ""))
    assert getattr(desk.apply(name, expect=1).exception, "exit_code", None) == 5
    assert "Bucket" in desk.run("outputs", name).stdout or desk.topic(name, "Bucket")
    desk.run("plan", name, "--allow", "Bucket")
    desk.apply(name, "--allow", "Bucket")
    assert planned(desk, name)["changes"] is False


def test_what_was_changed_by_hand_stands_beside_what_is_wanted(desk: Desk) -> None:
    declare(desk, "hand", TEMPLATE.replace("PORT", "80"))
    desk.apply("hand")
    assert "drift: none" in desk.run("plan", "hand", "--drift").stdout
    ssm = desk.cloud.client("ssm")
    ssm.put_parameter(Name=desk.topic("hand", "Told"), Value="by hand", Overwrite=True)
    [review] = planned(desk, "hand", "--drift")["stacks"]
    [each] = [one for one in review["drift"] if one["path"] == "Value"]
    assert (each["definition"], each["deployed"], each["live"]) == ("old", "old", "by hand")
    assert each["verdict"] == "by hand, and stays"
    declare(desk, "hand", TEMPLATE.replace("PORT", "80"), Text="new")
    [review] = planned(desk, "hand", "--drift")["stacks"]
    [each] = [one for one in review["drift"] if one["path"] == "Value"]
    assert (each["definition"], each["deployed"], each["live"]) == ("new", "old", "by hand")


def test_many_are_told_together(desk: Desk) -> None:
    for name in ("one", "two"):
        declare(desk, name, TEMPLATE.replace("PORT", "80"))
        desk.apply(name)
    declare(desk, "two", TEMPLATE.replace("PORT", "81"))
    text = desk.run("plan", "--all").stdout
    assert "desk-local-two: update" in text
    assert "desk-local-one:" not in text
    assert [each["stacks"][0]["change"] for each in planned(desk, "--all")] == ["none", "update"]
    vague = desk.run("plan", "--all", "--allow", "Bucket", expect=1)
    assert getattr(vague.exception, "exit_code", None) == 2
    desk.run("plan", "--all", "--allow", "two/Bucket")


def test_a_plan_asks_for_nothing_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(desk, "brief", TEMPLATE.replace("PORT", "80"))
    desk.apply("brief")
    declare(desk, "brief", TEMPLATE.replace("PORT", "81"))
    with asked(monkeypatch) as calls:
        desk.run("plan", "brief", "--no-change-set")
    assert calls == ["DescribeStacks", "GetTemplate"]
    with asked(monkeypatch) as calls:
        desk.run("plan", "brief")
    assert sorted(set(calls)) == [
        "CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "DescribeStacks", "GetTemplate",
    ]  # fmt: skip
    assert [calls.count(each) for each in ("DescribeStacks", "GetTemplate")] == [1, 1]


def test_a_swap_says_what_it_means_with_and_without_an_image(scene: Scene) -> None:
    from provisimus.stacks.review import review_stack

    scene.release("1.0.0")
    plan = scene.plan("1.0.1")
    for image in (None, scene.image("1.0.1").image_id):
        review = review_stack(plan, scene.environment, image, f"run-{image}")
        assert (review.change, review.compared) == ("swap", "change set")
        [instance] = [each for each in review.changes if each.kind == "AWS::EC2::Instance"]
        assert instance.action == "replace"
        assert instance.effect.startswith("the machine is swapped: about a minute without answers")
        [value] = [each for each in instance.values if each.path == "ImageId"]
        assert value.after == (image or "the machine image that is baked first")
        assert review.stopped == {}
    assert scene.plan("1.0.1").change == "swap"


def test_a_volume_that_goes_must_be_allowed_before_anything_is_touched(scene: Scene) -> None:
    from provisimus.errors import Refused

    before = scene.release("1.0.0")
    scene.define("ingress: [{port: 18080, from: 0.0.0.0/0}]\n")
    scene.events.clear()
    with pytest.raises(Refused, match="DataVolumeData would be deleted") as refused:
        scene.release("1.0.0")
    assert "--allow DataVolumeData" in str(refused.value.hint)
    assert scene.events == []
    after = scene.release("1.0.0", allow=frozenset({"DataVolumeData"}))
    assert "DataVolumeData" not in after.outputs
    snapshots = scene.ec2.describe_snapshots(
        Filters=[{"Name": "volume-id", "Values": [before.outputs["DataVolumeData"]]}]
    )["Snapshots"]
    # One when the stopped instance gave it up, and that of its deletion.
    assert [each["State"] for each in snapshots] == ["completed", "completed"]


def test_a_saved_plan_does_what_was_reviewed_or_nothing(desk: Desk, tmp_path: Path) -> None:
    for name in ("first", "second"):
        declare(desk, name, TEMPLATE.replace("PORT", "80"))
    desk.apply("first")
    declare(desk, "first", TEMPLATE.replace("PORT", "81"))
    file = str(tmp_path / "plan.json")
    desk.run("plan", "first", "second", "--out", file)
    desk.run("apply", "--plan", file, "--yes", "--quiet")
    assert (desk.status("first"), desk.status("second")) == ("UPDATE_COMPLETE", "CREATE_COMPLETE")
    stale = desk.run("apply", "--plan", file, "--yes", "--quiet", expect=1)
    assert getattr(stale.exception, "exit_code", None) == 5
    assert "the status of desk-local-first was CREATE_COMPLETE" in str(stale.exception)
    assert desk.status("second") == "CREATE_COMPLETE"


def test_a_saved_plan_is_stale_when_its_stack_or_its_file_moved(desk: Desk, tmp_path: Path) -> None:
    declare(desk, "bound", TEMPLATE.replace("PORT", "80"))
    desk.apply("bound")
    declare(desk, "bound", TEMPLATE.replace("PORT", "81"))
    file = tmp_path / "plan.json"
    desk.run("plan", "bound", "--out", str(file))
    declare(desk, "bound", TEMPLATE.replace("PORT", "82"))
    stale = desk.run("apply", "--plan", str(file), "--yes", expect=1)
    assert "the definitions of stack changed" in str(stale.exception)
    declare(desk, "bound", TEMPLATE.replace("PORT", "81"))
    # By other means, with the very tags that it has.
    found = desk.cloudformation.describe_stacks(StackName="desk-local-bound")["Stacks"][0]
    desk.cloudformation.update_stack(
        StackName="desk-local-bound",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Text", "ParameterValue": "by other means"}],
        Tags=found["Tags"],
    )
    desk.cloudformation.get_waiter("stack_update_complete").wait(
        StackName="desk-local-bound", WaiterConfig={"Delay": 1}
    )
    stale = desk.run("apply", "--plan", str(file), "--yes", expect=1)
    assert "the time of the last update of desk-local-bound" in str(stale.exception)
    other = json.loads(file.read_text())
    file.write_text(json.dumps({**other, "project": "another"}))
    refused = desk.run("apply", "--plan", str(file), "--yes", expect=1)
    assert getattr(refused.exception, "exit_code", None) == 5
    file.write_text("{}")
    broken = desk.run("apply", "--plan", str(file), "--yes", expect=1)
    assert getattr(broken.exception, "exit_code", None) == 2


def test_rules_of_the_company_hold_before_any_call(desk: Desk) -> None:
    (desk.root / "policies").mkdir()
    (desk.root / "policies/ports.guard").write_text(
        "rule no_port_80 when Resources.*[ Type == 'AWS::EC2::SecurityGroup' ] !empty {\n"
        "  Resources.*[ Type == 'AWS::EC2::SecurityGroup' ].Properties"
        ".SecurityGroupIngress[*].FromPort != 80 <<take 443>>\n}\n"
    )
    declare(desk, "ruled", TEMPLATE.replace("PORT", "80"))
    for verb in (["plan", "ruled"], ["apply", "ruled", "--yes"]):
        refused = desk.run(*verb, expect=1)
        assert getattr(refused.exception, "exit_code", None) == 5
        assert "take 443 (no_port_80)" in str(refused.exception)
    assert desk.status("ruled") == "gone"
    declare(desk, "ruled", TEMPLATE.replace("PORT", "443"))
    desk.apply("ruled")
    assert desk.status("ruled") == "CREATE_COMPLETE"


def test_whoever_is_asked_sees_values_and_ports_first(
    desk: Desk, local: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{local.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    (desk.root / "provisimus.yaml").write_text(
        "project: desk\nenvironments:\n"
        '  staging: {provider: aws, account: "123456789012", region: eu-west-1}\n'
    )
    declare(desk, "asked", TEMPLATE.replace("PORT", "80"))
    command = ["stack", "apply", "asked", "--env", "staging", "-C", str(desk.root)]
    done = CliRunner().invoke(provisimus, command)
    assert isinstance(done.exception, UsageFault), done.exception  # nobody is there to answer
    assert "desk-staging-asked: create: 2 to create" in done.stderr
    assert "+ Group: tcp 80 in from 10.0.0.0/8" in done.stderr
