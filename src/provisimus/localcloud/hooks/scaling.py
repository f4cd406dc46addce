"""Auto Scaling groups: the keeper takes the place of moto's, which launches as it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.scaling.keeper import Keeper
from provisimus.localcloud.scaling.models import take_the_place


def install(cloud: Cloud, client: Callable[[str], Any], pace: float) -> Keeper:
    """Before moto builds its app. ``pace`` is how much of AWS's own patience is waited."""
    from provisimus.localcloud.scaling.api import AutoScaling

    take_the_place()
    keeper = Keeper(cloud, client, pace)
    AutoScaling.keeper = keeper
    return keeper
