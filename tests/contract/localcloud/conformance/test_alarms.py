"""CloudWatch: metrics that are put are read back, and alarms are told of and set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import follows, operation

EVALUATED = follows(
    "CloudWatch user guide, Using Amazon CloudWatch alarms",
    "AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html",
)


@pytest.fixture
def api(world: Any) -> Any:
    return world.client("cloudwatch")


def alarm(world: Any, **more: Any) -> str:
    api, name = world.client("cloudwatch"), world.name("alarm")
    given = {
        "AlarmName": name, "Namespace": name, "MetricName": "Errors", "Statistic": "Sum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 3,
        "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    world.kept(api.delete_alarms, AlarmNames=[name])
    api.put_metric_alarm(**{**given, **more})
    return name


def told(api: Any, name: str) -> dict[str, Any]:
    return dict(api.describe_alarms(AlarmNames=[name])["MetricAlarms"][0])


@operation("CloudWatch", "PutMetricAlarm")
@EVALUATED
def test_an_alarm_begins_without_data_and_rings(world: Any, api: Any) -> None:
    name = alarm(world, TreatMissingData="ignore", AlarmDescription="too many")
    begun = told(api, name)
    assert (begun["StateValue"], begun["ActionsEnabled"]) == ("INSUFFICIENT_DATA", True)
    assert begun["AlarmArn"] == f"arn:aws:cloudwatch:{world.region}:{world.account}:alarm:{name}"
    now = datetime.now(UTC)
    data = [
        {"MetricName": "Errors", "Value": 9.0, "Timestamp": now - timedelta(minutes=age)}
        for age in range(3)
    ]
    api.put_metric_data(Namespace=name, MetricData=data)
    world.until(lambda: told(api, name)["StateValue"] == "ALARM", lambda: told(api, name))
    assert "Threshold Crossed" in told(api, name)["StateReason"]


@operation("CloudWatch", "SetAlarmState")
@operation("CloudWatch", "DescribeAlarmHistory")
def test_a_state_that_is_set_stands_in_the_history(world: Any, api: Any) -> None:
    name = alarm(world, TreatMissingData="ignore")
    api.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="by hand")
    found = told(api, name)
    assert (found["StateValue"], found["StateReason"]) == ("OK", "by hand")

    def kinds() -> list[str]:
        history = api.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
        return [each["HistoryItemType"] for each in history]

    world.until(lambda: kinds() == ["StateUpdate", "ConfigurationUpdate"], kinds)
    assert refused(
        api.set_alarm_state, AlarmName=world.name("no"), StateValue="OK", StateReason="x"
    )[0] in ("ResourceNotFound", "ResourceNotFoundException")


@operation("CloudWatch", "PutMetricAlarm")
@pytest.mark.parametrize(
    "given",
    [
        {"Period": 7},
        {"Statistic": "Median"},
        {"ComparisonOperator": "Equals"},
        {"TreatMissingData": "panic"},
        {"EvaluationPeriods": 2, "DatapointsToAlarm": 3},
    ],
)
def test_no_alarm_is_made_of_this(world: Any, given: dict[str, Any]) -> None:
    api, name = world.client("cloudwatch"), world.name("alarm")
    code = refused(lambda **more: alarm(world, AlarmName=name, **more), **given)[0]
    assert code in ("ValidationError", "InvalidParameterValue", "InvalidParameterCombination")
    assert api.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


@operation("CloudWatch", "GetMetricStatistics")
def test_metrics_are_summed_up(world: Any, api: Any) -> None:
    name, now = world.name("metric"), datetime.now(UTC)
    dimensions = [{"Name": "InstanceId", "Value": "i-1"}]
    data = [
        {"MetricName": "Healthy", "Value": value, "Unit": "Count", "Dimensions": dimensions}
        for value in (0.0, 1.0)
    ]
    api.put_metric_data(Namespace=name, MetricData=data)

    def read() -> list[tuple[float, float, float]]:
        points = api.get_metric_statistics(
            Namespace=name, MetricName="Healthy", Dimensions=dimensions,
            StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=5), Period=3600,
            Statistics=["Minimum", "Average", "SampleCount"],
        )["Datapoints"]  # fmt: skip
        return [(p["SampleCount"], p["Minimum"], p["Average"]) for p in points]

    world.until(lambda: read() == [(2.0, 0.0, 0.5)], read)
    found = api.list_metrics(Namespace=name, MetricName="Healthy")["Metrics"]
    assert [each["Dimensions"] for each in found] == [dimensions]
