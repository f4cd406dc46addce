"""Definition, last deployed and live: what was changed by hand, and what an apply does about it."""

import pytest

from provisimus.stacks.drift import Difference, DriftedResource
from provisimus.stacks.resource_change import ResourceChange
from provisimus.stacks.three_way import three_way

KIND = "AWS::SSM::Parameter"
BY_HAND = DriftedResource(
    "It", "it-1", KIND, "MODIFIED", (Difference("/Value", "NOT_EQUAL", "old", "by hand"),)
)


def change(value: str) -> ResourceChange:
    return ResourceChange(
        "Modify", "It", KIND, "False", ("Value",), before={"Value": "old"}, after={"Value": value}
    )


@pytest.mark.parametrize(
    ("changes", "wanted", "verdict"),
    [
        ([], "old", "by hand, and stays"),
        ([change("new")], "new", "by hand"),
        ([change("by hand")], "by hand", "by hand, as the definition"),
        ([ResourceChange("Modify", "It", KIND, properties=("Type",))], "old", "by hand, and stays"),
        ([ResourceChange("Remove", "It", KIND)], None, "by hand"),
    ],
)
def test_a_property_in_three_places(
    changes: list[ResourceChange], wanted: str | None, verdict: str
) -> None:
    [found] = three_way([BY_HAND], changes)
    assert (found.definition, found.deployed, found.live) == (wanted, "old", "by hand")
    assert found.verdict == verdict
    assert f"there is by hand: {verdict}" in found.line


def test_a_value_deep_inside_is_found() -> None:
    drifted = DriftedResource(
        "It", "it-1", KIND, "MODIFIED", (Difference("/Tags/1/Value", "NOT_EQUAL", "a", "b"),)
    )
    tags = [{"Key": "x", "Value": "1"}, {"Key": "y", "Value": "2"}]
    changes = [ResourceChange("Modify", "It", KIND, properties=("Tags",), after={"Tags": tags})]
    [found] = three_way([drifted], changes)
    assert (found.path, found.definition) == ("Tags/1/Value", "2")


def test_what_is_gone_and_what_is_in_sync() -> None:
    gone = DriftedResource("It", "it-1", KIND, "DELETED")
    fine = DriftedResource("Other", "o-1", KIND, "IN_SYNC")
    [found] = three_way([gone, fine], [])
    assert found.line == "It: deleted by hand"


def test_no_secret_is_shown() -> None:
    difference = Difference("/MasterUserPassword", "NOT_EQUAL", "hunter2", "hunter3")
    [found] = three_way([DriftedResource("It", "x", KIND, "MODIFIED", (difference,))], [])
    assert "hunter" not in repr(found)
