"""How a DB instance is said to be watched: kept and told back. Nothing here measures anything.

Pure but for `keep`. Sources: API reference, CreateDBInstance and ModifyDBInstance; "Setting up and
enabling Enhanced Monitoring" and "Turning on the Advanced mode of Database Insights" in the RDS
User Guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from provisimus.localcloud.hooks.databases import rules

INTERVALS = (0, 1, 5, 10, 15, 30, 60)
"""Seconds between two measurements of Enhanced Monitoring."""
SHORTEST, LONGEST, MONTH = 7, 731, 31
"""Days that Performance Insights keeps its data: these two, or up to 23 months of 31 days."""
ADVANCED_FROM = 465
"""Days that it must keep them in the advanced mode."""
AUTHORITIES = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")
"""The first one is that of an instance that names none."""


@dataclass(frozen=True)
class Watching:
    """By moto's names for what DescribeDBInstances tells."""

    monitoring_interval: int = 0
    monitoring_role_arn: str | None = None
    performance_insights_enabled: bool = False
    performance_insights_kms_key_id: str | None = None
    performance_insights_retention_period: int | None = None
    database_insights_mode: str = "standard"


NAMES = tuple(each.name for each in fields(Watching))


def of(database: Any) -> Watching:
    """What is kept of a DB instance; one of an older record has the defaults."""
    return Watching(**{name: getattr(database, name) for name in NAMES if hasattr(database, name)})


def after(before: Watching, wanted: Mapping[str, Any]) -> Watching:
    """What a request makes of it; `wanted` by moto's names."""
    given = {name: wanted[name] for name in NAMES if wanted.get(name) is not None}
    enabled = wanted.get("enable_performance_insights")
    made = replace(before, **given)
    if enabled is not None:
        made = replace(made, performance_insights_enabled=bool(enabled))
    if made.monitoring_interval == 0 and "monitoring_role_arn" not in given:
        made = replace(made, monitoring_role_arn=None)
    if not made.performance_insights_enabled and before.performance_insights_enabled:
        kept = [name for name in NAMES if name.startswith("performance_") and name not in given]
        return replace(made, **{name: getattr(Watching(), name) for name in kept
                                if name != "performance_insights_enabled"})  # fmt: skip
    if made.performance_insights_enabled and not made.performance_insights_retention_period:
        made = replace(made, performance_insights_retention_period=SHORTEST)
    return made


def wrong(made: Watching, authority: str | None) -> rules.Refusal:
    """Whether a DB instance can be watched so, with a certificate of that authority."""
    days = made.performance_insights_retention_period
    months = days is not None and days % MONTH == 0 and MONTH <= days <= 23 * MONTH
    return rules.first(
        None
        if authority in (None, *AUTHORITIES)
        else (
            "CertificateNotFound",
            f"Certificate not found: {authority} (there are {', '.join(AUTHORITIES)})",
        ),
        None
        if made.monitoring_interval in INTERVALS
        else (rules.INVALID, f"Invalid monitoring interval: {made.monitoring_interval}"),
        rules.when(
            bool(made.monitoring_interval) != bool(made.monitoring_role_arn),
            "MonitoringRoleARN and a MonitoringInterval other than 0 go together",
        ),
        rules.when(
            not made.performance_insights_enabled
            and bool(days or made.performance_insights_kms_key_id),
            "Settings of Performance Insights need EnablePerformanceInsights",
        ),
        None
        if days in (None, SHORTEST, LONGEST) or months
        else (rules.INVALID, f"Invalid Performance Insights retention period: {days}"),
        None
        if made.database_insights_mode in ("standard", "advanced")
        else (rules.INVALID, f"Invalid Database Insights mode: {made.database_insights_mode}"),
        rules.when(
            made.database_insights_mode == "advanced" and (days or 0) < ADVANCED_FROM,
            "The advanced mode of Database Insights needs Performance Insights with a retention "
            f"period of {ADVANCED_FROM} days or more",
        ),
    )


def keep(database: Any, made: Watching) -> None:
    for name, value in asdict(made).items():
        setattr(database, name, value)


def exported(before: Sequence[str], asked: Mapping[str, Any]) -> list[str]:
    """The logs that are said to go to CloudWatch after a CloudwatchLogsExportConfiguration."""
    gone, new = asked.get("DisableLogTypes") or (), asked.get("EnableLogTypes") or ()
    kept = [each for each in before if each not in gone]
    return [*kept, *(each for each in new if each not in kept)]
