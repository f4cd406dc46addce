"""The fixtures of the conformance cases, and what makes a case one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import pages_of, wrong_with
from tests.contract.localcloud.conformance.target import AWS, LOCAL, kind_of, opened
from tests.contract.localcloud.conformance.world import Kept, World
from tests.contract.stories import Story

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kind = kind_of(config)
    for item in items:
        if item.path.is_relative_to(FOLDER):
            _place(item, kind, with_costs=config.getoption("--aws-costs"))


def _place(item: pytest.Item, kind: str, *, with_costs: bool) -> None:
    """What a case may do and must do at this target."""
    if kind != LOCAL:
        item.add_marker(pytest.mark.enable_socket)
    if kind == AWS:
        item.add_marker(pytest.mark.timeout(3600))
        for mark in item.iter_markers("costs"):
            if not with_costs:
                reason = f"{mark.args[0]}, {mark.args[1]} minutes; runs with --aws-costs"
                item.add_marker(pytest.mark.skip(reason=reason))
    if kind == LOCAL:
        for mark in item.iter_markers("differs"):
            item.add_marker(pytest.mark.xfail(reason=mark.args[0], strict=True))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    wrong = wrong_with(pages_of(item.iter_markers()))
    if wrong:
        pytest.fail(f"{item.nodeid}: {wrong}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    pages = "\n".join(str(page) for page in pages_of(item.iter_markers()))
    if report.failed and pages:
        report.sections.append(("documentation that the case follows", pages))
    return report


@pytest.fixture(scope="session")
def account(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One target for the whole run, with a network and images."""
    with opened(request.config, tmp_path_factory.mktemp("conformance")) as target:
        made = World(target, Kept(target.patience, target.pause))
        yield made
        made.kept.clear()


@pytest.fixture
def world(account: World) -> Iterator[World]:
    """The same, with a list of what this case made; all of it goes when the case is over."""
    made = World(account.target, Kept(account.patience, account.pause), account)
    yield made
    made.kept.clear()


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    yield from told(world)


@pytest.fixture
def other(world: World) -> Iterator[Story]:
    """A second stack; gone before the first."""
    yield from told(world)


def told(world: World) -> Iterator[Story]:
    story = Story(world, world.name("story"))
    yield story
    remove(story)


def remove(story: Story) -> None:
    """Whatever state its stack is in."""
    if not story.lives:
        return
    api = story.world.cloudformation
    story.stack_id = story.described_by_name["StackId"]
    if story.described.get("EnableTerminationProtection"):
        api.update_termination_protection(
            StackName=story.stack_id, EnableTerminationProtection=False
        )
    if story.described["StackStatus"] == "UPDATE_IN_PROGRESS":
        api.cancel_update_stack(StackName=story.stack_id)
        story.settle()
    if story.delete() == "DELETE_FAILED":
        resources = api.list_stack_resources(StackName=story.stack_id)["StackResourceSummaries"]
        stuck = [
            e["LogicalResourceId"] for e in resources if e["ResourceStatus"] == "DELETE_FAILED"
        ]
        assert story.delete(RetainResources=stuck) == "DELETE_COMPLETE", story.news()


def refused(call: Any, **given: Any) -> tuple[str, str]:
    """Code and message of the error with which a call must end."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
