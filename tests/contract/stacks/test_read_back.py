"""Stacks of every type that needs no machine, made in a local cloud: nothing of them differs.

Each resource is read back as it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.contract.localcloud.conftest import LocalCloud
from tests.in_sync import differing
from tests.ports import free_port

from provisimus.cli.app import provisimus
from provisimus.stacks.types import all_types, find_type

WITH_MACHINES = {"autoscaled-service", "bastion", "cluster", "database", "service"}
"""Their stacks run machines, or a database: they live in tests of their own."""
NEEDS = {"certificate": ("names", "dns")}
"""A stack that a type's stack names, and that stack's type."""
TOPIC = "Resources: {Topic: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: News}}}\n"
EXAMPLES = {
    "certificate": "type: certificate\ndomain: acme.example\nzone: names\n",
    "raw": "type: raw\ntemplate: topic.yaml.template\n",
}
"""In place of an example that names what is not there."""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    made = LocalCloud(tmp_path_factory.mktemp("read") / "cloud", free_port(), free_port())
    made.start()
    yield made
    made.stop()


@pytest.fixture
def root(local: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for key, value in local.variables().items():
        monkeypatch.setenv(key, value)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "provisimus.yaml").write_text("project: read\n")
    (tmp_path / "stacks/topic.yaml.template").write_text(TOPIC)
    return tmp_path


def run(root: Path, *arguments: str) -> str:
    done = CliRunner().invoke(provisimus, ["stack", *arguments, "-C", str(root)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


@pytest.mark.parametrize("name", sorted(set(all_types()) - WITH_MACHINES))
def test_a_fresh_stack_is_in_sync_throughout(name: str, root: Path, local: LocalCloud) -> None:
    stacks = {name: name}
    if name in NEEDS:
        needed, of = NEEDS[name]
        stacks = {needed: of, **stacks}
    for stack, of in stacks.items():
        text = EXAMPLES.get(of, find_type(of).example)
        (root / f"stacks/{stack}.yaml").write_text(text)
        run(root, "apply", stack, "--yes", "--quiet")
    for stack in stacks:
        run(root, "drift", stack, "--exit-code")
        assert differing(local.client("cloudformation"), f"read-local-{stack}") == {}
