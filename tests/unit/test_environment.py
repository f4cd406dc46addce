"""What an environment is opened with."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.environment import open_environment
from provisimus.workspace import open_workspace


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("127.0.0.1:5000", "127.0.0.1:5999"),
        ("localhost:5000/acme/images", "127.0.0.1:5999/acme/images"),
        ("registry.acme.example/acme", "registry.acme.example/acme"),
    ],
)
def test_the_local_registry_moves_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, expected: str
) -> None:
    monkeypatch.setenv("PROVISIMUS_LOCAL_REGISTRY_PORT", "5999")
    (tmp_path / "provisimus.yaml").write_text(f"project: acme\nregistry: {{url: '{url}'}}\n")
    assert open_environment(open_workspace(tmp_path), "local").registry == expected
