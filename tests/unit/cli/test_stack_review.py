"""How a review reads: the gravest first, counted, and what only follows in one place."""

from __future__ import annotations

from provisimus.cli.stack_review import review_lines
from provisimus.stacks.property_changes import PropertyChange
from provisimus.stacks.resource_change import NOT_MADE_YET
from provisimus.stacks.review import Review, ReviewedChange

WAITING = PropertyChange("VpcId", "vpc-1", NOT_MADE_YET[1])
OTHER = PropertyChange("CidrBlock", "10.0.0.0/16", "10.1.0.0/16")


def change(action: str, name: str, *values: PropertyChange, data: bool = False) -> ReviewedChange:
    return ReviewedChange(action, name, "AWS::X::Y", "", "", data, values)


def lines(*changes: ReviewedChange) -> list[str]:
    return review_lines(Review("main", "acme-main", "update", "", "change set", changes))


def test_the_gravest_comes_first_and_all_is_counted() -> None:
    assert lines(
        change("create", "New"), change("replace", "Vpc", OTHER), change("delete", "Old")
    ) == [
        "acme-main: update: 1 to delete, 1 to replace, 1 to create",
        "  delete          Old (AWS::X::Y)",
        "  replace         Vpc (AWS::X::Y)",
        "      CidrBlock: 10.0.0.0/16 → 10.1.0.0/16",
        "  create          New (AWS::X::Y)",
    ]


def test_what_only_follows_stands_in_one_place() -> None:
    told = lines(
        change("replace", "Vpc", OTHER),
        change("perhaps replace", "Routes", WAITING),
        change("change", "Name", WAITING),
        change("perhaps replace", "Acl", WAITING),
        change("perhaps replace", "Entry", OTHER, WAITING),
        change("perhaps replace", "Volume", WAITING, data=True),
        change("replace", "Subnet", WAITING),
    )
    assert told[0] == "acme-main: update: 2 to replace, 4 perhaps to replace, 1 to change"
    assert told[-3:] == [
        "  3 more only follow: they refer to what is made anew",
        "      perhaps replace: Routes, Acl",
        "      change: Name",
    ]
    heads = [each.split()[-2] for each in told if each.endswith("(AWS::X::Y)")]
    assert heads == ["Vpc", "Subnet", "Entry", "Volume"]


def test_few_that_follow_are_told_one_by_one() -> None:
    told = lines(change("perhaps replace", "Routes", WAITING))
    assert told[1:] == [
        "  perhaps replace Routes (AWS::X::Y)",
        f"      VpcId: vpc-1 → {NOT_MADE_YET[1]}",
    ]


def test_nothing_is_said_of_a_stack_that_stays() -> None:
    assert review_lines(Review("main", "acme-main", "none", "", "nothing")) == []
