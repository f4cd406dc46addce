"""What the snapshots of machine images cost a month. Rough, dated, and an upper bound.

Snapshots share the blocks that did not change between them, and hold no empty ones: what is really
billed for one is seldom known and never more than its whole size (Amazon EBS pricing, "Snapshots").
"""

from __future__ import annotations

AS_OF = "2026-01"

USD_PER_GIB_MONTH = {
    "us-east-1": 0.05,
    "us-east-2": 0.05,
    "us-west-1": 0.055,
    "us-west-2": 0.05,
    "ca-central-1": 0.055,
    "eu-central-1": 0.054,
    "eu-north-1": 0.05,
    "eu-west-1": 0.05,
    "eu-west-2": 0.053,
    "eu-west-3": 0.053,
    "ap-northeast-1": 0.05,
    "ap-southeast-1": 0.05,
    "ap-southeast-2": 0.055,
    "sa-east-1": 0.068,
}
"""Storage of the standard tier. An old figure errs by cents and decides nothing."""


def monthly(region: str, gib: int) -> float | None:
    """US dollars a month at most; None for a region whose price is not known here."""
    price = USD_PER_GIB_MONTH.get(region)
    return None if price is None else round(price * gib, 2)
