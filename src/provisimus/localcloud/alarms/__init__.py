"""Alarms that are evaluated: what a metric did, what state that means, and what follows.

`watcher` does, once a minute, what AWS does: `measuring` puts the metrics of instances, `readings`
finds an alarm's datapoints in moto's CloudWatch, `evaluation` and `reasons` decide, purely, and
`actions` calls what the alarm is to call.
"""
