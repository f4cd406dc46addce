"""Stack type `bucket`: its templates, and what does not go together."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks.golden import check_golden, check_no_other
from tests.unit.stacks.types.told import told

from provisimus.stacks.types.bucket import TYPE
from provisimus.stacks.types.interface import WantedStack
from provisimus.workspace.definitions.stacks.bucket import BucketDefinition
from provisimus.workspace.problems import parse


def wanted(**given: Any) -> WantedStack[BucketDefinition]:
    definition = parse(BucketDefinition, {"type": "bucket", **given})
    return WantedStack("invoices", "", definition)


CASES = {
    "plain": wanted(),
    "with-all": wanted(
        name="acme-invoices",
        versions=False,
        expire=[{"prefix": "tmp/", "after": "7d"}, {"after": "365d"}],
        key="arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef",
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
        ("name: Acme", "2 name: 'Acme' is no name of a bucket"),
        (
            "name: acme.invoices",
            "2 name: 'acme.invoices' has dots, so its name would fit no TLS certificate of S3",
        ),
        ("name: acme--x-s3", "2 name: 'acme--x-s3' is a name that S3 keeps for itself"),
        ("name: sthree-acme", "2 name: 'sthree-acme' is a name that S3 keeps for itself"),
        (f"name: {'a' * 64}", f"2 name: '{'a' * 64}' is no name of a bucket"),
        ("old_versions: 36h", "2 old_versions: this is counted in whole days"),
        ("key: mine", "2 key: 'mine' is no ARN of kms"),
        (
            f"expire: [{{after: 1d, prefix: {'a' * 1025}}}]",
            f"2 expire/0/prefix: string should have at most 1024 characters, not '{'a' * 1025}'",
        ),
        ("expire: [{after: 1d}, {after: 2d}]", "2 expire: a prefix stands twice"),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"type: bucket\n{text}\n") == [problem]
