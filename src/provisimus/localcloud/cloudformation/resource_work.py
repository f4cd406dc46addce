"""How one resource of a stack is made, changed, put back or removed, with its events.

The only caller of handlers' changing methods. Each step is recorded before the next begins, so
that a restart finds either what was there before or the physical id of what was begun.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from provisimus.localcloud.cloudformation import dynamic, shapes, signals, stack_policy
from provisimus.localcloud.cloudformation.cloud import Cloud, in_words
from provisimus.localcloud.cloudformation.errors import (
    OperationCancelled,
    ResourceFailed,
    ValidationError,
)
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted
from provisimus.localcloud.cloudformation.intrinsics import Context, evaluate
from provisimus.localcloud.cloudformation.lookups import lookups_of
from provisimus.localcloud.cloudformation.records import Records
from provisimus.localcloud.cloudformation.schemas import schema_of
from provisimus.localcloud.cloudformation.stack import (
    Discarded,
    Operation,
    Resource,
    Stack,
    generated_name,
)
from provisimus.localcloud.cloudformation.support import handler_of
from provisimus.localcloud.cloudformation.template import ResourceDefinition

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


class ResourceError(Exception):
    """A resource failed; its event is told already."""

    def __init__(self, logical_id: str, verb: str) -> None:
        super().__init__(f"{logical_id} failed to {verb}")
        self.logical_id = logical_id
        self.verb = verb


class ResourceWork(Records):
    def __init__(
        self,
        stack: Stack,
        cloud: Cloud,
        lock: threading.RLock,
        changed: Callable[[], None],
        *,
        resumed: bool = False,
    ) -> None:
        super().__init__(stack, lock, changed)
        self._resumed = resumed
        self._cloud = cloud

    def put(
        self,
        entry: ResourceDefinition,
        context: Context,
        stack_tags: Mapping[str, str],
        active: Mapping[str, ResourceDefinition],
    ) -> None:
        """Make the resource what the template wants; raises ResourceError."""
        name = entry.logical_id
        record = self._stack.resources.get(name)
        try:
            awaited = signals.awaited(evaluate(entry.creation_policy, context))
            entry = replace(entry, update_policy=evaluate(entry.update_policy, context))
            shape = shapes.wanted_shape(entry, context, stack_tags, self._stack.system_tags(name))
        except ValidationError as error:
            verb = "update" if record else "create"
            failed = record or shapes.blank(entry, Shape())
            self._record(failed, f"{verb.upper()}_FAILED", str(error))
            raise ResourceError(name, verb) from error
        if record is not None and record.settling and record.status.endswith("_IN_PROGRESS"):
            self._settle(record, "UPDATE" if self._replaced(record) else "CREATE")
            return
        if record is not None and (
            record.settling or record.status in ("CREATE_FAILED", "CREATE_IN_PROGRESS")
        ):
            if record.physical_id:
                self._discard_later(record)
            record = None
        depends = tuple(sorted(entry.references & active.keys()))
        fate = shapes.fate(record, shape, entry)
        if record is not None:
            self._heed(record, stack_policy.of_update(self._stack, record, entry, fate))
        match fate:
            case "add":
                self._create(shapes.blank(entry, shape, depends, awaited))
            case "replace":
                assert record is not None
                self._replace(record, shapes.blank(entry, shape, depends, awaited))
            case "update":
                assert record is not None
                self._update(record, entry, shape, depends)
            case "keep":
                assert record is not None
                with self._lock:
                    self._stack.resources[name] = shapes.as_written(record, entry, depends)

    def check_removal(self, record: Resource) -> None:
        """Raises ResourceError where the stack policy protects what is to be removed."""
        self._heed(record, stack_policy.of_removal(self._stack, record))

    def _heed(self, record: Resource, refusal: str | None) -> None:
        if refusal:
            self._record(record, "UPDATE_FAILED", refusal)
            raise ResourceError(record.logical_id, "update")

    def restore(self, before: Resource, operation: Operation, *, skip: bool) -> None:
        """Make a resource again what it was before the update; raises ResourceError."""
        now = self._stack.resources.get(before.logical_id)
        if skip:
            self._record(before, "UPDATE_COMPLETE")
            return
        if now is None or now == before:
            return
        if now.physical_id != before.physical_id:
            # The old one was not touched: it only waited to be removed.
            self._tell(before, "UPDATE_IN_PROGRESS")
            before = self._reinstated(before, now.physical_id)
            with self._lock:
                operation.discarded[:] = [
                    each
                    for each in operation.discarded
                    if each.resource.physical_id != before.physical_id
                ]
                if now.physical_id:
                    operation.discarded.append(Discarded(now, "Delete"))
                self._record(before, "UPDATE_COMPLETE")
            return
        if now.status not in ("UPDATE_FAILED", "UPDATE_IN_PROGRESS") and now.shape == before.shape:
            with self._lock:
                self._stack.resources[before.logical_id] = replace(
                    before, status=now.status, reason=now.reason, timestamp=now.timestamp
                )
            return
        tried = now.attempted or now.shape
        attempted = replace(
            now, properties=tried.properties, tags=tried.tags, signals=(),
            rolling=bool(before.update_policy),
        )  # fmt: skip
        self._record(attempted, "UPDATE_IN_PROGRESS")
        try:
            self._change(attempted, before.shape, before.update_policy)
        except OperationCancelled:
            raise
        except Exception as error:
            self._record(attempted, "UPDATE_FAILED", in_words(error))
            raise ResourceError(before.logical_id, "update") from error
        self._record(before, "UPDATE_COMPLETE")

    def remove(self, record: Resource, policy: str) -> bool:
        """Remove a recorded resource as its policy says; False, with an event, when it stays."""
        if record.physical_id is None:
            self._record(record, "DELETE_COMPLETE")
            return True
        if policy.startswith("Retain"):
            self._record(record, "DELETE_SKIPPED")
            self._forget(record)
            return True
        record = self._record(record, "DELETE_IN_PROGRESS")
        try:
            self._remove_physical(record, policy)
        except OperationCancelled:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is the reason told
            self._record(record, "DELETE_FAILED", in_words(error))
            return False
        self._record(record, "DELETE_COMPLETE")
        return True

    def discard(self, discarded: Discarded) -> None:
        """Remove what the stack has no record of any more; a failure is told and no more."""
        record = discarded.resource
        if record.physical_id is None:
            return
        if discarded.policy.startswith("Retain"):
            self._tell(record, "DELETE_SKIPPED")
            return
        self._tell(record, "DELETE_IN_PROGRESS")
        try:
            self._remove_physical(record, discarded.policy)
        except OperationCancelled:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is the reason told
            self._tell(record, "DELETE_FAILED", in_words(error))
            return
        self._tell(record, "DELETE_COMPLETE")

    # ---- steps ----------------------------------------------------------------------------------

    def _create(self, blank: Resource) -> None:
        begun = self._record(blank, "CREATE_IN_PROGRESS")
        self._settle(self._initiate(begun, "CREATE"), "CREATE")

    def _replace(self, old: Resource, blank: Resource) -> None:
        self._record(old, "UPDATE_IN_PROGRESS", REPLACING, blank.properties)
        replaced = Discarded(old, blank.update_replace_policy)
        self._settle(self._initiate(blank, "UPDATE", replaced), "UPDATE")

    def _initiate(self, wanted: Resource, verb: str, old: Discarded | None = None) -> Resource:
        """Begin to make it; from the first moment that it exists its physical id is on record."""
        handler = handler_of(wanted.type)
        try:
            shape = self._for_handler(wanted, old.resource.physical_id if old else None)
            orphan = self._orphan(handler, shape) if self._resumed else None
            physical_id = orphan or handler.create(self._cloud, shape)
        except OperationCancelled:
            self._record(
                old.resource if old else wanted, f"{verb}_FAILED", f"{_noun(verb)} cancelled"
            )
            raise
        except Exception as error:
            failed = old.resource if old else wanted
            self._record(failed, f"{verb}_FAILED", in_words(error), wanted.properties)
            raise ResourceError(wanted.logical_id, verb.lower()) from error
        with self._lock:
            if old is not None:
                self._discard_later(old.resource, old.policy)
            begun = replace(wanted, physical_id=physical_id, settling=True, begun=time.time())
            return self._record(begun, f"{verb}_IN_PROGRESS", "Resource creation Initiated")

    def _orphan(self, handler: Handler, wanted: Wanted) -> str | None:
        """What was made just before a restart, too late for its id to be on record."""
        operation = self._stack.operation
        assert operation is not None
        known = {each.physical_id for each in self._stack.resources.values()}
        known |= {each.physical_id for each in operation.before.values()}
        known |= {each.resource.physical_id for each in operation.discarded}
        return next((i for i in handler.find(self._cloud, wanted) if i not in known), None)

    def _settle(self, record: Resource, verb: str) -> None:
        """Wait until it is what was asked for, then read what others may ask about it."""
        handler = handler_of(record.type)
        assert record.physical_id is not None
        physical_id = record.physical_id
        try:
            properties = self._resolved(record.properties)
            self._cloud.until(
                lambda: handler.settled(self._cloud, physical_id, properties),
                f"{record.type} {physical_id} to settle",
                handler.seconds,
            )
            if record.awaited is not None:
                self._await_signals(record.logical_id, record.awaited)
            attributes = handler.read(self._cloud, physical_id, properties)
        except OperationCancelled:
            self._record(record, f"{verb}_FAILED", f"{_noun(verb)} cancelled")
            raise
        except Exception as error:
            self._record(record, f"{verb}_FAILED", in_words(error))
            raise ResourceError(record.logical_id, verb.lower()) from error
        done = replace(record, settling=False, attributes=attributes)
        self._record(done, f"{verb}_COMPLETE", handler.told(self._cloud, properties))

    def _await_signals(self, name: str, awaited: signals.Awaited) -> None:
        """Wait for what `Engine.signal` notes on the record; raises ResourceFailed."""

        def complete() -> bool:
            now = self._stack.resources[name]
            return signals.enough(awaited, now.signals, time.time() - now.begun)

        # Its own clock ends the wait, with AWS's words.
        self._cloud.until(complete, f"signals of {name}", 2 * signals.LONGEST)

    def _update(
        self, old: Resource, entry: ResourceDefinition, shape: Shape, depends: tuple[str, ...]
    ) -> None:
        refusal = handler_of(old.type).refusal(old.properties, shape.properties)
        if refusal:
            self._record(old, "UPDATE_IN_PROGRESS", properties=shape.properties)
            self._record(old, "UPDATE_FAILED", refusal, shape.properties)
            raise ResourceError(old.logical_id, "update")
        signals_came = old.signals if old.rolling else ()
        rolling = bool(entry.update_policy)
        begun = replace(old, attempted=shape, rolling=rolling, signals=signals_came)
        begun = self._record(begun, "UPDATE_IN_PROGRESS", properties=shape.properties)
        try:
            attributes = self._change(old, shape, entry.update_policy)
        except OperationCancelled:
            self._record(begun, "UPDATE_FAILED", f"{_noun('UPDATE')} cancelled")
            raise
        except Exception as error:
            self._record(begun, "UPDATE_FAILED", in_words(error), shape.properties)
            raise ResourceError(old.logical_id, "update") from error
        done = replace(
            shapes.as_written(old, entry, depends),
            properties=shape.properties,
            tags=shape.tags,
            attributes=attributes,
            attempted=None,
            rolling=False,
        )
        told = handler_of(old.type).told(self._cloud, shape.properties)
        self._record(done, "UPDATE_COMPLETE", told)

    def _change(self, now: Resource, shape: Shape, policy: Mapping[str, Any]) -> dict[str, Any]:
        """Change in place, as an update policy says; returns the new attributes."""
        handler = handler_of(now.type)
        assert now.physical_id is not None
        physical_id = now.physical_id
        wanted = self._for_handler(replace(now, properties=shape.properties, tags=shape.tags))
        before = Shape(self._resolved(now.properties), self._resolved(now.tags))
        progress = self._progress(now.logical_id)
        handler.update_by(self._cloud, physical_id, before, wanted, policy, progress)
        return handler.read(self._cloud, physical_id, wanted.properties)

    def _reinstated(self, before: Resource, successor: str | None) -> Resource:
        """What a replacement had taken the place of, there again; raises ResourceError."""
        handler = handler_of(before.type)
        assert before.physical_id is not None
        physical_id = before.physical_id
        try:
            if not handler.displaced(self._cloud, physical_id, before.properties):
                return before
            wanted = self._for_handler(before, successor)
            physical_id = handler.create(self._cloud, wanted)
            attributes = handler.read(self._cloud, physical_id, wanted.properties)
        except Exception as error:
            self._record(before, "UPDATE_FAILED", in_words(error))
            raise ResourceError(before.logical_id, "update") from error
        return replace(before, physical_id=physical_id, attributes=attributes)

    def _remove_physical(self, record: Resource, policy: str) -> None:
        handler = handler_of(record.type)
        assert record.physical_id is not None
        physical_id, properties = record.physical_id, record.properties
        worth_keeping = policy == "Snapshot" and not record.settling
        if worth_keeping and not handler.gone(self._cloud, physical_id, properties):
            kept = Shape(properties, self._resolved(record.tags))
            handler.snapshot(self._cloud, physical_id, kept)
        handler.delete(self._cloud, physical_id, properties)
        self._cloud.until(
            lambda: handler.gone(self._cloud, physical_id, properties),
            f"{record.type} {physical_id} to be gone",
            handler.seconds,
        )

    # ---- records --------------------------------------------------------------------------------

    def _for_handler(self, wanted: Resource, instead_of: str | None = None) -> Wanted:
        """What the handler gets: references resolved, and checked as CloudFormation checks."""
        complaint = schema_of(wanted.type).complaint(wanted.properties)
        if complaint:
            raise ResourceFailed(
                f"Properties validation failed for resource {wanted.logical_id} with message: "
                f"{complaint}"
            )
        return Wanted(
            self._resolved(wanted.properties),
            self._resolved(wanted.tags),
            wanted.logical_id,
            generated_name(self._stack.name, wanted.logical_id),
            instead_of,
        )

    def _resolved(self, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        result: Mapping[str, Any] = dynamic.resolve(properties, lookups_of(self._cloud))
        return result

    def _replaced(self, record: Resource) -> bool:
        operation = self._stack.operation
        return operation is not None and record.logical_id in operation.before


def _noun(verb: str) -> str:
    return "Resource creation" if verb == "CREATE" else "Resource update"
