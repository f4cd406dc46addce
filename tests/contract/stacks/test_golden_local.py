"""What the local cloud makes of every golden template: all of it, or it refuses it by name.

Static: nothing is created. What it may refuse is named here, and nothing else.
"""

from pathlib import Path

import pytest

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.support import check
from provisimus.localcloud.cloudformation.template import parse

GOLDEN = Path(__file__).parents[2] / "golden" / "stacks"
MAY_REFUSE = ("Resource type AWS::SQS::Queue",)


def refusal(text: str) -> str | None:
    try:
        check(parse(text))
    except ValidationError as error:
        return str(error)
    return None


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_is_made_whole_or_refused_by_name(path: Path) -> None:
    said = refusal(path.read_text())
    assert said is None or said.startswith(MAY_REFUSE), said
