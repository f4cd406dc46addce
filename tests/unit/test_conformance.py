"""What makes a conformance case one."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import (
    Page,
    follows,
    operation,
    pages_of,
    wrong_with,
)
from tests.contract.localcloud.conformance.world import Kept

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


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Remove")


def test_what_was_made_goes_again_the_last_first() -> None:
    gone, kept = [], Kept(patience=1.0, pause=0.001)
    answers = {"a": [], "b": [error("DependencyViolation")], "c": [error("InvalidGroup.NotFound")]}

    def remove(name: str) -> None:
        if answers[name]:
            raise answers[name].pop()
        gone.append(name)

    for name in answers:
        kept(remove, name=name)
    kept.clear()
    assert gone == ["b", "a"]  # held for a moment; and what is gone already is fine
    kept.clear()
    assert gone == ["b", "a"]


def test_what_could_not_be_removed_is_told_and_the_rest_goes() -> None:
    gone, kept = [], Kept(patience=0.01, pause=0.001)

    def remove(name: str) -> None:
        if name != "a":
            raise error("InUse" if name == "b" else "AccessDenied")
        gone.append(name)

    for name in "abc":
        kept(remove, name=name)
    with pytest.raises(AssertionError, match=r"left behind: remove.*'c'.*AccessDenied.*'b'.*InUse"):
        kept.clear()
    assert gone == ["a"]
