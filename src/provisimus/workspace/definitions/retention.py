"""How long CloudWatch Logs keeps what it is told."""

from __future__ import annotations

from typing import Annotated

from provisimus.workspace.definitions.common import Seconds
from provisimus.workspace.definitions.rules import after

RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
"""Days that CloudWatch Logs can keep what it is told (PutRetentionPolicy, retentionInDays)."""


def retention(value: int) -> int:
    """Whole days, as CloudWatch Logs has them. Raises ValueError."""
    days = value / 86400
    if days not in RETENTION:
        known = ", ".join(f"{each}d" for each in RETENTION)
        raise ValueError(f"CloudWatch Logs does not keep for {days:g} days — choose of {known}")
    return value


Retention = Annotated[Seconds, after(retention)]
"""How long CloudWatch Logs keeps what it is told; in seconds, whole days of a list of AWS's."""
