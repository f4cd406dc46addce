"""What makes a conformance case one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.localcloud.conformance.documentation import (
    Page,
    follows,
    operation,
    pages_of,
    wrong_with,
)

FOLDER = Path(__file__).parents[1] / "contract" / "localcloud" / "conformance"


def test_a_case_names_its_pages() -> None:
    marks = [follows("One", "a/b.html").mark, operation("EC2", "RunInstances").mark]
    pages = pages_of([*marks, pytest.mark.timeout(1).mark])
    assert [page.url for page in pages] == [
        "https://docs.aws.amazon.com/a/b.html",
        "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html",
    ]
    assert str(pages[0]) == "One\n  https://docs.aws.amazon.com/a/b.html"
    assert wrong_with(pages) is None


@pytest.mark.parametrize(
    ("pages", "complaint"),
    [
        ((), "names no page of AWS's documentation. Put @follows"),
        ((Page(" ", "a/b.html"),), "is no page of docs.aws.amazon.com"),
        ((Page("One", "a/b"),), "is no page of docs.aws.amazon.com"),
        ((Page("One", "a/b.html"), Page("Two", "")), "is no page of docs.aws.amazon.com"),
    ],
)
def test_a_case_without_one_is_none(pages: tuple[Page, ...], complaint: str) -> None:
    assert complaint in str(wrong_with(pages))


def test_cases_know_aws_alone() -> None:
    cases = list(FOLDER.glob("test_*.py"))
    assert cases
    for case in cases:
        text = case.read_text()
        assert "provisimus" not in text, case
        assert "_localcloud" not in text, case
