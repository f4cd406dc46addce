"""Drift detection: every resource is read back from its service and compared with its record."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisimus.localcloud.cloudformation import drift
from provisimus.localcloud.cloudformation.cloud import in_words
from provisimus.localcloud.cloudformation.engine import Engine
from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.handlers.interface import Attachment
from provisimus.localcloud.cloudformation.parameters import hidden_by, masked
from provisimus.localcloud.cloudformation.schemas import schema_of
from provisimus.localcloud.cloudformation.stack import Resource, Stack
from provisimus.localcloud.cloudformation.states import require_detectable
from provisimus.localcloud.cloudformation.support import handler_of

REMEMBERED = 20
"""Detections of a stack whose results can still be asked for."""


def detect(engine: Engine, params: Mapping[str, Any]) -> str:
    """Begin to look at a stack's resources, or at some of them; returns the detection's id."""
    stack = engine.find(params.get("StackName"), deleted=False)
    with engine.lock:
        require_detectable(stack)
        if any(each.status == "DETECTION_IN_PROGRESS" for each in stack.detections.values()):
            raise ValidationError(f"Drift detection is already in progress for stack [{stack.id}]")
        wanted = params.get("LogicalResourceIds") or list(stack.resources)
        records = [_record(stack, name) for name in wanted]
        begun = drift.Detection(str(uuid.uuid4()), time.time())
        stack.detections[begun.id] = begun
        for old in list(stack.detections)[:-REMEMBERED]:
            del stack.detections[old]
    looking = threading.Thread(target=_run, args=(engine, stack, begun, records), daemon=True)
    looking.start()
    engine.changed(stack)
    return begun.id


def detect_resource(engine: Engine, params: Mapping[str, Any]) -> tuple[Stack, drift.ResourceDrift]:
    """Look at one resource now; the stack's own status follows from it."""
    stack = engine.find(params.get("StackName"), deleted=False)
    with engine.lock:
        require_detectable(stack)
        record = _record(stack, str(params.get("LogicalResourceId")))
    if not handler_of(record.type).tells_live:
        raise ValidationError(
            f"Drift detection is not supported for resource {record.logical_id} of type "
            f"{record.type}"
        )
    began = time.time()
    found = look(engine, stack, record)
    with engine.lock:
        _note(stack, [found], began)
    engine.changed(stack)
    return stack, found


def find(engine: Engine, detection_id: str) -> tuple[Stack, drift.Detection]:
    """Raises ValidationError."""
    with engine.lock:
        for stack in engine.stacks.values():
            if detection_id in stack.detections:
                return stack, stack.detections[detection_id]
    raise ValidationError(f"Drift detection status for ID [{detection_id}] does not exist")


def _run(engine: Engine, stack: Stack, detection: drift.Detection, records: list[Resource]) -> None:
    supported = [each for each in records if handler_of(each.type).tells_live]
    found = [look(engine, stack, each) for each in supported]
    failed = [each for each in found if each.status == "UNKNOWN"]
    with engine.lock:
        _note(stack, found, detection.begun)
        stack.detections[detection.id] = replace(
            detection,
            status="DETECTION_FAILED" if failed else "DETECTION_COMPLETE",
            reason="; ".join(f"{each.logical_id}: {each.reason}" for each in failed) or None,
            stack_status=stack.drift_status,
            drifted=sum(each.drifted for each in stack.drifts.values()),
        )
    engine.changed(stack)


def _note(stack: Stack, found: list[drift.ResourceDrift], began: float) -> None:
    """Remember results, unless the resource has become another meanwhile."""
    for each in found:
        record = stack.resources.get(each.logical_id)
        if record is not None and record.physical_id == each.physical_id:
            stack.drifts[each.logical_id] = each
    drifted = any(each.drifted for each in stack.drifts.values())
    unknown = any(each.status == "UNKNOWN" for each in stack.drifts.values())
    stack.drift_status = "DRIFTED" if drifted else "UNKNOWN" if unknown else "IN_SYNC"
    stack.drift_checked = began


def look(engine: Engine, stack: Stack, record: Resource) -> drift.ResourceDrift:
    """Read one resource back and compare it, whatever becomes of what is found."""
    result = drift.ResourceDrift(
        record.logical_id, str(record.physical_id), record.type, "IN_SYNC", time.time()
    )
    handler = handler_of(record.type)
    try:
        live = handler.live(engine.cloud, result.physical_id, record.properties)
        if live is None:
            return replace(result, status="DELETED")
        return _compared(engine, stack, record, live, result)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is the reason told
        return replace(result, status="UNKNOWN", reason=in_words(error))


def _compared(
    engine: Engine,
    stack: Stack,
    record: Resource,
    live: Mapping[str, Any],
    result: drift.ResourceDrift,
) -> drift.ResourceDrift:
    schema, handler = schema_of(record.type, engine.region), handler_of(record.type)
    live = drift.whole(record.properties, live, handler.honoured, handler.untold)
    live = drift.without_attached(live, record.properties, _attached(engine, stack, record))
    told = drift.without_foreign_tags(live, record.properties, record.tags, schema.tag_property)
    expected, actual = drift.comparable(record.properties, told)
    hidden = hidden_by(stack.deployment.parameters) if stack.deployment else frozenset()
    differing = tuple(
        replace(each, expected=masked(each.expected, hidden), actual=masked(each.actual, hidden))
        for each in drift.differences(expected, actual, schema)
    )
    return replace(
        result,
        status="MODIFIED" if differing else "IN_SYNC",
        expected=drift.shown(masked(expected, hidden)),
        actual=drift.shown(masked({k: v for k, v in actual.items() if v is not None}, hidden)),
        differences=differing,
    )


def _attached(engine: Engine, stack: Stack, record: Resource) -> list[Attachment]:
    """What the stack's other resources have added to this one."""
    with engine.lock:
        others = [each for each in stack.resources.values() if each.physical_id]
    return [
        attachment
        for each in others
        for attachment in handler_of(each.type).attachments(str(each.physical_id), each.properties)
        if attachment.to == record.physical_id
    ]


def _record(stack: Stack, name: str) -> Resource:
    record = stack.resources.get(name)
    if record is None or record.physical_id is None:
        raise ValidationError(f"Resource {name} does not exist for stack {stack.name}")
    return record
