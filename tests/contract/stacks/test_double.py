"""Every status of a stack with every `stack` command: a sensible answer, from a scripted cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from click.testing import CliRunner
from tests.contract.stacks.double import DRIFT_IS_KNOWN, Double, serve

from provisimus.aws import Cloud
from provisimus.cli.app import provisimus
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError
from provisimus.stacks import plan_stack
from provisimus.stacks.live import state_of
from provisimus.workspace import open_workspace

MODEL = Loader().load_service_model("cloudformation", "service-2")
STATUSES = [each for each in MODEL["shapes"]["StackStatus"]["enum"] if each != "DELETE_COMPLETE"]
"""All that the API knows. A deleted stack is not found by its name."""


@dataclass
class Scripted:
    """One stack without a machine, declared as it lives, and the commands about it."""

    root: Path
    double: Double
    environment: Environment

    def run(self, *arguments: str) -> tuple[int, str, ProvisimusError | None]:
        """Exit code, stdout, and what went wrong."""
        done = CliRunner().invoke(provisimus, ["stack", *arguments, "-C", str(self.root)])
        error = done.exception
        if isinstance(error, ProvisimusError):
            return error.exit_code, done.stdout, error
        assert error is None or isinstance(error, SystemExit), (arguments, repr(error))
        return done.exit_code, done.stdout, None


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    (tmp_path / "stacks/files.yaml").write_text("type: bucket\n")
    double = Double(name="acme-local-files")
    server = serve(double)
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    environment = Environment(
        "local", Cloud("eu-west-1", None, endpoint, None, ("test", "test")), "127.0.0.1:5000"
    )
    monkeypatch.setattr("provisimus.cli.session.Session.open", lambda *_, **__: environment)
    plan = plan_stack(open_workspace(tmp_path), environment, "files", "", None)
    double.tags = {**plan.ours, "provisimus:fingerprint": str(plan.fingerprint)}
    double.template = json.dumps(plan.template)
    double.outputs = {"Name": "acme-files"}
    double.asked.clear()
    yield Scripted(tmp_path, double, environment)
    server.shutdown()
    server.server_close()


READING = [
    ("list",),
    ("outputs", "files"),
    ("events", "files"),
    ("diagnose", "files"),
    ("status", "files"),
]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("command", READING, ids=lambda each: each[0])
def test_reading_tells_a_stack_in_any_status(
    scripted: Scripted, command: tuple[str, ...], status: str
) -> None:
    scripted.double.status = status
    code, said, error = scripted.run(*command)
    assert (code, error) == (0, None)
    assert "acme-files" in said if command[0] == "outputs" else status in said


@pytest.mark.parametrize("status", STATUSES)
def test_what_may_be_done_follows_from_the_status(scripted: Scripted, status: str) -> None:
    scripted.double.status = status
    state = state_of(status)
    code, _, error = scripted.run("apply", "files", "--yes")
    if state == "ready":
        assert (code, error) == (0, None), "it is what is wanted"
    elif state in ("busy", "stuck"):
        assert error is not None
        assert code == 5
        assert status in error.message
        assert "provisimus stack " in str(error.hint), "it does not say what to do next"
    assert (
        not {"ExecuteChangeSet", "DeleteStack"} & {*scripted.double.actions()}
        or state == "leftover"
    )


@pytest.mark.parametrize("status", STATUSES)
def test_a_plan_says_why_there_can_be_none(scripted: Scripted, status: str) -> None:
    scripted.double.status = status
    state = state_of(status)
    code, said, error = scripted.run("plan", "files")
    match state:
        case "ready":
            assert (code, error) == (0, None)
            assert "nothing to do" in said
        case "leftover" if not status.endswith("_IN_PROGRESS"):
            assert (code, error) == (0, None)
            assert "create" in said
        case "busy" | "stuck":
            assert error is not None
            assert (code, status in error.message) == (5, True)
            assert "provisimus stack " in str(error.hint)
    assert {*scripted.double.actions()} <= {"DescribeStacks", "DescribeStackEvents"}


@pytest.mark.parametrize("status", STATUSES)
def test_what_does_not_change_may_be_deleted(scripted: Scripted, status: str) -> None:
    scripted.double.status = status
    code, said, error = scripted.run("delete", "files", "--dry-run")
    # A deletion that is under way is gone on with.
    if state_of(status) == "busy" and status != "DELETE_IN_PROGRESS":
        assert error is not None
        assert (code, status in error.message) == (5, True)
    else:
        assert (code, error) == (0, None)
        assert said.startswith("delete acme-local-files")
    assert "DeleteStack" not in scripted.double.actions()


@pytest.mark.parametrize("status", STATUSES)
def test_protection_asks_for_no_status(scripted: Scripted, status: str) -> None:
    scripted.double.status = status
    scripted.double.begins = {"UpdateTerminationProtection": status}
    assert scripted.run("protect", "files", "--yes")[0] == 0
    assert scripted.double.actions()[-1] == "UpdateTerminationProtection"
    code, said, error = scripted.run("prune", "--dry-run")
    assert (code, said.strip(), error) == (0, "every stack is declared", None)


@pytest.mark.parametrize("status", STATUSES)
def test_there_is_a_way_out_of_every_status(scripted: Scripted, status: str) -> None:
    scripted.double.status = status
    code, said, error = scripted.run("unstick", "files", "--dry-run", "--json")
    assert (code, error) == (0, None)
    told = json.loads(said)
    at_rest = state_of(status) == "ready"
    assert (told["action"] == "nothing") is at_rest
    code, _, error = scripted.run("cancel", "files", "--dry-run")
    if status in ("CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
        assert (code, error) == (0, None)
    else:
        assert error is not None
        assert (code, error.message) == (5, f"acme-local-files has nothing to cancel: {status}")
    changing = {"DeleteStack", "CancelUpdateStack", "RollbackStack", "ContinueUpdateRollback"}
    assert not changing & {*scripted.double.actions()}, "a dry run changes something"


@pytest.mark.parametrize("status", STATUSES)
def test_watching_ends_when_the_time_is_over_or_the_stack_rests(
    scripted: Scripted, status: str
) -> None:
    scripted.double.status = status
    code, said, _ = scripted.run("watch", "files", "--timeout", "0", "--quiet")
    if state_of(status) == "busy":
        assert code == 7
    else:
        assert (code, said.strip()) == (0, f"acme-local-files rests: {status}")


@pytest.mark.parametrize("status", STATUSES)
def test_drift_is_told_where_cloudformation_looks_for_it(scripted: Scripted, status: str) -> None:
    scripted.double.status = status
    values = {"ExpectedValue": "Enabled", "ActualValue": "Suspended"}
    path = {"PropertyPath": "/VersioningConfiguration/Status", "DifferenceType": "NOT_EQUAL"}
    scripted.double.drifts = {"Bucket": {**path, **values}}
    code, said, error = scripted.run("drift", "files", "--exit-code")
    if status in DRIFT_IS_KNOWN:
        assert (code, error) == (4, None)
        assert "/VersioningConfiguration/Status: Enabled → Suspended" in said
    else:
        assert error is not None
        assert (code, status in error.message) == (1, True)
    if status in DRIFT_IS_KNOWN and state_of(status) == "ready":
        code, said, error = scripted.run("plan", "files", "--drift")
        assert (code, error) == (0, None)
        assert "there is Suspended: by hand, and stays" in said
    assert not {"ExecuteChangeSet", "CreateChangeSet"} & {*scripted.double.actions()}


def test_a_stack_that_is_not_there_is_said_by_every_command(scripted: Scripted) -> None:
    named = [each for each in READING if len(each) > 1 and each[0] != "status"]
    for command in [*named, ("watch", "files"), ("cancel", "files"), ("unstick", "files")]:
        code, _, error = scripted.run(*command)
        assert code == 1
        assert error is not None
        assert error.message == "there is no stack acme-local-files in local"
        assert error.hint == "see: provisimus stack list"


def test_a_name_that_nothing_declares_is_wrong_usage(scripted: Scripted) -> None:
    commands = (*(each[0] for each in READING if len(each) > 1), "watch", "cancel", "unstick")
    for command in (*commands, "delete", "protect", "drift"):
        if command == "status":
            continue
        code, _, error = scripted.run(command, "nobody")
        assert error is not None
        assert (code, error.message) == (2, "there is no service 'nobody'"), command
        assert "files" in str(error.hint)


def test_a_third_of_all_calls_may_be_throttled(scripted: Scripted) -> None:
    scripted.double.status = "UPDATE_COMPLETE"
    turned: list[int] = []

    def throttled(number: int) -> bool:
        if number % 10 in (0, 3, 6):
            turned.append(number)
            return True
        return False

    scripted.double.throttled = throttled
    for command in (*READING, ("apply", "files", "--yes")):
        assert scripted.run(*command)[0] == 0
    assert len(turned) >= 3


def test_a_connection_lost_after_the_request_does_it_once(scripted: Scripted) -> None:
    scripted.double.status = "UPDATE_IN_PROGRESS"
    scripted.double.begins = {"CancelUpdateStack": "UPDATE_ROLLBACK_COMPLETE"}
    scripted.double.lost = {"CancelUpdateStack"}
    code, said, error = scripted.run("cancel", "files", "--yes", "--quiet", "--timeout", "60")
    assert (code, error) == (0, None)
    assert said.strip() == "acme-local-files is UPDATE_ROLLBACK_COMPLETE"
    asked = [each for each in scripted.double.asked if each["Action"] == "CancelUpdateStack"]
    assert len(asked) == 2
    tokens: set[Any] = {each.get("ClientRequestToken") for each in asked}
    assert len(tokens) == 1
    assert None not in tokens, "a request that came twice cannot be told from two"


@pytest.mark.parametrize(
    ("meanwhile", "exit_code", "told"),
    [
        ("UPDATE_COMPLETE", 5, "acme-local-files has nothing to cancel any more: UPDATE_COMPLETE"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", 7, "it goes on in the cloud"),
        ("UPDATE_IN_PROGRESS", 1, "could not unstick the stack acme-local-files"),
    ],
)
def test_a_cancellation_that_comes_too_late(
    scripted: Scripted, meanwhile: str, exit_code: int, told: str
) -> None:
    """CloudFormation refuses it: the update ended, goes back already, or there is another reason"""
    scripted.double.status = "UPDATE_IN_PROGRESS"
    scripted.double.meanwhile = {"DescribeStackEvents": meanwhile}
    code, _, error = scripted.run("cancel", "files", "--yes", "--quiet", "--timeout", "1")
    assert error is not None
    assert told in error.message
    assert code == exit_code
    assert scripted.double.actions().count("CancelUpdateStack") == 1


@pytest.mark.parametrize("meanwhile", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])
def test_who_comes_second_of_two_applies_is_refused(scripted: Scripted, meanwhile: str) -> None:
    """The other one, on another machine, begins after this one has planned."""
    scripted.double.status = "CREATE_COMPLETE"
    scripted.double.tags = {**scripted.double.tags, "provisimus:fingerprint": "sha256:" + "0" * 64}
    scripted.double.meanwhile = {"GetTemplate": meanwhile}
    code, _, error = scripted.run("apply", "files", "--yes", "--quiet")
    assert error is not None
    assert (code, error.message) == (
        5, "the stack acme-local-files changed since this was planned",
    )  # fmt: skip
    assert error.hint == "plan again and look at what it says now"
    assert not {"CreateChangeSet", "ExecuteChangeSet"} & {*scripted.double.actions()}
