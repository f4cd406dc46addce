"""Alarms: what cannot be evaluated is refused by name, states have a history and consequences."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from provisimus.localcloud.alarms import actions, history
from provisimus.localcloud.alarms.constraints import broken
from provisimus.localcloud.alarms.evaluation import INSUFFICIENT, OPERATORS
from provisimus.localcloud.alarms.watcher import Watcher
from provisimus.localcloud.hooks.cloud import replace
from provisimus.localcloud.scaling.keeper import Keeper

_moto_put = CloudWatchBackend.put_metric_alarm


def install(keeper: Keeper, minute: float) -> Watcher:
    """Replace moto's methods; ``minute`` is how many seconds lie between two evaluations."""
    watcher = Watcher(keeper, minute)

    def put(backend: Any, **given: Any) -> Any:
        _check(given)
        before = backend.alarms.get(given["name"])
        alarm = _moto_put(backend, **given)
        if before is None:
            alarm.state_value = INSUFFICIENT
            history.note(alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" created', {})
        else:
            for name in ("state_value", "state_reason", "state_reason_data", "history",
                         "state_updated_timestamp"):  # fmt: skip
                setattr(alarm, name, getattr(before, name))
            history.note(alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" updated', {})
        return alarm

    def update_state(alarm: Any, reason: str, reason_data: str, state_value: str) -> None:
        before = alarm.state_value
        alarm.state_reason, alarm.state_reason_data = reason, reason_data
        if before == state_value:
            return
        alarm.state_value, alarm.state_updated_timestamp = state_value, utcnow()
        states = {
            "oldState": {"stateValue": before},
            "newState": {"stateValue": state_value, "stateReason": reason},
        }
        history.note(alarm, "StateUpdate", f"Alarm updated from {before} to {state_value}", states)
        watcher.changed(alarm, before)

    def describe_alarm_history(request: Any) -> ActionResult:
        params = request._get_params()
        alarms = list(request.cloudwatch_backend.describe_alarms())
        if params.get("AlarmName"):
            alarms = [each for each in alarms if each.name == params["AlarmName"]]
        found = history.told(
            alarms, params.get("HistoryItemType"), params.get("StartDate"), params.get("EndDate"),
            oldest_first=params.get("ScanBy") == "TimestampAscending",
        )  # fmt: skip
        return ActionResult({"AlarmHistoryItems": found[: int(params.get("MaxRecords") or 100)]})

    def put_composite_alarm(request: Any) -> ActionResult:
        raise _unsupported("PutCompositeAlarm")

    replace(CloudWatchBackend, "put_metric_alarm", put)
    replace(Alarm, "update_state", update_state)
    # moto has neither.
    CloudWatchResponse.put_composite_alarm = put_composite_alarm  # type: ignore[attr-defined]
    CloudWatchResponse.describe_alarm_history = describe_alarm_history  # type: ignore[attr-defined]
    return watcher


def _check(given: dict[str, Any]) -> None:
    """Raises ValidationError for what AWS refuses, InvalidParameterValue for what nothing here
    could evaluate."""
    wrong = broken(given)
    if wrong:
        raise ValidationError(wrong)
    queries = given.get("metric_data_queries") or []
    if len(queries) > 1 or any(each.expression for each in queries):
        raise _unsupported("An alarm of a metric math expression")
    if given["comparison_operator"] not in OPERATORS:
        raise _unsupported(f"ComparisonOperator {given['comparison_operator']}")
    if given.get("evaluate_low_sample_count_percentile") == "ignore":
        raise _unsupported("EvaluateLowSampleCountPercentile: ignore")
    for key in ("alarm_actions", "ok_actions", "insufficient_data_actions"):
        for arn in given.get(key) or ():
            if not actions.is_known(arn):
                raise _unsupported(f"The action {arn}")


def _unsupported(what: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"{what} is known to AWS, not to this local cloud")
