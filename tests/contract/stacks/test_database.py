"""A database of a stack, in a local cloud that runs PostgreSQL: made, changed, guarded, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.contract.localcloud.conftest import LocalCloud
from tests.contract.localcloud.databases import MAJOR, needs_networks, needs_postgres
from tests.in_sync import differing
from tests.ports import free_port

from provisimus.aws import Cloud, as_tags
from provisimus.cli.app import provisimus
from provisimus.errors import ProvisimusError, Refused
from provisimus.stacks.live import ENVIRONMENT, MACHINE, PROJECT, SERVICE, USES

if TYPE_CHECKING:
    from conftest import Scene

pytestmark = needs_postgres
DATABASE = (
    f"type: database\nengine_version: '{MAJOR}'\nnetwork: main\nname: orders\nprotect: false\n"
    "parameters: {log_min_duration_statement: '500'}\n"
)


@pytest.fixture
def company(scene: Scene, tmp_path: Path) -> Iterator[Scene]:
    cloud = LocalCloud(tmp_path / "cloud", free_port(), free_port())
    cloud.start()
    try:
        needs_networks(cloud)
        here = Cloud("eu-west-1", None, cloud.url, None, ("test", "test"))
        scene.environment = replace(scene.environment, cloud=here)
        scene.declare("main", "type: network\n")
        scene.declare("orders-db", DATABASE)
        scene.applied("main")
        yield scene
    finally:
        cloud.stop()


def test_the_life_of_a_database(company: Scene) -> None:
    made = company.applied("orders-db")
    assert made.outputs["DatabaseName"] == "orders"
    assert made.outputs["Endpoint"].endswith(".rds.amazonaws.com")
    assert made.outputs["SecretArn"].startswith("arn:aws:secretsmanager:")
    assert company.planned("orders-db").change == "none"
    assert (
        differing(
            company.environment.cloud.cloudformation,
            f"{company.workspace.name}-local-{'orders-db'}",
        )
        == {}
    )

    company.declare("orders-db", DATABASE.replace("500", "250") + "alarms: {connections: 90}\n")
    changed = company.applied("orders-db")
    assert changed.outputs == made.outputs
    assert changed.status == "UPDATE_COMPLETE"

    # Another name would be another database, without the data.
    company.declare("orders-db", DATABASE.replace("name: orders", "name: archive"))
    with pytest.raises(Refused, match="Database would be replaced, and the data with it"):
        company.applied("orders-db")

    company.declare("orders-db", DATABASE.replace("protect: false", "protect: true"))
    company.applied("orders-db")
    with pytest.raises(Refused, match=r"Database of .*-local-orders-db is protected"):
        company.deleted("orders-db")
    with pytest.raises(Refused, match="is in use by orders-db"):
        company.deleted("main")

    company.declare("orders-db", DATABASE)
    company.applied("orders-db")
    company.deleted("orders-db")
    company.deleted("main")


def test_its_password_is_rotated_by_hand(company: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    made = company.applied("orders-db")
    environment = company.environment
    arn = made.outputs["SecretArn"]
    monkeypatch.setattr("provisimus.cli.session.Session.open", lambda *_, **__: environment)

    def run(*arguments: str, code: int = 0) -> Any:
        words = ["database", "rotate", *arguments, "-C", str(company.root), "--json"]
        done = CliRunner().invoke(provisimus, words)
        if code:
            assert isinstance(done.exception, ProvisimusError)
            assert done.exception.exit_code == code
            return done.exception
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    def password() -> str:
        text = environment.cloud.secrets.get_secret_value(SecretId=arn)["SecretString"]
        return str(json.loads(text)["password"])

    company.declare("main", "type: network\nnat: none\n")
    fault = run("main", code=2)
    assert fault.message == "main is of type network, and has no password that RDS manages"
    company.declare("other-db", DATABASE)
    assert run("other-db", code=1).message == "there is no database of other-db in local"

    # One with a machine of ours, as its tags say, and one without.
    for service, tags in (("greeter", {MACHINE: "sha256:1"}), ("report", {})):
        taking = {"Fn::GetStackOutput": {"StackName": made.name, "OutputName": "SecretArn"}}
        resources = {
            "Told": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Type": "String", "Value": taking},
            }
        }
        whose = {PROJECT: company.workspace.name, ENVIRONMENT: "local", USES: "orders-db"}
        environment.cloud.cloudformation.create_stack(
            StackName=f"{company.workspace.name}-local-{service}",
            TemplateBody=json.dumps({"Resources": resources}),
            Tags=as_tags({**whose, SERVICE: service, **tags}),
        )
        waiter = environment.cloud.cloudformation.get_waiter("stack_create_complete")
        waiter.wait(
            StackName=f"{company.workspace.name}-local-{service}", WaiterConfig={"Delay": 1}
        )

    before = password()
    expected = {
        "database": "orders-db",
        "instance": made.outputs["DatabaseId"],
        "secret": arn,
        "machines": ["greeter"],
        "others": ["report"],
        "within": 300,
    }
    assert run("orders-db", "--dry-run") == {**expected, "rotated": False}
    assert "nobody is there to answer" in run("orders-db", code=2).message
    assert password() == before
    assert run("orders-db", "--yes") == {**expected, "rotated": True}
    assert password() != before
