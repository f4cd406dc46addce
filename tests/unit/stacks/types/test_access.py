"""Stack type `access`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other
from tests.unit.stacks.types.told import told

from provisimus.stacks.types.access import TYPE
from provisimus.stacks.types.interface import WantedStack
from provisimus.workspace.definitions.stacks.access import AccessDefinition
from provisimus.workspace.problems import parse

PROVIDER = "arn:aws:iam::111122223333:oidc-provider"


def wanted(**given: Any) -> WantedStack[AccessDefinition]:
    definition = parse(AccessDefinition, {"type": "access", **given})
    return WantedStack("access", "", definition, ours={"provisimus:project": "acme"})


CASES = {
    "plain": wanted(operators=["arn:aws:iam::111122223333:role/platform"]),
    "with-all": wanted(
        role="acme-provisimus",
        operators=["arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:role/ops"],
        build_server={
            "provider": f"{PROVIDER}/token.actions.githubusercontent.com",
            "subjects": ["repo:acme/services:ref:refs/heads/main"],
        },
        readers=["arn:aws:iam::111122223333:role/everybody"],
        session="1h",
        boundary="arn:aws:iam::111122223333:policy/boundary",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_template_is_the_golden_one(name: str) -> None:
    check_golden(TYPE, name, CASES[name])


def test_no_golden_file_is_left_over() -> None:
    check_no_other(TYPE, CASES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("role: provisimus", "1 : nobody may take the role"),
        ("operators: ['*']", "2 operators/0: '*' names nobody"),
        (
            f"build_server: {{provider: '{PROVIDER}/x', subjects: ['*']}}",
            "2 build_server/subjects/0: anybody's token would do",
        ),
        (
            f"build_server: {{provider: '{PROVIDER}/x', subjects: ['repo:*']}}",
            "2 build_server/subjects/0: anybody's token would do",
        ),
        (
            f"build_server: {{provider: '{PROVIDER}/x', subjects: ['*:acme']}}",
            "2 build_server/subjects/0: anybody's token would do",
        ),
        (
            "build_server: {provider: 'arn:aws:iam::111122223333:role/x', subjects: ['repo:a/b']}",
            "2 build_server/provider: 'arn:aws:iam::111122223333:role/x' is no ARN of iam",
        ),
        (
            "operators: ['arn:aws:iam::111122223333:root']\nboundary: mine",
            "3 boundary: 'mine' is no ARN of iam",
        ),
        (
            "operators: ['arn:aws:iam::111122223333:root']\nsession: 30m",
            "3 session: input should be greater than or equal to 3600, not '30m'",
        ),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: access\n{text}\n") == [problem]
