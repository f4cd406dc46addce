"""What holds for every test: the folder decides what kind it is, and rehearsals wait to be asked.

    pytest                            unit and contract tests, in seconds
    pytest -m rehearsal               the whole chain, with virtual machines
    pytest tests/rehearsal/…          likewise, as much as is named
    pytest --rehearsal                everything

Nothing here knows a stage; fixtures live beside the tests that use them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background, where Ctrl-C is ignored: the tests of interruptions send one.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no fault of the code's: no example has to be quick.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# Shared stories whose assertions tell what they saw.
pytest.register_assert_rewrite("tests.life")

HERE = Path(__file__).parent
KINDS = ("contract", "rehearsal")
LARGE = frozenset(
    f"tests/rehearsal/test_{name}.py"
    for name in ("bake", "chain", "company", "company_at_work", "failing_container", "vendors")
)
"""Rehearsals whose machines run Debian and Docker: one alone has two cores busy."""
REHEARSAL_TIMEOUT = 3600
"""Seconds. It ends what hangs; what is merely slow, on whichever machine, is not to reach it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rehearsal", action="store_true", help="run the rehearsals too")
    parser.addoption(
        "--all", action="store_true", help="run the long variants too: ten boots in a row and such"
    )
    # Of tests/contract/localcloud/conformance, whose README tells more.
    aws = parser.getgroup("conformance cases")
    aws.addoption("--aws-profile", help="run them at AWS with this profile's credentials")
    aws.addoption("--aws-endpoint", help="run them at the endpoint of this URL")
    aws.addoption("--aws-region", default="eu-west-1", help="the region; eu-west-1 if not given")
    aws.addoption("--aws-costs", action="store_true", help="at AWS, those that cost money, too")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """One worker takes all large rehearsals: never two of them on the machine's two cores.

    With PROVISIMUS_REHEARSAL_DIR it takes the small ones too, for one process alone may have a
    local cloud.
    """
    # Only here, where xdist is in use.
    from xdist.scheduler import LoadScopeScheduling

    kept = "PROVISIMUS_REHEARSAL_DIR" in os.environ

    class LargeTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if not file.startswith("tests/rehearsal/"):
                return nodeid
            # What the tests of a file share takes a while to make.
            return "large" if kept or file in LARGE else file

    return LargeTogether(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    # Before the plugins: -m selects by the kinds.
    for item in items:
        _mark(item)
    yield
    # After the plugins, whatever the shuffle: what breaks in seconds is told in seconds. Then come
    # the rehearsals, the large ones on one worker, while the others take the small ones and then
    # what talks to servers.
    several = hasattr(config, "workerinput")
    items.sort(key=lambda item: _turn(item, several_workers=several))
    if _rehearsals_asked_for(config):
        return
    left_out = [item for item in items if _is_rehearsal(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _mark(item: pytest.Item) -> None:
    kind = _kind(item.path)
    if kind is None:
        return
    item.add_marker(getattr(pytest.mark, kind))
    if kind == "rehearsal" and item.get_closest_marker("timeout") is None:
        item.add_marker(pytest.mark.timeout(REHEARSAL_TIMEOUT))


def _turn(item: pytest.Item, *, several_workers: bool) -> int:
    """A worker alone leaves the rehearsals for the end: they take the longest."""
    if not _is_rehearsal(item):
        return 3 if several_workers and _kind(item.path) else 0
    return 1 if item.nodeid.partition("::")[0] in LARGE else 2


def _is_rehearsal(item: pytest.Item) -> bool:
    return item.get_closest_marker("rehearsal") is not None


def _kind(path: Path) -> str | None:
    """The folder right below tests/, when it is one that marks."""
    folder = path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) else ""
    return folder if folder in KINDS else None


def _rehearsals_asked_for(config: pytest.Config) -> bool:
    named = any("rehearsal" in argument for argument in config.invocation_params.args)
    return named or bool(config.getoption("--rehearsal"))


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the long variants were asked for with --all."""
    return bool(request.config.getoption("--all"))
