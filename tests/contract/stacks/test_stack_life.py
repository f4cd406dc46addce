"""A stack's life against a real CloudFormation engine: create, keep, swap, fail, return."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provisimus.errors import (
    Conflict,
    GaveWay,
    Locked,
    NotFound,
    Refused,
    RolledBack,
    StillRunning,
    Unhealthy,
)
from provisimus.events import Event, Failed, Said, Skipped
from provisimus.release import await_interrupted
from provisimus.release.lineage import trace
from provisimus.stacks.delete import delete_stack, plan_delete
from provisimus.stacks.diagnosis import diagnose
from provisimus.stacks.live import describe, find_stack, list_stacks
from provisimus.tasks.list_instances import list_instances

if TYPE_CHECKING:
    from conftest import Scene

PLAIN = "ingress: [{port: 18080, from: 0.0.0.0/0}]\n"
WITH_DATA = PLAIN + "data_volumes: [{mount: /data, size: 1 GiB}]\n"


def test_a_new_stack_answers_and_carries_its_tags(scene: Scene) -> None:
    plan = scene.plan("1.0.0")
    assert [(step.action, step.reason) for step in plan.steps()] == [
        ("create", "there is no such stack")
    ]
    stack = scene.release("1.0.0")
    assert stack.status == "CREATE_COMPLETE"
    assert scene.answer(stack)["image"] == f"{scene.workspace.name}-1.0.0"
    assert stack.tags["provisimus:fingerprint"] == str(plan.fingerprint)
    assert stack.tags["provisimus:commit/docker"] == "b" * 40 + "-dirty"
    assert any("AWS::EC2::Instance" in e.text for e in scene.events if isinstance(e, Said))


def test_the_instance_is_what_the_template_says(scene: Scene) -> None:
    stack = scene.release("1.0.0")
    found = scene.ec2.describe_instances(InstanceIds=[stack.outputs["InstanceId"]])
    instance = found["Reservations"][0]["Instances"][0]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    volumes = scene.ec2.describe_volumes(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    )["Volumes"]
    assert all(each["Encrypted"] for each in volumes)
    assert stack.outputs["DataVolumeData"] in {each["VolumeId"] for each in volumes}


def test_the_same_again_changes_nothing(scene: Scene) -> None:
    first = scene.release("1.0.0")
    plan = scene.plan("1.0.0")
    assert not any(step.needed for step in plan.steps())
    scene.events.clear()
    again = scene.release("1.0.0")
    assert again == first
    assert any(isinstance(event, Skipped) for event in scene.events)


def test_a_stopped_instance_is_started_by_a_release_of_the_same(scene: Scene) -> None:
    stack = scene.release("1.0.0")
    scene.ec2.stop_instances(InstanceIds=[stack.outputs["InstanceId"]])
    scene.release("1.0.0")
    assert scene.answer(stack)


def test_a_new_version_takes_the_data_volume_over(scene: Scene) -> None:
    before = scene.release("1.0.0")
    plan = scene.plan("1.0.1")
    assert [step.action for step in plan.steps()] == ["release volumes", "swap instance"]
    assert "version 1.0.0 becomes 1.0.1; the machine image changed" in plan.reason
    after = scene.release("1.0.1")
    assert after.outputs["DataVolumeData"] == before.outputs["DataVolumeData"]
    assert after.outputs["InstanceId"] != before.outputs["InstanceId"]
    assert scene.answer(after)["image"].endswith("-1.0.1")
    [snapshot] = scene.ec2.describe_snapshots(
        Filters=[{"Name": "volume-id", "Values": [before.outputs["DataVolumeData"]]}]
    )["Snapshots"]
    tags = {each["Key"]: each["Value"] for each in snapshot["Tags"]}
    assert tags["provisimus:version"] == "1.0.0"
    assert "SwapOf" not in after.outputs


def test_without_data_a_new_version_is_one_update(scene: Scene) -> None:
    scene.define(PLAIN)
    scene.release("1.0.0")
    assert [step.action for step in scene.plan("1.0.1").steps()] == ["update"]
    after = scene.release("1.0.1")
    assert scene.answer(after)["image"].endswith("-1.0.1")


def test_a_sick_version_gives_way_to_the_one_before(scene: Scene) -> None:
    before = scene.release("1.0.0")
    with pytest.raises(GaveWay, match=r"status 503.*version 1\.0\.0 runs again"):
        scene.release("1.0.1", sick=True)
    back = find_stack(scene.environment, before.name)
    assert back is not None
    assert scene.answer(back)["image"].endswith("-1.0.0")
    assert back.outputs["DataVolumeData"] == before.outputs["DataVolumeData"]
    assert back.tags["provisimus:fingerprint"] == before.tags["provisimus:fingerprint"]
    assert not any(step.needed for step in scene.plan("1.0.0").steps())
    seen = diagnose(scene.environment, back)
    assert (seen.cause, seen.returned and seen.returned.failure) == (None, None)
    assert "taken back" in seen.first_cause
    heard = [each.text for each in scene.events if isinstance(each, Said)]
    assert seen.returned is not None
    assert seen.cause_beside(heard) != seen.first_cause


def test_a_sick_update_without_data_gives_way_too(scene: Scene) -> None:
    scene.define(PLAIN)
    before = scene.release("1.0.0")
    with pytest.raises(GaveWay, match=r"version 1\.0\.0 runs again"):
        scene.release("1.0.1", sick=True)
    back = find_stack(scene.environment, before.name)
    assert back is not None and scene.answer(back)["image"].endswith("-1.0.0")


def test_a_new_sick_stack_stays_for_a_look(scene: Scene) -> None:
    with pytest.raises(Unhealthy, match="status 503"):
        scene.release("1.0.0", sick=True)
    plan = scene.plan("1.0.0")
    assert plan.change == "swap"
    assert scene.answer(scene.release("1.0.0"))["image"].endswith("-1.0.0")


def test_a_swap_that_cannot_make_the_instance_starts_the_old_one_again(scene: Scene) -> None:
    before = scene.release("1.0.0")
    scene.define(WITH_DATA + "key_name: nobody-made-it\n")
    with pytest.raises(RolledBack, match=r"nobody-made-it.*version 1\.0\.0 runs again"):
        scene.release("1.0.1")
    back = find_stack(scene.environment, before.name)
    assert back is not None and back.outputs == before.outputs
    seen = diagnose(scene.environment, back)
    # CloudFormation refused it before anything began, so no event tells of it: the journal does.
    failed = [each for each in scene.events if isinstance(each, Failed)]
    assert (
        "nobody-made-it" in failed[0].error
        and failed[0].step == f"swap the instance of {back.name}"
    )
    assert seen.returned is not None and seen.returned.line.startswith("went well")
    scene.define(WITH_DATA)
    scene.release("1.0.0")
    assert scene.answer(back)["image"].endswith("-1.0.0")


def test_a_creation_that_fails_names_the_first_cause_and_leaves_the_name_free(scene: Scene) -> None:
    plan = scene.plan("1.0.0")
    nobody = {
        "Device": "/dev/sdg",
        "InstanceId": "i-0123456789abcdef0",
        "VolumeId": {"Ref": "DataVolumeData"},
    }
    lost = {"Lost": {"Type": "AWS::EC2::VolumeAttachment", "Properties": nobody}}
    template = {**plan.template, "Resources": {**plan.template["Resources"], **lost}}
    with pytest.raises(
        RolledBack, match=r"Lost \(AWS::EC2::VolumeAttachment\): .*already attached"
    ):
        scene.carry_out(replace(plan, template=template))
    plan = scene.plan("1.0.0")
    assert (plan.change, plan.live) == ("create", None)
    assert scene.answer(scene.release("1.0.0"))


@pytest.mark.parametrize("then", ["1.0.0", "1.0.1", "1.0.2"])
def test_a_swap_that_was_killed_half_way_is_completed(scene: Scene, then: str) -> None:
    before = scene.release("1.0.0")
    with pytest.raises(KeyboardInterrupt):
        scene.release("1.0.1", stop_at="swap the instance")
    half = scene.plan(then)
    assert [step.action for step in half.steps()] == ["swap instance"]
    after = scene.release(then)
    assert scene.answer(after)["image"].endswith(f"-{then}")
    assert after.outputs["DataVolumeData"] == before.outputs["DataVolumeData"]
    assert not any(step.needed for step in scene.plan(then).steps())


@pytest.mark.parametrize("then", ["1.0.0", "1.0.1"])
def test_a_swap_that_was_killed_while_the_instance_rested_goes_on(scene: Scene, then: str) -> None:
    before = scene.release("1.0.0")
    with pytest.raises(KeyboardInterrupt):
        scene.release("1.0.1", stop_at="release the volumes")
    after = scene.release(then)
    assert scene.answer(after)["image"].endswith(f"-{then}")
    assert after.outputs["DataVolumeData"] == before.outputs["DataVolumeData"]


def test_a_stack_of_somebody_else_is_refused(scene: Scene) -> None:
    name = scene.plan("1.0.0").name
    scene.environment.cloud.cloudformation.create_stack(
        StackName=name,
        TemplateBody='{"Resources": {"Role": {"Type": "AWS::IAM::InstanceProfile", '
        '"Properties": {"Roles": []}}}}',
        Capabilities=["CAPABILITY_IAM"],
    )
    with pytest.raises(Conflict, match="exists already and is not ours"):
        scene.plan("1.0.0")


def test_a_plan_that_is_stale_is_refused(scene: Scene) -> None:
    plan = scene.plan("1.0.0")
    scene.release("1.0.0")
    with pytest.raises(Refused, match="changed since this was planned"):
        scene.carry_out(plan)


def test_a_deadline_leaves_the_operation_running(scene: Scene) -> None:
    with pytest.raises(StillRunning, match="goes on in the cloud"):
        scene.release("1.0.0", timeout=0)


def test_what_an_interrupted_run_of_ours_left_going_on_is_waited_for(
    scene: Scene, held: Path
) -> None:
    def goes_on(event: Event) -> None:
        held.unlink(missing_ok=True)
        scene.events.append(event)

    with pytest.raises(StillRunning):
        scene.release("1.0.0", timeout=0)
    with pytest.raises(Locked, match="on its way to the same: CREATE_IN_PROGRESS"):
        scene.plan("1.0.0")
    mine = (scene.workspace, scene.environment, "greeter", goes_on)
    assert not await_interrupted(*mine), "the journal knows no such run: it is somebody else's"
    journal = scene.workspace.state / "journal"
    journal.mkdir(parents=True)
    (journal / f"{scene.last_run}.ndjson").touch()
    assert await_interrupted(*mine)
    assert scene.plan("1.0.0").change == "none"
    assert scene.answer(scene.release("1.0.0"))
    assert not await_interrupted(*mine)


def test_a_production_stack_is_protected(scene: Scene) -> None:
    scene.environment = replace(scene.environment, protect=True)
    stack = scene.release("1.0.0")
    found = describe(scene.environment, stack.name)
    assert found["EnableTerminationProtection"]
    with pytest.raises(Refused, match="is protected"):
        plan_delete(scene.environment, scene.workspace.name, "greeter")


def test_a_deletion_leaves_a_snapshot_and_nothing_else(scene: Scene) -> None:
    stack = scene.release("1.0.0")
    found, kept = plan_delete(scene.environment, scene.workspace.name, "greeter")
    assert kept == ["/data"]
    delete_stack(scene.environment, found, "greeter", scene.events.append, "run-delete")
    assert find_stack(scene.environment, stack.name) is None
    volume = stack.outputs["DataVolumeData"]
    snapshots = scene.ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [volume]}])
    assert len(snapshots["Snapshots"]) == 1
    with pytest.raises(NotFound):
        plan_delete(scene.environment, scene.workspace.name, "greeter")


def test_a_trace_reads_the_tags_back(scene: Scene) -> None:
    stack = scene.release("1.0.0")
    lineage = trace(scene.environment, scene.workspace, "greeter")
    assert lineage.instance.instance_id == stack.outputs["InstanceId"]
    assert lineage.stack is not None
    assert lineage.stack.version == "1.0.0"
    assert lineage.stack.commits == {
        "docker": "b" * 40 + "-dirty",
        "packer": "unknown",
        "services": "a" * 40,
    }
    by_id = trace(scene.environment, scene.workspace, lineage.instance.instance_id)
    address = lineage.instance.public_address
    assert address is not None
    assert lineage == by_id == trace(scene.environment, scene.workspace, address)
    with pytest.raises(NotFound, match="i-0123456789abcdef0"):
        trace(scene.environment, scene.workspace, "i-0123456789abcdef0")


def test_a_diagnosis_names_the_cause_and_the_instance(scene: Scene) -> None:
    stack = scene.release("1.0.0")
    seen = diagnose(scene.environment, stack)
    [machine] = seen.machines
    assert (seen.cause, machine.state) == (None, "running")
    assert machine.instance == stack.outputs["InstanceId"]
    assert seen.first_cause == "nothing failed in the last operation"
    scene.ec2.stop_instances(InstanceIds=[machine.instance])
    stopped = diagnose(scene.environment, stack).first_cause
    assert stopped.startswith(f"the instance {machine.instance} is stop")


def test_stacks_and_instances_are_listed_by_project(scene: Scene) -> None:
    stack = scene.release("1.0.0")
    assert list_stacks(scene.environment, scene.workspace.name) == [stack]
    assert list_stacks(scene.environment, "nobody") == []
    [instance] = list_instances(scene.environment, scene.workspace.name)
    assert (instance.service, instance.version, instance.state) == ("greeter", "1.0.0", "running")
