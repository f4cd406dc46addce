"""A workspace with stacks of topics, and a local cloud whose calls can be made to fail."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.contract.localcloud.conftest import LocalCloud
from tests.ports import free_port

from provisimus.cli.app import provisimus

TYPE = '''
from dataclasses import field

from provisimus.stacks.types import StackType
from provisimus.workspace.definitions.stack import StackDefinition, Use


class TopicsDefinition(StackDefinition):
    topics: dict[str, str] = field(default_factory=dict)
    """Display names by logical id; each is made after the one before."""
    after: str | None = None

    def uses(self):
        if self.after:
            yield Use(self.after, ("after",))


class Topics(StackType):
    name = "topics"
    summary = "some topics"
    example = "type: topics\\n"
    definition = TopicsDefinition

    def build(self, wanted):
        resources, last = {}, None
        for name, display in wanted.definition.topics.items():
            bad = display == "bad"
            resources[name] = {
                "Type": "AWS::SNS::Topic",
                "Properties": {"TopicName": "not a name"} if bad else {"DisplayName": display},
                **({"DependsOn": last} if last else {}),
            }
            if display.startswith("value "):
                values = {"Type": "String", "Value": display}
                resources[name] = {"Type": "AWS::SSM::Parameter", "Properties": values}
            last = name
        used = wanted.others.get(wanted.definition.after)
        outputs = {"First": {"Value": {"Ref": next(iter(resources))}}}
        if used:
            outputs["Used"] = {"Value": {"Fn::GetStackOutput": {
                "StackName": used.name, "OutputName": "First"}}}
        return {"Resources": resources, "Outputs": outputs}


TYPE = Topics()
'''


@dataclass
class Desk:
    """A workspace with stacks of topics, and a cloud whose calls can be made to fail."""

    root: Path
    cloud: LocalCloud

    @property
    def cloudformation(self) -> Any:
        return self.cloud.client("cloudformation")

    def declare(self, name: str, after: str | None = None, **topics: str) -> None:
        body = {"type": "topics", "topics": topics, **({"after": after} if after else {})}
        (self.root / f"stacks/{name}.yaml").write_text(json.dumps(body))

    def run(self, verb: str, *arguments: str, expect: int = 0) -> Result:
        done = CliRunner().invoke(
            provisimus, ["stack", verb, *arguments, "-C", str(self.root)], catch_exceptions=True
        )
        assert done.exit_code == expect, (done.output, done.exception)
        return done

    def apply(self, name: str, *arguments: str, expect: int = 0) -> Result:
        return self.run("apply", name, "--yes", "--quiet", *arguments, expect=expect)

    def unstick(self, name: str, *arguments: str, expect: int = 0) -> Any:
        done = self.run("unstick", name, "--yes", "--quiet", "--json", *arguments, expect=expect)
        return json.loads(done.stdout)

    def status(self, name: str) -> str:
        try:
            found = self.cloudformation.describe_stacks(StackName=f"desk-local-{name}")
        except self.cloudformation.exceptions.ClientError:
            return "gone"
        return str(found["Stacks"][0]["StackStatus"])

    def topic(self, name: str, logical_id: str) -> str:
        found = self.cloudformation.describe_stack_resource(
            StackName=f"desk-local-{name}", LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def fault(self, calls: str, kind: str, **more: Any) -> int:
        answer = self.cloud.post("faults", {"calls": calls, "kind": kind, **more})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["id"])

    def faults(self) -> set[int]:
        import httpx

        return {each["id"] for each in httpx.get(f"{self.cloud.url}/_localcloud/faults").json()}

    def heal(self, number: int | None = None) -> None:
        import httpx

        which = "" if number is None else f"/{number}"
        httpx.delete(f"{self.cloud.url}/_localcloud/faults{which}", timeout=20)


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def desk_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    made = LocalCloud(tmp_path_factory.mktemp("care") / "cloud", free_port(), free_port())
    made.start()
    yield made
    made.stop()


@pytest.fixture
def desk(desk_cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for key, value in desk_cloud.variables().items():
        monkeypatch.setenv(key, value)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stack_types").mkdir()
    (tmp_path / "stack_types/topics.py").write_text(TYPE)
    (tmp_path / "provisimus.yaml").write_text("project: desk\n")
    made = Desk(tmp_path, desk_cloud)
    yield made
    made.heal()
    formation = made.cloudformation
    for each in formation.describe_stacks()["Stacks"]:
        formation.update_termination_protection(
            StackName=each["StackId"], EnableTerminationProtection=False
        )
        formation.delete_stack(StackName=each["StackId"])
    eventually(lambda: not formation.describe_stacks()["Stacks"], "stacks are left")
