"""The lists of what regions offer are moto's own, and each is read when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest
from moto.utilities.utils import load_resource

from provisimus.localcloud.hooks.offerings import Offerings

IMPORTED = """
from provisimus.localcloud.hooks.offerings import read_on_demand
read_on_demand()
from moto.ec2.models import instances, instance_types, spot_requests
of = instance_types.INSTANCE_TYPE_OFFERINGS
print(*sorted((where, len(dict(known))) for where, known in of.items()))
print(all(each.INSTANCE_TYPE_OFFERINGS is of for each in (instances, spot_requests)))
"""


@pytest.mark.parametrize("where", ["region", "availability-zone", "availability-zone-id"])
def test_a_region_offers_what_moto_says(where: str) -> None:
    offered = Offerings(where)
    assert "eu-west-1" in offered
    told = load_resource(f"ec2/resources/instance_type_offerings/{where}/eu-west-1.json")
    assert offered.get("eu-west-1") == [{**each, "LocationType": where} for each in told]
    assert list(offered) == ["eu-west-1"]


def test_a_region_that_there_is_not_offers_nothing() -> None:
    offered = Offerings("region")
    assert "eu-nowhere-1" not in offered
    assert offered.get("eu-nowhere-1", []) == []
    with pytest.raises(KeyError):
        offered["eu-nowhere-1"]


def test_importing_moto_reads_none() -> None:
    told = subprocess.run(
        (sys.executable, "-c", IMPORTED), capture_output=True, text=True, check=True
    ).stdout
    assert told.splitlines() == [
        "('availability-zone', 0) ('availability-zone-id', 0) ('region', 0)",
        "True",
    ]
