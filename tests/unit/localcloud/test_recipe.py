"""Orders of bases: checked where they come in, and kept by what they are made of."""

from __future__ import annotations

import pytest

from provisimus.localcloud.bases.recipe import BaseOrder, Recipe, parse_order
from provisimus.localcloud.faults import LocalCloudError

ORDER = {"name": "debian-12-amd64-local", "owner": "136693071363"}


def test_an_order_with_defaults():
    assert parse_order(ORDER) == BaseOrder(
        "debian-12-amd64-local", "136693071363", Recipe("debian", "bookworm", ())
    )


def test_the_order_of_packages_makes_no_other_base():
    one = parse_order({**ORDER, "packages": ["curl", "docker.io"]})
    other = parse_order({**ORDER, "packages": ["docker.io", "curl"]})
    assert one == other
    assert one.recipe.fingerprint == other.recipe.fingerprint


def test_another_recipe_is_another_base():
    prints = {
        Recipe("debian", "bookworm", ()).fingerprint,
        Recipe("debian", "bookworm", ("curl",)).fingerprint,
        Recipe("tiny", "bookworm", ()).fingerprint,
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"kind": "windows"}, "no base of kind 'windows'"),
        ({"name": "x"}, "name 'x' is not valid"),
        ({"owner": "amazon"}, "owner 'amazon' is not valid"),
        ({"owner": 1}, "owner must be text"),
        ({"suite": "../etc"}, "suite '../etc' is not valid"),
        ({"packages": "curl"}, "packages must be a list"),
        ({"packages": ["curl; reboot"]}, "packages must be a list"),
        ({"kind": "tiny", "packages": ["curl"]}, "takes no packages"),
    ],
)
def test_what_is_wrong_is_named(change, said):
    with pytest.raises(LocalCloudError, match=said):
        parse_order({**ORDER, **change})


def test_an_order_is_an_object():
    with pytest.raises(LocalCloudError, match="JSON object"):
        parse_order(["debian"])
