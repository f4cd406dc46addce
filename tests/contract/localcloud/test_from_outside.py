"""The local cloud as the tool starts and stops it: the right one, and told why when it cannot."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ports import free_port

from provisimus.errors import ProvisimusError, Refused
from provisimus.local import LocalCloud


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[LocalCloud]:
    cloud = LocalCloud(tmp_path / "cloud", free_port(), free_port())
    yield cloud
    cloud.down()


def test_started_stopped_and_its_files_removed(stopped: LocalCloud) -> None:
    assert stopped.up("eu-west-1")["ready"]
    with pytest.raises(Refused, match="is running"):
        stopped.reset()
    assert stopped.down()
    assert not stopped.down()
    stopped.reset()
    assert not stopped.directory.exists()


def test_one_of_another_directory_is_left_alone(stopped: LocalCloud, tmp_path: Path) -> None:
    stopped.up("eu-west-1")
    (tmp_path / "other").mkdir()
    other = replace(stopped, directory=tmp_path / "other")
    with pytest.raises(Refused, match=f"another local cloud, of {stopped.directory}"):
        other.up("eu-west-1")
    assert not other.down()
    other.reset()
    assert stopped.status() is not None


def test_one_on_another_port_is_found(stopped: LocalCloud) -> None:
    stopped.up("eu-west-1")
    elsewhere = replace(stopped, port=free_port())
    with pytest.raises(Refused, match="is running"):
        elsewhere.reset()
    assert elsewhere.down()
    assert stopped.status() is None


def test_a_taken_port_of_the_registry_is_the_one_that_is_named(stopped: LocalCloud) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", stopped.registry_port))
        other.listen()
        with pytest.raises(ProvisimusError) as caught:
            stopped.up("eu-west-1")
    assert f"port {stopped.registry_port} is taken by something that is no" in str(caught.value)
    assert "PROVISIMUS_LOCAL_REGISTRY_PORT" in str(caught.value.hint)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cloud = LocalCloud(tmp_path / "file" / "cloud", free_port(), free_port())
    with pytest.raises(ProvisimusError, match="cannot be written") as caught:
        cloud.up("eu-west-1")
    assert "PROVISIMUS_LOCAL_DIR" in str(caught.value.hint)
