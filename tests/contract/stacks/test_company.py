"""What stacks that live cost, and whether they carry the company's tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from provisimus.cli.app import provisimus
from provisimus.errors import NotFound
from provisimus.tasks.company_tags import lacking, live_resources
from provisimus.tasks.cost import estimate_costs

if TYPE_CHECKING:
    from conftest import Scene


def company(scene: Scene, tags: str) -> None:
    (scene.root / "provisimus.yaml").write_text(f"project: {scene.workspace.name}\n{tags}")


def test_stacks_cost_what_their_templates_hold(scene: Scene) -> None:
    scene.release("1.0.0")
    made = estimate_costs(scene.environment, scene.workspace.name)
    found = {each.type: each for each in made.lines}
    assert set(found) == {"AWS::EC2::Instance", "AWS::EC2::Volume"}
    assert found["AWS::EC2::Instance"].what.startswith("t3.small")
    assert found["AWS::EC2::Volume"].what == "1 GiB gp3"
    assert made.usd == made.of("greeter") > 10
    with pytest.raises(NotFound, match="there is no stack of nothing in local"):
        estimate_costs(scene.environment, scene.workspace.name, ("nothing",))


def test_tags_that_the_company_wants_are_set_by_an_update(scene: Scene) -> None:
    before = scene.release("1.0.0")
    wanted = {"owner": "platform"}
    project = scene.workspace.name
    bare = live_resources(scene.environment, project)
    short = list(lacking(bare, wanted))
    assert {each.resource.type for each in short} >= {"AWS::EC2::Instance", "AWS::EC2::Volume"}
    assert {each.missing for each in short} == {("owner",)}

    company(scene, "tags: {owner: platform}\n")
    plan = scene.plan("1.0.0")
    assert (plan.change, plan.reason) == ("update", "its tags changed")
    after = scene.release("1.0.0")
    assert after.outputs["InstanceId"] == before.outputs["InstanceId"]
    found = live_resources(scene.environment, project)
    assert list(lacking(found, wanted)) == []
    assert sum(each.tags is not None for each in found) >= len(short)
    assert scene.plan("1.0.0").change == "none"

    (volume,) = (each.physical_id for each in found if each.type == "AWS::EC2::Volume")
    scene.ec2.create_tags(Resources=[volume], Tags=[{"Key": "owner", "Value": "me"}])
    (other,) = lacking(live_resources(scene.environment, project, ("greeter",)), wanted)
    assert (other.resource.physical_id, other.missing, other.other) == (volume, (), {"owner": "me"})


def test_both_tell_as_json(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.release("1.0.0")
    monkeypatch.setattr("provisimus.cli.session.Session.open", lambda *_, **__: scene.environment)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(provisimus, [*arguments, "-C", str(scene.root)])

    told = json.loads(run("cost", "--json").stdout)
    assert told["usd"] == sum(each["usd"] for each in told["lines"])
    assert "as of" in run("cost", "greeter").stdout
    assert run("tags", "check").exit_code != 0
    company(scene, "tags: {owner: platform}\n")
    lacks = run("tags", "check", "--exit-code", "--json")
    assert lacks.exit_code == 4
    assert json.loads(lacks.stdout)["lacking"][0]["missing"] == ["owner"]
    assert "lack a tag" in run("tags", "check").stdout
