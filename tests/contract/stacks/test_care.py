"""The life of stacks that go wrong, by commands, against a local cloud whose calls can be made to
fail: watch, cancel, unstick, drift, protect, prune.
"""

from __future__ import annotations

import json

import pytest
from tests.contract.stacks.desk import Desk, eventually


def test_a_stack_at_rest_needs_no_way_out(desk: Desk) -> None:
    desk.declare("one", A="a")
    desk.apply("one")
    assert "rests" in desk.run("unstick", "one").stdout
    assert "nothing to cancel: CREATE_COMPLETE" in str(
        desk.run("cancel", "one", "--yes", expect=1).exception
    )
    assert "rests: CREATE_COMPLETE" in desk.run("watch", "one").stdout
    desk.run("watch", "nothing", expect=1)


def test_an_operation_is_watched_and_cancelled_from_anywhere(desk: Desk) -> None:
    desk.declare("one", A="a")
    desk.fault("sns:CreateTopic", "delay", seconds=3)
    desk.apply("one", "--timeout", "0.2", expect=1)
    assert desk.status("one") == "CREATE_IN_PROGRESS"
    assert "CREATE_COMPLETE" in desk.run("watch", "one", "--quiet").stdout

    desk.declare("one", A="a", B="b")
    desk.apply("one", "--timeout", "0.2", expect=1)
    told = desk.run("cancel", "one", "--yes", "--quiet").stdout
    assert "UPDATE_ROLLBACK_COMPLETE" in told

    desk.declare("two", A="a")
    desk.apply("two", "--timeout", "0.2", expect=1)
    assert desk.status("two") == "CREATE_IN_PROGRESS"
    assert "what was made so far" in desk.run("cancel", "two", "--dry-run").stdout
    desk.run("cancel", "two", "--yes", "--quiet")
    assert desk.status("two") == "gone"


def test_a_rollback_that_failed_goes_on_without_what_it_is_stuck_at(desk: Desk) -> None:
    desk.declare("one", A="a", B="b")
    desk.apply("one")
    desk.declare("one", A="other", B="b", C="bad")
    first = desk.topic("one", "A")
    desk.fault("sns:CreateTopic", "delay", seconds=3)
    desk.apply("one", "--timeout", "0.2", expect=1)

    def changed() -> bool:
        attributes = desk.cloud.client("sns").get_topic_attributes(TopicArn=first)["Attributes"]
        return bool(attributes["DisplayName"] == "other")

    eventually(changed, "the first topic was not changed")
    desk.cloud.client("sns").delete_topic(TopicArn=first)
    eventually(lambda: desk.status("one") == "UPDATE_ROLLBACK_FAILED", "it is not stuck")
    desk.heal()

    refused = desk.apply("one", expect=1)
    assert "provisimus stack unstick one --dry-run" in str(getattr(refused.exception, "hint", ""))
    told = desk.unstick("one", "--dry-run")
    assert told["action"] == "continue rollback"
    assert [each["logical_id"] for each in told["held"]] == ["A"]
    assert "does not exist" in told["held"][0]["reason"].lower()
    desk.run("unstick", "one", "--skip", "B", "--yes", expect=1)
    desk.run("unstick", "one", "--yes", "--quiet", expect=1)
    assert desk.status("one") == "UPDATE_ROLLBACK_FAILED"
    assert desk.unstick("one", "--skip", "A")["status"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_deletion_that_failed_leaves_behind_what_it_is_stuck_at(desk: Desk) -> None:
    desk.declare("one", A="a", B="b")
    desk.apply("one")
    last = desk.topic("one", "B")
    desk.fault("sns:DeleteTopic", "fail", code="AccessDenied", times=1)
    desk.run("delete", "one", "--yes", "--quiet", expect=1)
    assert desk.status("one") == "DELETE_FAILED"
    told = desk.unstick("one", "--dry-run")
    assert told["action"] == "delete"
    assert [each["logical_id"] for each in told["held"]] == ["B"]
    assert desk.unstick("one", "--retain", "B")["status"] == "DELETE_COMPLETE"
    assert desk.status("one") == "gone"
    topics = desk.cloud.client("sns").list_topics()["Topics"]
    assert [each["TopicArn"] for each in topics] == [last]


def test_an_update_that_was_left_half_done_goes_back(desk: Desk) -> None:
    desk.declare("one", A="a")
    desk.apply("one")
    body = json.loads(desk.run("template", "one", "--json").stdout)
    body["Resources"]["B"] = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "not a name"}}
    formation = desk.cloudformation
    formation.update_stack(
        StackName="desk-local-one", TemplateBody=json.dumps(body), DisableRollback=True
    )
    eventually(lambda: desk.status("one") == "UPDATE_FAILED", "it did not fail")
    assert desk.unstick("one", "--dry-run")["action"] == "roll back"
    assert desk.unstick("one")["status"].startswith("UPDATE_ROLLBACK_COMPLETE")


def test_change_sets_of_ours_that_are_left_over_are_removed(desk: Desk) -> None:
    desk.declare("one", A="a")
    formation = desk.cloudformation
    given = {"TemplateBody": desk.run("template", "one", "--json").stdout}
    formation.create_change_set(
        StackName="desk-local-one", ChangeSetName="provisimus-x-1", ChangeSetType="CREATE", **given
    )
    eventually(lambda: desk.status("one") == "REVIEW_IN_PROGRESS", "it is not there")
    assert desk.unstick("one", "--dry-run")["action"] == "delete"
    desk.unstick("one")
    assert desk.status("one") == "gone"

    desk.apply("one")
    for name in ("provisimus-x-2", "somebodys"):
        formation.create_change_set(StackName="desk-local-one", ChangeSetName=name, **given)
    eventually(
        lambda: desk.unstick("one", "--dry-run")["change_sets"] == ["provisimus-x-2"],
        "it is not told",
    )
    desk.unstick("one")
    left = formation.list_change_sets(StackName="desk-local-one")["Summaries"]
    names = {each["ChangeSetName"] for each in left}
    assert "somebodys" in names
    assert "provisimus-x-2" not in names


def test_a_stack_in_review_is_taken_on_and_not_deleted(desk: Desk) -> None:
    """Another run may be about to execute its change set: deleted, the stack takes that along."""
    desk.declare("one", A="a")
    formation = desk.cloudformation
    other = formation.create_change_set(
        StackName="desk-local-one",
        ChangeSetName="provisimus-other-1",
        ChangeSetType="CREATE",
        TemplateBody=desk.run("template", "one", "--json").stdout,
    )
    desk.apply("one")
    [made] = formation.describe_stacks(StackName="desk-local-one")["Stacks"]
    assert (made["StackId"], made["StackStatus"]) == (other["StackId"], "CREATE_COMPLETE")
    with pytest.raises(formation.exceptions.ClientError, match="does not exist"):
        formation.describe_change_set(
            StackName="desk-local-one", ChangeSetName="provisimus-other-1"
        )


def test_what_was_changed_by_hand_is_found(desk: Desk) -> None:
    desk.declare("one", A="value a", B="value b", C="a topic")
    desk.apply("one")
    assert "0 of 3 resources differ" in desk.run("drift", "one", "--exit-code").stdout
    ssm = desk.cloud.client("ssm")
    ssm.put_parameter(Name=desk.topic("one", "A"), Value="by hand", Overwrite=True)
    ssm.delete_parameter(Name=desk.topic("one", "B"))
    told = desk.run("drift", "one", "--exit-code", expect=4).stdout
    assert "modified  A (AWS::SSM::Parameter)" in told
    assert "/Value: value a → by hand" in told
    assert "deleted  B (AWS::SSM::Parameter)" in told
    found = json.loads(desk.run("drift", "one", "--json").stdout)
    assert [each["status"] for each in found] == ["MODIFIED", "DELETED", "IN_SYNC"]


def test_a_protected_stack_is_not_deleted(desk: Desk) -> None:
    desk.declare("one", A="a")
    desk.apply("one")
    assert "would be protected" in desk.run("protect", "one", "--dry-run").stdout
    assert "is protected" in desk.run("protect", "one").stdout
    assert "protected already" in desk.run("protect", "one").stdout
    refused = desk.run("delete", "one", "--yes", expect=1).exception
    assert "stack protect one --off" in str(getattr(refused, "hint", ""))
    desk.run("protect", "one", "--off", "--yes")
    desk.run("delete", "one", "--yes", "--quiet")
    assert desk.status("one") == "gone"


def test_stacks_are_told_at_a_glance_and_what_was_heard_of_one(desk: Desk) -> None:
    desk.declare("base", A="a")
    desk.declare("user", after="base", A="value a")
    desk.declare("later", A="a")
    desk.apply("base")
    desk.apply("user")
    desk.run("protect", "user")
    desk.run("drift", "user")
    table = desk.run("status").stdout
    assert ["base", "CREATE_COMPLETE"] in [line.split()[:2] for line in table.splitlines()]
    found = {each["service"]: each for each in json.loads(desk.run("status", "--json").stdout)}
    assert found["base"]["used_by"] == ["user"]
    assert (found["user"]["drift"], found["base"]["drift"]) == ("in sync", "not checked")
    assert (found["user"]["protected"], found["base"]["protected"]) == (True, False)
    assert found["later"]["status"] == "not there"
    named = json.loads(desk.run("status", "user", "base", "--json").stdout)
    assert [each["service"] for each in named] == ["base", "user"]
    assert "in sync" in desk.run("status", "user").stdout
    desk.run("status", "nobody", "base", expect=1)
    journal = desk.root / ".provisimus/journal/29990101T000000-abcdef.ndjson"
    said = {"event": "said", "step": "evidence of desk-local-base", "text": "container a: Exited"}
    journal.write_text(json.dumps({"at": 1.0, **said}) + "\n")
    told = desk.run("diagnose", "base").stdout
    assert "cause     nothing failed in the last operation" in told
    assert "  container a: Exited" in told
    data = json.loads(desk.run("diagnose", "base", "--json").stdout)
    assert data["kept"]["lines"] == ["container a: Exited"]
    desk.run("protect", "user", "--off", "--yes")
    desk.run("delete", "user", "--yes")
    desk.run("delete", "base", "--yes")


def test_stacks_that_nobody_declares_are_pruned_users_first(desk: Desk) -> None:
    desk.declare("base", A="a")
    desk.declare("user", after="base", A="a")
    desk.declare("kept", A="a")
    desk.declare("held", A="a")
    desk.declare("keeper", after="held", A="a")
    for name in ("base", "user", "kept", "held", "keeper"):
        desk.apply(name)
    desk.run("protect", "kept")
    assert "every stack is declared" in desk.run("prune", "--yes").stdout
    for name in ("base", "user", "kept", "held"):
        (desk.root / f"stacks/{name}.yaml").unlink()
    plan = json.loads(desk.run("prune", "--dry-run", "--json").stdout)
    assert plan["delete"] == ["desk-local-user", "desk-local-base"]
    assert plan["keep"]["desk-local-held"] == "used by keeper"
    assert "is protected" in plan["keep"]["desk-local-kept"]
    told = json.loads(desk.run("prune", "--yes", "--quiet", "--json").stdout)
    assert told["deleted"] == ["desk-local-user", "desk-local-base"]
    assert [desk.status(n) for n in ("base", "user")] == ["gone", "gone"]
    assert desk.status("kept") == desk.status("held") == "CREATE_COMPLETE"


def test_many_are_planned_side_by_side_in_their_order(desk: Desk) -> None:
    desk.declare("user", after="base", A="a")
    desk.declare("base", A="a")
    desk.declare("wrong", after="nothing", A="a")
    told = desk.run("plan", "--all", "--json", expect=1)
    found = {each["service"]: each for each in json.loads(told.stdout)}
    assert [*found] == ["base", "user", "wrong"]
    assert found["base"]["changes"] is True
    assert "nothing" in found["wrong"]["problems"][0]["message"]
    (desk.root / "stacks/wrong.yaml").unlink()
    desk.apply("base")
    desk.apply("user")
    assert "=" in desk.run("plan", "base", "user", "--exit-code").stdout
    desk.declare("base", A="other")
    assert "stack update" in desk.run("plan", "--all", "--exit-code", expect=4).stdout
    desk.run("plan", expect=1)
    desk.run("plan", "base", "--all", expect=1)


def test_a_stack_of_somebody_else_is_left_alone(desk: Desk) -> None:
    desk.declare("one", A="a")
    body = desk.run("template", "one", "--json").stdout
    desk.cloudformation.create_stack(StackName="desk-local-one", TemplateBody=body)
    for verb in (["unstick"], ["cancel"], ["protect"]):
        done = desk.run(*verb, "one", "--yes", expect=1)
        assert "is not of desk" in str(done.exception)
