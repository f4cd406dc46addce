"""What `packer validate` says, of old and new Packers, as problems."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import Problem
from provisimus.machines.packer_problems import problems_in

OWN = Path("packer/greeter/template.pkr.hcl")

OLD = """\
Error: Unsupported argument

  on template.pkr.hcl line 6:
  (source code not available)

An argument named "nonsense" is not expected here.

Error: Argument or block definition required

  on template.pkr.hcl line 11:

An argument or block definition is required here.
"""
NEW = """\
\x1b[31mError: Unsupported argument\x1b[0m

  on packer/greeter/template.pkr.hcl line 6, in source "amazon-ebs" "machine":
   6:   nonsense = true

An argument named "nonsense" is not expected here.
"""
SEVERAL = """\
Error: 2 error(s) occurred:

* ami_name must be between 3 and 128 characters long
* An ssh_username must be specified
  Note: some builders used to default ssh_username to "root".

  on template.pkr.hcl line 4:
  (source code not available)
"""


def problem(line: int | None, message: str) -> Problem:
    return Problem(str(OWN), line, "", message)


UNSUPPORTED = problem(6, 'Unsupported argument: An argument named "nonsense" is not expected here.')


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        (
            OLD,
            [
                UNSUPPORTED,
                problem(
                    11,
                    "Argument or block definition required: An argument or block definition is "
                    "required here.",
                ),
            ],
        ),
        (NEW, [UNSUPPORTED]),
        (
            SEVERAL,
            [
                problem(4, "ami_name must be between 3 and 128 characters long"),
                problem(4, "An ssh_username must be specified"),
            ],
        ),
        ("Error: unset variable\n", [problem(None, "unset variable")]),
        ("panic: something\n", []),
        ("", []),
    ],
)
def test_problems(said: str, problems: list[Problem]) -> None:
    assert problems_in(said.splitlines(), OWN) == problems
