"""How long the local cloud takes for what AWS does every minute.

Metrics of instances are put and alarms evaluated once in this time, and AWS's own patience (an hour
for an instance refresh that does not get on, the pause before a zone without capacity is tried
again) is as much shorter. Time-outs that users set are kept to the second.
"""

from __future__ import annotations

import os

VARIABLE = "PROVISIMUS_LOCAL_MINUTE"
MINUTE = 60.0


def minute_from_environment() -> float:
    """Seconds; those of the clock unless the environment says less, from 0.1."""
    try:
        return min(MINUTE, max(0.1, float(os.environ.get(VARIABLE, MINUTE))))
    except ValueError:
        return MINUTE
