"""How a DB instance is said to be watched: what is kept of requests, and what is refused."""

from __future__ import annotations

import pytest

from provisimus.localcloud.hooks.databases.watching import (
    AUTHORITIES,
    Watching,
    after,
    exported,
    wrong,
)

INSIGHTS = Watching(
    performance_insights_enabled=True,
    performance_insights_kms_key_id="arn:key",
    performance_insights_retention_period=7,
)


@pytest.mark.parametrize(
    ("before", "wanted", "made"),
    [
        (Watching(), {"engine": "postgres"}, Watching()),
        (
            Watching(),
            {"monitoring_interval": 60, "monitoring_role_arn": "arn:role"},
            Watching(monitoring_interval=60, monitoring_role_arn="arn:role"),
        ),
        (Watching(60, "arn:role"), {"monitoring_interval": 15}, Watching(15, "arn:role")),
        (Watching(60, "arn:role"), {"monitoring_interval": 0}, Watching()),
        (
            Watching(),
            {"enable_performance_insights": True, "performance_insights_kms_key_id": "arn:key"},
            INSIGHTS,
        ),
        (INSIGHTS, {"db_instance_class": "db.t3.small"}, INSIGHTS),
        (INSIGHTS, {"enable_performance_insights": False}, Watching()),
    ],
)
def test_what_is_not_asked_for_stays(before: Watching, wanted: dict, made: Watching) -> None:
    assert after(before, wanted) == made


@pytest.mark.parametrize(
    ("wanted", "authority", "said"),
    [
        ({}, "rds-ca-2019", "Certificate not found: rds-ca-2019"),
        ({"monitoring_interval": 7, "monitoring_role_arn": "r"}, None, "monitoring interval: 7"),
        ({"monitoring_interval": 60}, None, "go together"),
        ({"monitoring_role_arn": "r"}, None, "go together"),
        ({"performance_insights_retention_period": 7}, None, "need EnablePerformanceInsights"),
        (
            {"enable_performance_insights": True, "performance_insights_retention_period": 94},
            None,
            "retention period: 94",
        ),
        (
            {"enable_performance_insights": True, "performance_insights_retention_period": 93},
            AUTHORITIES[0],
            None,
        ),
        ({"enable_performance_insights": True, "database_insights_mode": "advanced"}, None, "465"),
        (
            {
                "enable_performance_insights": True,
                "performance_insights_retention_period": 465,
                "database_insights_mode": "advanced",
            },
            None,
            None,
        ),
        ({"database_insights_mode": "keen"}, None, "Insights mode: keen"),
    ],
)
def test_what_there_is_not_is_refused(
    wanted: dict, authority: str | None, said: str | None
) -> None:
    refused = wrong(after(Watching(), wanted), authority)
    assert (refused is None) is (said is None)
    assert said is None or said in str(refused)


def test_logs_that_are_said_to_be_exported() -> None:
    assert exported(["postgresql"], {}) == ["postgresql"]
    both = {"EnableLogTypes": ["upgrade", "postgresql"], "DisableLogTypes": []}
    assert exported(["postgresql"], both) == ["postgresql", "upgrade"]
    assert exported(["postgresql"], {"DisableLogTypes": ["postgresql"]}) == []
