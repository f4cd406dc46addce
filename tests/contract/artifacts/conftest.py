from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.artifacts.maven_server import MavenServer, serving

from provisimus.artifacts.cache import Cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def server() -> Iterator[MavenServer]:
    with serving() as state:
        yield state


@pytest.fixture(autouse=True)
def _nobody_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of whoever runs the tests. Maven keeps its home: Java asks the system."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NETRC", raising=False)
