"""Whether a machine is asked for its health from here, or what it tells its stack counts."""

from __future__ import annotations

import pytest

from provisimus.stacks.health import is_inside


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.20.64.4", True),
        ("172.31.0.5", True),
        ("18.200.0.1", False),
        ("127.9.230.1", False),  # a public address in the local cloud
        (None, False),
    ],
)
def test_an_address_of_the_inside_is_not_reached_from_here(
    address: str | None, *, inside: bool
) -> None:
    assert is_inside(address) is inside
