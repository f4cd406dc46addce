"""What is compared of the members of a cluster, whose machines' ids differ by their user data."""

from __future__ import annotations

from typing import Any

import pytest
from tests.life import said


def stack(*ids: str) -> dict[str, Any]:
    changes = [{"logical_id": each, "action": "replace", "effect": "swapped"} for each in ids]
    return {"changes": changes}


def test_members_say_the_same_of_machines_with_other_user_data() -> None:
    both = [
        stack("Instance7ddeb4af", "Healthy00000001"),
        stack("Instance12345678", "Healthyffffffff"),
    ]
    assert said(both) == {"Instance": "replace: swapped", "Healthy": "replace: swapped"}


@pytest.mark.parametrize(
    "other",
    ["DataVolumeData7ddeb4af", "InstanceProfile", "Instance7ddeb4a", "AttachDataVolumeData"],
)
def test_every_other_id_is_compared_as_it_is(other: str) -> None:
    assert said([stack(other)]) == {other: "replace: swapped"}
    with pytest.raises(AssertionError):
        said([stack(other), stack("Instance7ddeb4af")])


def test_no_change_hides_behind_another() -> None:
    with pytest.raises(AssertionError):
        said([stack("Instance7ddeb4af", "Instance12345678")])
