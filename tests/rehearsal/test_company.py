"""The example company: one command brings all of it up, another takes it down, nothing is left.

Its stacks are the example's own. Tiny machine images stand in for those that take an hour to bake:
they answer at 8080, whatever they are called, so what is looked at is the stacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.rehearsal.company import bring_up, take_down
from tests.rehearsal.house import House, open_house
from tests.rehearsal.stand_in import NEVER_PULLED, TINY, stand_in

from provisimus.environment import open_environment
from provisimus.workspace import open_workspace


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with open_house(tmp_path) as house:
        furnish(house)
        for key, value in house.environment.items():
            monkeypatch.setenv(key, value)
        workspace = open_workspace(house.root)
        environment = open_environment(workspace, "local", start=True)
        environment.ensure_base("tiny", workspace.base("tiny"))
        for machine, version in machines(house).items():
            stand_in(workspace, environment, machine, version)
        yield house


def furnish(house: House) -> None:
    """Tiny machines, and stacks that wait for no more than those can tell."""
    project = house.root / "provisimus.yaml"
    project.write_text(project.read_text().replace("\nbases:", f"\nbases:\n{TINY}", 1))
    for path in (house.folder / "acme-packer").glob("*/machine.yaml"):
        before = yaml.safe_load(path.read_text())
        small = {
            "base": "tiny",
            "main": {"image": NEVER_PULLED},
            "health": {"http": {"port": 8080, "path": "/health"}, "within": "600s"},
            **({"volumes": before["volumes"]} if "volumes" in before else {}),
        }
        path.write_text(yaml.safe_dump(small))
    for path in (house.root / "stacks").glob("*.yaml"):
        stack = yaml.safe_load(path.read_text())
        if "version" not in stack:
            continue
        stack["instance_type"] = "t2.nano"
        if path.stem in ("activemq", "hazelcasts"):
            # Nobody is there who would tell the stack.
            del stack["health"]
        if path.stem == "greeters":
            stack["replacement"] = {"warmup": "1s"}
        path.write_text(yaml.safe_dump(stack))


def machines(house: House) -> dict[str, str]:
    """The version of each machine that a stack runs."""
    workspace = open_workspace(house.root)
    found: dict[str, str] = {}
    for name in workspace.services():
        machine = workspace.machine_of(name, "local")
        if machine is not None:
            found[machine] = str(getattr(workspace.stack(name, "local"), "version", ""))
    return found


def test_one_command_brings_the_company_up_and_another_takes_it_down(
    company: House, long: bool
) -> None:
    if not long:
        pytest.skip("boots nine machines; runs with --all")
    bring_up(company)
    take_down(company)
