"""The groups of one account and region, where moto looks for its backend of Auto Scaling.

moto's own knows no health, no activities and no refreshes, and launches as it answers. Its address
in moto is taken by this one, which `state.py` therefore saves with all others.
"""

from __future__ import annotations

from moto.core.base_backend import BackendDict, BaseBackend

from provisimus.localcloud.scaling.group import Group


class ScalingBackend(BaseBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.groups: dict[str, Group] = {}

    def notify_terminate_instances(self, instance_ids: list[str]) -> None:
        """Moto's EC2 tells of a termination; the keeper sees it by itself."""


autoscaling_backends = BackendDict(ScalingBackend, "autoscaling")


def take_the_place() -> None:
    """Before moto builds its app."""
    from moto import autoscaling

    autoscaling.autoscaling_backends = autoscaling_backends  # type: ignore[attr-defined, assignment]
