"""Machine images before the first machine: which are made, and what a fault does to the others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.errors import NotFound, Refused
from provisimus.events import Said, silence
from provisimus.model import Plan, ServiceVersion
from provisimus.release import bring_up
from provisimus.release.bring_up import bake_before
from provisimus.release.plan import ReleasePlan
from provisimus.workspace import Workspace, open_workspace

PLACE = Environment("local", Cloud("eu-west-1", None), "127.0.0.1:5000")


def plan(name: str, image: object | None, *, machine: bool = True) -> ReleasePlan:
    of = cast(Any, SimpleNamespace(image=image)) if machine else None
    return ReleasePlan(Plan(name, "1.0.0", "local", (), {}, {}), "machine", machine=of)


class House:
    """Knows what is there, and what was made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, there: set[str], bad: set[str]) -> None:
        self.there, self.bad = there, bad
        self.made: list[str] = []
        self.told: list[str] = []
        monkeypatch.setattr(bring_up, "plan_release", self.plan)
        monkeypatch.setattr(bring_up, "execute", self.execute)
        monkeypatch.setattr(Workspace, "machine_of", lambda _, name, __: name)

    def plan(self, _: Any, __: Any, asked: ServiceVersion, until: str) -> ReleasePlan:
        assert until == "machine"
        return plan(asked.name, "ami-1" if asked.name in self.there else None)

    def execute(self, wanted: ReleasePlan, *given: Any) -> None:
        given[2](Said("bake", "begins"))
        if (name := wanted.plan.service) in self.bad:
            raise NotFound(f"no artifact of {name}")
        self.made.append(name)
        self.there.add(name)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    return open_workspace(tmp_path)


def test_what_is_missing_is_made_in_order_and_a_fault_stops_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(monkeypatch, {"there"}, {"bad"})
    names = ("there", "one", "bad", "known", "bare", "two", "forbidden")
    planned = {
        "known": plan("known", "ami-2"),
        "bare": plan("bare", None, machine=False),
        "forbidden": plan("forbidden", None),
    }

    def check(each: ReleasePlan, _: Environment) -> None:
        raise Refused(f"{each.plan.service} is against a rule")

    def tell(event: Any) -> None:
        house.told.append(event.step)

    asked = [ServiceVersion(name, "1.0.0") for name in names]
    ended = bake_before(workspace, PLACE, asked, planned, cast(Any, None), tell, "run-1", check)
    assert house.made == ["one", "two"]
    assert house.told == ["one: bake", "bad: bake", "two: bake"]
    assert {name: type(how) for name, how in ended.items()} == {
        "one": float,
        "bad": NotFound,
        "two": float,
        "forbidden": Refused,
    }


def test_an_interruption_ends_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, set(), set())

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bring_up, "execute", interrupted)
    asked = [ServiceVersion("one", "1.0.0"), ServiceVersion("two", "1.0.0")]
    with pytest.raises(KeyboardInterrupt):
        bake_before(workspace, PLACE, asked, {}, cast(Any, None), silence, "run-1")
    assert house.made == []
