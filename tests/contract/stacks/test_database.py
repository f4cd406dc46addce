"""A database of a stack, in a local cloud that runs PostgreSQL: made, changed, guarded, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.contract.localcloud.conftest import LocalCloud
from tests.contract.localcloud.databases import needs_networks, needs_postgres
from tests.in_sync import differing
from tests.ports import free_port

from provisimus.aws import Cloud
from provisimus.errors import Refused

if TYPE_CHECKING:
    from conftest import Scene

pytestmark = needs_postgres
DATABASE = (
    "type: database\nengine_version: '15'\nnetwork: main\nname: orders\nprotect: false\n"
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
