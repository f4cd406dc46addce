"""The chain's plan: which version, which steps, and what a saved plan still means."""

from dataclasses import replace
from pathlib import Path

import pytest

from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.errors import Refused, UsageFault
from provisimus.model import Plan, ServiceVersion, Step
from provisimus.release.execute import check_saved
from provisimus.release.plan import arrange, resolve_version
from provisimus.workspace import Workspace, open_workspace

BUILD = Step("image", "greeter@1.0.0", "build", "no image has this fingerprint")
BASE = Step("image", "jre@17", "keep", "unchanged", needed=False)
BAKE = Step("machine", "greeter@1.0.0", "bake", "image greeter changed")


def test_a_base_that_two_images_share_is_told_once() -> None:
    assert arrange([BASE, BUILD, BASE, BAKE], baked=False) == [BASE, BUILD, BAKE]


def test_what_is_baked_needs_no_image_from_the_registry() -> None:
    [step] = arrange([BUILD], baked=True)
    assert step == Step(
        "image",
        "greeter@1.0.0",
        "keep",
        "the machine image holds it",
        needed=False,
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    (tmp_path / "stacks/greeter.yaml").write_text(
        "version: 1.0.0\nenvironments: {staging: {version: 1.1.0}}\n"
    )
    return open_workspace(tmp_path)


def environment(name: str) -> Environment:
    return Environment(name, Cloud("eu-west-1"), "127.0.0.1:5000")


def test_the_version_asked_for_comes_first(workspace: Workspace) -> None:
    asked = ServiceVersion("greeter", "2.0.0")
    assert resolve_version(workspace, environment("local"), asked, "greeter") == "2.0.0"


@pytest.mark.parametrize(("name", "version"), [("local", "1.0.0"), ("staging", "1.1.0")])
def test_then_the_declared_one_of_the_environment(
    workspace: Workspace, name: str, version: str
) -> None:
    asked = ServiceVersion("greeter")
    assert resolve_version(workspace, environment(name), asked, "greeter") == version


def test_a_machine_without_a_service_must_be_told(workspace: Workspace) -> None:
    with pytest.raises(UsageFault, match="which version of greeter") as raised:
        resolve_version(workspace, environment("local"), ServiceVersion("greeter"), None)
    assert raised.value.hint == ("say it: greeter@1.0.0, or write version: into the stack's file")


SAVED = Plan("greeter", "1.0.0", "local", (BAKE,), {"stack": "sha256:1"}, {"status": "ok"})


def test_a_saved_plan_holds_while_nothing_moved() -> None:
    check_saved(SAVED, replace(SAVED, steps=()))


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (replace(SAVED, version="1.0.1"), "the service"),
        (replace(SAVED, environment="production"), "the environment"),
        (replace(SAVED, fingerprints={"stack": "sha256:2"}), "the definitions"),
        (replace(SAVED, live={"status": "other"}), "the live stack"),
    ],
)
def test_a_saved_plan_is_refused_when_something_moved(now: Plan, what: str) -> None:
    with pytest.raises(Refused) as raised:
        check_saved(SAVED, now)
    assert raised.value.message == f"the saved plan is stale: {what} changed since"
