"""Evaluates every alarm once a minute, and tells and does what follows."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from provisimus.localcloud.alarms import actions
from provisimus.localcloud.alarms.evaluation import ALARM, evaluate
from provisimus.localcloud.alarms.history import note
from provisimus.localcloud.alarms.measuring import Measuring
from provisimus.localcloud.alarms.readings import points_of, rule_of
from provisimus.localcloud.alarms.reasons import why
from provisimus.localcloud.scaling.keeper import Keeper

log = logging.getLogger(__name__)


class Watcher:
    """All alarms of the cloud's region. ``minute`` is how many seconds a round takes."""

    def __init__(self, keeper: Keeper, minute: float) -> None:
        self._keeper = keeper
        self._cloud = keeper.cloud
        self._minute = minute
        self._over = threading.Event()
        self._measuring = Measuring(keeper.cloud)

    def start(self) -> None:
        threading.Thread(target=self._run, name="alarms", daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def changed(self, alarm: Any, before: str) -> None:
        """Do what the alarm's new state asks for; at once, in a thread of its own."""
        if actions.of(alarm):
            value = self._value(alarm)
            threading.Thread(
                target=self._act, args=(alarm, actions.of(alarm), before, value), daemon=True
            ).start()

    def _run(self) -> None:
        while not self._over.wait(self._minute):
            try:
                self._round()
            except Exception:
                log.exception("alarms cannot be evaluated")

    def _round(self) -> None:
        from moto.cloudwatch.models import cloudwatch_backends

        backend = cloudwatch_backends[self._cloud.account][self._cloud.region]
        with self._cloud.changes:
            self._measuring.take(backend)
            alarms = list(backend.alarms.values())
        for alarm in alarms:
            if not self._evaluate(alarm, backend) and alarm.state_value == ALARM:
                # As long as it rings, a policy is told so every minute.
                again = [arn for arn in actions.of(alarm) if actions.is_policy(arn)]
                self._act(alarm, again, ALARM, self._value(alarm))

    def _evaluate(self, alarm: Any, backend: Any) -> bool:
        """Whether its state changed."""
        rule, points = rule_of(alarm), points_of(alarm, backend.metric_data, time.time())
        before = alarm.state_value
        after = evaluate(rule, [value for _, value in points], before)
        if after == before:
            return False
        data = {"version": "1.0", "threshold": rule.threshold, "recentDatapoints": [
            value for _, value in points if value is not None
        ][-rule.periods:]}  # fmt: skip
        alarm.update_state(why(rule, points, before, after), json.dumps(data), after)
        self._cloud.changed()
        return True

    def _value(self, alarm: Any) -> float:
        """The newest datapoint; where there is none, the threshold itself."""
        from moto.cloudwatch.models import cloudwatch_backends

        data = cloudwatch_backends[self._cloud.account][self._cloud.region].metric_data
        real = [value for _, value in points_of(alarm, data, time.time()) if value is not None]
        return real[-1] if real else float(alarm.threshold)

    def _act(self, alarm: Any, arns: list[str], before: str, value: float) -> None:
        for arn in arns:
            try:
                actions.take(self._keeper, alarm, arn, before, value)
                said = f"Successfully executed action {arn}"
            except Exception as error:  # noqa: BLE001 - whatever it is, the history tells it
                log.warning("alarm %s: %s: %s", alarm.name, arn, error)
                said = f"Failed to execute action {arn}. Received error: {error}"
            if not actions.is_policy(arn) or before != alarm.state_value:
                note(alarm, "Action", said, {"actionState": said.split()[0], "resource": arn})
        if arns:
            self._cloud.changed()
