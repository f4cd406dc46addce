"""cfn-lint, the second opinion on every golden template. Too slow for the unit tests."""

from pathlib import Path

import pytest
from cfnlint.api import lint

GOLDEN = Path(__file__).parents[2] / "golden" / "stacks"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_cfn_lint_has_no_warning(path: Path) -> None:
    assert [str(each) for each in lint(path.read_text())] == []
