"""The log group of a stack with machines."""

from __future__ import annotations

from typing import Literal

from provisimus.workspace.definitions.common import Definition
from provisimus.workspace.definitions.retention import Retention


class ContainerLogs(Definition):
    """What the containers log, in CloudWatch Logs."""

    keep: Retention = 30 * 86400
    by: Literal["engine", "side-cart"] = "engine"
    """Who writes it there: the Docker Engine, or a side cart of one's own."""
