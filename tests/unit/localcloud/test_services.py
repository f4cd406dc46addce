"""Settings of the servers beside the API, and how patiently they are started again."""

from __future__ import annotations

from pathlib import Path

from provisimus.localcloud.services import pause, registry_settings


def test_pauses_grow_to_half_a_minute():
    assert [pause(failures) for failures in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_the_registry_listens_on_loopback_and_deletes():
    settings = registry_settings(Path("/state/registry"), 5000)
    assert settings["http"]["addr"] == "127.0.0.1:5000"
    assert settings["storage"]["delete"] == {"enabled": True}
    assert settings["storage"]["filesystem"] == {"rootdirectory": "/state/registry"}
