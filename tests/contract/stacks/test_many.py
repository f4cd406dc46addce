"""Many stacks by one command: in the order of what they use, and what a failure leaves alone."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from tests.contract.stacks.desk import Desk

from provisimus.cli import stack_plans
from provisimus.stacks import live


def outcomes(told: str) -> dict[str, str]:
    data: dict[str, Any] = json.loads(told)
    return {each["service"]: each["outcome"] for each in data["stacks"]}


def test_many_come_up_each_after_what_it_uses(desk: Desk) -> None:
    desk.declare("base", A="a")
    desk.declare("middle", after="base", A="a")
    desk.declare("top", after="middle", A="a")
    desk.declare("alone", A="a")
    # Slow enough that who does not wait for what it uses would not find it.
    desk.fault("sns:CreateTopic", "delay", seconds=0.5)
    told = desk.run("apply", "--all", "--yes", "--json", "--events", "ndjson")
    assert outcomes(told.stdout) == dict.fromkeys(("alone", "base", "middle", "top"), "changed")
    assert "account 123456789012, region eu-west-1" in told.stderr
    events = [json.loads(line) for line in told.stderr.splitlines() if line.startswith("{")]
    ends = [e["step"] for e in events if e["event"] == "finished" and ":" not in e["step"]]
    assert [name for name in ends if name != "alone"] == [
        "base",
        "middle",
        "top",
        "apply 4 stacks",
    ]
    said = {e["step"]: e["text"] for e in events if e["event"] == "said"}
    assert (said["middle: wait"], said["top: wait"]) == ("waits for base", "waits for middle")
    assert {each["waited"] for each in json.loads(told.stdout)["stacks"]} == {0.0}
    began = [e["step"] for e in events if e["event"] == "started"]
    assert began.index("alone") < began.index("middle")

    again = desk.run("apply", "--all", "--yes", "--json", "--quiet")
    assert set(outcomes(again.stdout).values()) == {"kept"}


def test_what_uses_a_failure_is_not_touched_and_the_rest_goes_on(desk: Desk) -> None:
    desk.declare("base", A="bad")
    desk.declare("middle", after="base", A="a")
    desk.declare("top", after="middle", A="a")
    desk.declare("alone", A="a")
    desk.declare("after", after="alone", A="a")
    told = desk.run("apply", "--all", "--yes", "--json", expect=1)
    assert getattr(told.exception, "exit_code", None) == 6
    stacks = {each["service"]: each for each in json.loads(told.stdout)["stacks"]}
    assert outcomes(told.stdout) == {
        "alone": "changed",
        "after": "changed",
        "base": "failed",
        "middle": "not touched",
        "top": "not touched",
    }
    assert stacks["base"]["error"]["error"] == "RolledBack"
    assert stacks["top"]["blocked_by"] == ["base"]
    assert "= top: it needs base, which failed" in told.stderr
    assert [desk.status(name) for name in ("middle", "top")] == ["gone", "gone"]

    # Mended, the same command goes on from here.
    desk.declare("base", A="a")
    told = desk.run("apply", "--all", "--yes", "--json", "--quiet")
    assert outcomes(told.stdout)["alone"] == "kept"
    assert outcomes(told.stdout)["top"] == "changed"


def test_hundreds_are_read_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.declare("one", A="a")
    desk.declare("two", A="a")
    desk.run("apply", "--all", "--yes", "--quiet")
    desk.declare("two", A="b")
    desk.declare("three", A="a")

    def alone(*_: object) -> None:
        raise AssertionError("a stack is asked for by its name")

    monkeypatch.setattr(stack_plans, "MANY", 2)
    monkeypatch.setattr(live, "find_stack", alone)
    told = json.loads(desk.run("plan", "--all", "--json").stdout)
    changes = {each["stacks"][0]["service"]: each["stacks"][0]["change"] for each in told}
    assert changes == {"one": "none", "two": "update", "three": "create"}


def test_faulty_definitions_change_nothing(desk: Desk) -> None:
    desk.declare("one", A="a")
    desk.declare("two", after="nothing", A="a")
    desk.run("apply", "--all", "--yes", expect=1)
    assert desk.status("one") == "gone"
    desk.run("apply", "one", "one", "--yes", expect=1)
    desk.run("apply", expect=1)


def test_one_of_many_that_takes_too_long_goes_on_in_the_cloud(desk: Desk) -> None:
    desk.declare("slow", A="a")
    desk.declare("user", after="slow", A="a")
    desk.fault("sns:CreateTopic", "delay", seconds=3)
    told = desk.run("apply", "slow", "user", "--yes", "--json", "--timeout", "0.2", expect=1)
    assert getattr(told.exception, "exit_code", None) == 7
    assert outcomes(told.stdout) == {"slow": "failed", "user": "not touched"}
    assert desk.status("slow") == "CREATE_IN_PROGRESS"
    desk.heal()
    told = desk.run("apply", "slow", "user", "--yes", "--json", "--quiet")
    assert outcomes(told.stdout) == {"slow": "kept", "user": "changed"}


def test_many_go_users_first_and_what_is_protected_stays_with_what_it_uses(desk: Desk) -> None:
    desk.declare("base", A="a")
    desk.declare("middle", after="base", A="a")
    desk.declare("held", A="a")
    desk.declare("keeper", after="held", A="a")
    desk.run("apply", "--all", "--yes", "--quiet")
    desk.run("protect", "keeper")

    plan = json.loads(desk.run("delete", "--all", "--dry-run", "--json").stdout)
    assert plan["delete"] == ["desk-local-middle", "desk-local-base"]
    assert "is protected" in plan["keep"]["desk-local-keeper"]
    assert "is in use by keeper" in plan["keep"]["desk-local-held"]
    # One that is named stops all, before anything goes; so does one that others use.
    desk.run("delete", "middle", "keeper", "--yes", expect=1)
    desk.run("delete", "base", "--yes", expect=1)
    desk.run("delete", "nobody", "--yes", expect=1)
    assert desk.status("middle") == "CREATE_COMPLETE"

    told = desk.run("delete", "--all", "--yes", "--json", "--events", "ndjson")
    events = [json.loads(line) for line in told.stderr.splitlines() if line.startswith("{")]
    ends = [e["step"] for e in events if e["event"] == "finished" and ":" not in e["step"]]
    assert ends == ["middle", "base", "delete 2 stacks"]
    assert [desk.status(name) for name in ("middle", "base")] == ["gone", "gone"]
    assert [desk.status(name) for name in ("held", "keeper")] == ["CREATE_COMPLETE"] * 2
    desk.run("protect", "keeper", "--off", "--yes")
    desk.run("delete", "--all", "--yes", "--quiet")
    assert "no stack of desk is in local" in desk.run("delete", "--all", "--yes").stdout


def test_what_is_used_by_one_that_could_not_be_deleted_is_left(desk: Desk) -> None:
    desk.declare("base", A="a")
    desk.declare("user", after="base", A="a")
    desk.declare("alone", A="value a")
    desk.run("apply", "--all", "--yes", "--quiet")
    desk.fault("sns:DeleteTopic", "fail", code="AccessDenied", times=1)
    told = desk.run("delete", "--all", "--yes", "--json", expect=1)
    assert json.loads(told.stdout)["deleted"] == ["desk-local-alone"]
    assert "= base: not touched: used by user, which could not be deleted" in told.stderr
    assert desk.status("base") == "CREATE_COMPLETE"


def test_throttled_calls_of_many_are_repeated_until_all_is_done(desk: Desk) -> None:
    for name in ("one", "two", "three", "four"):
        desk.declare(name, A="a")
    desk.fault("cloudformation:Describe*", "throttle", times=6)
    told = desk.run("apply", "--all", "--yes", "--json", "--quiet")
    assert set(outcomes(told.stdout).values()) == {"changed"}


def test_a_rerun_from_another_machine_goes_on_with_the_same_and_with_nothing_else(
    desk: Desk,
) -> None:
    desk.declare("one", A="a")
    desk.fault("sns:CreateTopic", "delay", seconds=4)
    desk.apply("one", "--timeout", "0.2", expect=1)
    shutil.rmtree(desk.root / ".provisimus/journal")  # as on a machine that never began it
    desk.declare("one", A="other")
    refused = desk.apply("one", expect=1)
    assert "is busy: CREATE_IN_PROGRESS" in str(refused.exception)
    desk.declare("one", A="a")
    told = desk.run("apply", "one", "--yes")
    assert "stack desk-local-one: the same is under way already" in told.stderr
    assert desk.status("one") == "CREATE_COMPLETE"


def test_a_request_whose_answer_was_lost_is_done_once(desk: Desk) -> None:
    desk.declare("one", A="a")
    # The request arrives and its answer does not: what repeats it has the same token.
    desk.fault("cloudformation:ExecuteChangeSet", "cut-after", times=1)
    desk.apply("one")
    assert desk.status("one") == "CREATE_COMPLETE"
    token = {
        each.get("ClientRequestToken")
        for each in desk.cloudformation.describe_stack_events(StackName="desk-local-one")[
            "StackEvents"
        ]
        if each["ResourceStatus"] != "REVIEW_IN_PROGRESS"
    }
    assert len(token) == 1, "it was done once"


def test_a_long_template_goes_through_a_bucket(desk: Desk) -> None:
    desk.declare("one", A="value " + "x" * 4000, **{f"B{n}": f"topic {n:0900}" for n in range(60)})
    refused = desk.apply("one", expect=1)
    assert "CloudFormation takes 51200 in a request" in str(refused.exception)
    (desk.root / "provisimus.yaml").write_text(
        "project: desk\nenvironments: {local: {provider: local, templates: desk-templates}}\n"
    )
    refused = desk.apply("one", expect=1)
    assert "there is no bucket desk-templates" in str(refused.exception)
    s3 = desk.cloud.client("s3")
    s3.create_bucket(
        Bucket="desk-templates", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    desk.apply("one")
    assert desk.status("one") == "CREATE_COMPLETE"
    [object_] = s3.list_objects_v2(Bucket="desk-templates")["Contents"]
    assert object_["Key"].startswith("provisimus/templates/")
    assert object_["Size"] > 51_200
