"""`provisimus check` tells of a `publish:` that cannot be done: file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.workspace import open_workspace


def test_the_default_key_cannot_be_shared(tmp_path: Path) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    (tmp_path / "packer/greeter").mkdir(parents=True)
    (tmp_path / "packer/greeter/machine.yaml").write_text(
        "base: debian-12\nmain: greeter\n"
        'publish:\n  accounts: ["111122223333"]\n  kms_key: alias/aws/ebs\n'
    )
    with pytest.raises(InvalidDefinitions) as caught:
        open_workspace(tmp_path).machine("greeter")
    [problem] = caught.value.problems
    assert problem.key == "publish"
    assert problem.line in (3, 4)
    assert "cannot be shared with other accounts" in problem.message + (problem.hint or "")
