"""One operation on one stack, from its first event to its last.

    create   forward ─────────────────────────────────► CREATE_COMPLETE
                └ a resource failed ► rollback ───────► ROLLBACK_COMPLETE | ROLLBACK_FAILED
    update   forward ► cleanup ───────────────────────► UPDATE_COMPLETE
                └ a resource failed ► rollback ► rollback-cleanup ► UPDATE_ROLLBACK_COMPLETE
                                         └ failed ────────────────► UPDATE_ROLLBACK_FAILED
    delete   delete ──────────────────────────────────► DELETE_COMPLETE | DELETE_FAILED

Every phase drives the recorded resources towards a goal (the wanted template, or what was before)
and skips what is there already, so an operation that a restart interrupted is simply run again
from its phase. Resources are handled one after the other, in dependency order.
How one resource is made, changed or removed is in `resource_work.py`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from typing import Any

from provisimus.localcloud.cloudformation import exports, shapes
from provisimus.localcloud.cloudformation.cloud import Cloud, in_words
from provisimus.localcloud.cloudformation.errors import OperationCancelled, ValidationError
from provisimus.localcloud.cloudformation.intrinsics import Context
from provisimus.localcloud.cloudformation.lookups import zones_for
from provisimus.localcloud.cloudformation.resource_work import ResourceError, ResourceWork
from provisimus.localcloud.cloudformation.stack import (
    Deployment,
    Discarded,
    Operation,
    Resource,
    Stack,
)
from provisimus.localcloud.cloudformation.template import Template, parse

log = logging.getLogger(__name__)


class Run:
    """A stack's operation in a thread of its own."""

    def __init__(
        self,
        stack: Stack,
        cloud: Cloud,
        lock: threading.RLock,
        changed: Callable[[], None],
        neighbours: Callable[[], exports.Neighbours],
        after: Run | None = None,
        *,
        resumed: bool = False,
    ) -> None:
        self._stack = stack
        self._lock = lock
        self._changed = changed
        self._neighbours = neighbours
        self._after = after
        self._resumed = resumed
        self._superseded = False
        self._cancelled = threading.Event()
        self._cloud = cloud.cancellable(self._cancelled)
        self._work = ResourceWork(stack, self._cloud, lock, changed, resumed=resumed)
        self._thread = threading.Thread(
            target=self._run, name=f"cloudformation-{stack.name}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float | None = None) -> None:
        self._thread.join(seconds)

    def supersede(self) -> None:
        """Stop as soon as possible and leave the stack to the operation that follows."""
        self._superseded = True
        self._cancelled.set()

    def cancel(self) -> None:
        """Stop going forward and roll back."""
        self._cancelled.set()

    # ---- the story ------------------------------------------------------------------------------

    def _run(self) -> None:
        if self._after is not None:
            self._after.join()
        try:
            if self._resumed:
                self._cloud.wait_for_endpoint()
            operation = self._operation
            if operation.verb == "DELETE":
                self._delete()
                return
            if operation.phase == "forward":
                self._forward(operation)
            if operation.phase == "cleanup":
                self._cleanup(operation)
            if operation.phase == "rollback":
                self._rollback(operation)
            if operation.phase == "rollback-cleanup":
                self._rollback_cleanup(operation)
            if operation.phase == "delete":
                self._delete()
        except OperationCancelled:
            log.info("operation on %s gave way to another", self._stack.name)
        except Exception as error:
            log.exception("operation on %s broke", self._stack.name)
            self._break(error)

    def _forward(self, operation: Operation) -> None:
        """Make every resource what the deployment wants it to be."""
        deployment = self._deployment
        try:
            template, context = self._prepare(deployment)
            wanted = shapes.active(template, context)
            context, imports = self._import(template, context)
            for record in [r for n, r in self._stack.resources.items() if n not in wanted]:
                self._work.check_removal(record)
            for entry in wanted.values():
                self._stop_if_cancelled()
                now = shapes.with_resources(context, self._stack.resources)
                self._work.put(entry, now, deployment.tags, wanted)
            finished = shapes.with_resources(context, self._stack.resources)
            outputs = shapes.outputs(template, finished)
        except ResourceError as error:
            self._failed(operation, error)
            return
        except ValidationError as error:
            self._failed(operation, None, str(error))
            return
        except OperationCancelled:
            self._failed(operation, None, "")
            return
        except Exception as error:
            log.exception("operation on %s failed outside its resources", self._stack.name)
            self._failed(operation, None, in_words(error))
            return
        with self._lock:
            if self._cancelled.is_set():
                self._failed(operation, None, "")
                return
            try:
                exports.check_outputs(self._stack, outputs, self._neighbours())
            except ValidationError as error:
                self._failed(operation, None, str(error))
                return
            self._stack.outputs, self._stack.imports = outputs, imports
            self._stack.policy = operation.new_policy or self._stack.policy
            if operation.verb == "CREATE":
                self._finish("CREATE_COMPLETE")
            else:
                operation.phase = "cleanup"
                self._become("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")

    def _cleanup(self, operation: Operation) -> None:
        """Remove what the new deployment no longer has; a failure here fails nothing."""
        template, context = self._prepare(self._deployment)
        wanted = shapes.active(template, context)
        self._remove_surplus(operation, wanted)
        self._finish("UPDATE_COMPLETE")

    def _failed(
        self, operation: Operation, error: ResourceError | None, reason: str | None = None
    ) -> None:
        """A resource could not be made: decide what follows."""
        self._give_way()
        why = (
            f"The following resource(s) failed to {error.verb}: [{error.logical_id}]."
            if error
            else reason or ""
        )
        sentence = f"{why.rstrip('.')}. " if why else ""
        on_failure = operation.on_failure
        with self._lock:
            self._cancelled.clear()
            if on_failure == "DO_NOTHING":
                keep = operation.verb == "UPDATE"
                self._finish(f"{operation.verb}_FAILED", why or None, keep=keep)
            elif operation.verb == "UPDATE":
                operation.phase = "rollback"
                self._become("UPDATE_ROLLBACK_IN_PROGRESS", why or None)
            elif on_failure == "DELETE":
                operation.phase = "delete"
                self._become("DELETE_IN_PROGRESS", f"{sentence}Delete requested by user.")
            else:
                operation.phase = "rollback"
                self._become("ROLLBACK_IN_PROGRESS", f"{sentence}Rollback requested by user.")

    def _rollback(self, operation: Operation) -> None:
        if operation.verb == "CREATE":
            failed = self._remove_all(operation)
            with self._lock:
                if failed:
                    self._finish("ROLLBACK_FAILED", _failed_to("delete", failed))
                else:
                    self._stack.imports = []
                    self._finish("ROLLBACK_COMPLETE")
            return
        failed = self._restore(operation)
        with self._lock:
            if failed:
                self._finish("UPDATE_ROLLBACK_FAILED", _failed_to("update", failed), keep=True)
                return
            self._stack.deployment = operation.previous
            self._stack.outputs = operation.outputs_before
            self._stack.imports = operation.imports_before
            operation.phase = "rollback-cleanup"
            self._become("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")

    def _restore(self, operation: Operation) -> list[str]:
        """Make every resource what it was before the update; returns those that would not."""
        failed: list[str] = []
        for name, before in operation.before.items():
            self._stop_if_cancelled()
            try:
                self._work.restore(before, operation, skip=name in operation.skip)
            except ResourceError:
                failed.append(name)
        return failed

    def _rollback_cleanup(self, operation: Operation) -> None:
        """Remove what the failed update had made; a failure here fails nothing."""
        self._remove_surplus(operation, operation.before, made_by_it=True)
        self._finish("UPDATE_ROLLBACK_COMPLETE")

    def _delete(self) -> None:
        operation = self._operation
        failed = self._remove_all(operation)
        with self._lock:
            if failed:
                self._finish("DELETE_FAILED", _failed_to("delete", failed))
            else:
                self._finish("DELETE_COMPLETE")
                self._stack.deleted = self._stack.events[-1].timestamp
                self._stack.outputs, self._stack.imports = [], []

    # ---- pieces ---------------------------------------------------------------------------------

    def _remove_all(self, operation: Operation) -> list[str]:
        """Remove every resource, dependents first; what a failed one refers to is left alone."""
        failed: list[str] = []
        blocked: set[str] = set()
        records = [
            each for each in self._stack.resources.values() if each.status != "DELETE_COMPLETE"
        ]
        made = operation.verb == "CREATE"
        doomed = [Discarded(e, self._policy(e, operation, made_by_it=made)) for e in records]
        for each in shapes.cleanup_order([*operation.discarded, *doomed]):
            self._stop_if_cancelled()
            if each in operation.discarded:
                self._discard(each, operation)
                continue
            name = each.resource.logical_id
            if name not in blocked and self._work.remove(each.resource, each.policy):
                continue
            if name not in blocked:
                failed.append(name)
            blocked |= set(each.resource.depends_on)
        return failed

    def _remove_surplus(
        self, operation: Operation, kept: Container[str], *, made_by_it: bool = False
    ) -> None:
        """Remove what was replaced, and the resources whose names are not kept."""
        with self._lock:
            for name in [n for n in self._stack.resources if n not in kept]:
                record = self._stack.resources.pop(name)
                policy = self._policy(record, operation, made_by_it=made_by_it)
                operation.discarded.append(Discarded(record, policy))
        for each in shapes.cleanup_order(operation.discarded):
            self._stop_if_cancelled()
            self._discard(each, operation)

    def _discard(self, discarded: Discarded, operation: Operation) -> None:
        self._work.discard(discarded)
        with self._lock:
            operation.discarded.remove(discarded)

    @staticmethod
    def _policy(record: Resource, operation: Operation, *, made_by_it: bool) -> str:
        """What is done to a resource that goes; one that a failed operation made is not so dear."""
        policy = record.deletion_policy
        if record.logical_id in operation.retain:
            return "Retain"
        if made_by_it and policy == "RetainExceptOnCreate":
            return "Delete"
        if made_by_it and policy == "Retain" and operation.retain_except_on_create:
            return "Delete"
        return policy

    def _prepare(self, deployment: Deployment) -> tuple[Template, Any]:
        template = parse(deployment.template_text)
        zones = zones_for(template, self._cloud)
        others = self._neighbours()
        return template, shapes.base_context(self._stack, deployment, template, zones, others)

    def _import(self, template: Template, context: Context) -> tuple[Context, list[str]]:
        """What the deployment imports; locked from now on, like what going back would need."""
        with self._lock:
            now = replace(context, exports=self._neighbours().importable)
            names = exports.imported_names(template, now)
            self._stack.imports = sorted({*self._stack.imports, *names})
        return now, names

    def _become(self, status: str, reason: str | None = None) -> None:
        with self._lock:
            self._give_way()
            self._stack.become(status, reason)
        self._changed()

    def _finish(self, status: str, reason: str | None = None, *, keep: bool = False) -> None:
        """The last status of the operation, and of the change set that began it.

        A failed update that waits for the next request keeps what it needs to go back.
        """
        with self._lock:
            self._give_way()
            operation = self._operation
            self._stack.become(status, reason)
            done = self._stack.change_sets.get(operation.change_set or "")
            if done is not None:
                worked = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
                done.execution_status = "EXECUTE_COMPLETE" if worked else "EXECUTE_FAILED"
            if not keep:
                self._stack.operation = None
        self._changed()

    def _give_way(self) -> None:
        if self._superseded:
            raise OperationCancelled

    def _break(self, error: Exception) -> None:
        """A bug must not leave the stack in progress for ever."""
        with self._lock:
            if not self._stack.busy:
                return
            prefix = {
                "ROLLBACK_IN_PROGRESS": "ROLLBACK",
                "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK",
                "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK",
                "DELETE_IN_PROGRESS": "DELETE",
            }.get(self._stack.status, self._operation.verb)
            reason = f"Internal Failure: {type(error).__name__}: {error}"
            self._finish(f"{prefix}_FAILED", reason, keep=self._operation.verb == "UPDATE")

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise OperationCancelled

    @property
    def _operation(self) -> Operation:
        operation = self._stack.operation
        assert operation is not None, f"{self._stack.name} has no operation"
        return operation

    @property
    def _deployment(self) -> Deployment:
        assert self._stack.deployment is not None, f"{self._stack.name} has no template"
        return self._stack.deployment


def _failed_to(verb: str, names: Iterable[str]) -> str:
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]."
