"""The stacks of one region and account, and the operations that begin, end and outlive restarts.

Every public method is one thing a client may ask: it checks the stack's state, notes what was
asked, starts a `Run` and returns. What it answers is made by `describe.py`, the change sets'
part is `change_sets.py`, the wire is `responses.py`.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from provisimus.localcloud.cloudformation import requests, shapes, states, tokens
from provisimus.localcloud.cloudformation import stack as stacks
from provisimus.localcloud.cloudformation.changes import Change, changes
from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import AlreadyExists, ValidationError
from provisimus.localcloud.cloudformation.exports import Neighbours, check_deletion, neighbours
from provisimus.localcloud.cloudformation.lookups import zones_for
from provisimus.localcloud.cloudformation.operation import Run
from provisimus.localcloud.cloudformation.saving import STATE_VERSION, Texts
from provisimus.localcloud.cloudformation.signals import received, with_signal
from provisimus.localcloud.cloudformation.stack import Deployment, Operation, Resource, Stack
from provisimus.localcloud.cloudformation.template import Template

log = logging.getLogger(__name__)


class Engine:
    """CloudFormation of one account in one region."""

    def __init__(self, client: Callable[[str], Any], region: str, account: str) -> None:
        self.region = region
        self.account = account
        self.lock = threading.RLock()
        self.stacks: dict[str, Stack] = {}
        self.cloud = Cloud(_once(client), region, account)
        self.on_change: Callable[[], None] = lambda: None
        """Called, from any thread, after whatever `save` would return has changed."""
        self.runs: dict[str, Run] = {}
        self._texts = Texts()

    # ---- finding --------------------------------------------------------------------------------

    def find(self, name: str | None, *, deleted: bool = True) -> Stack:
        """By name (living stacks only) or by id; raises ValidationError."""
        if not name:
            raise ValidationError("StackName is required")
        with self.lock:
            found = self.stacks.get(name)
            if found is not None and (deleted or found.status != "DELETE_COMPLETE"):
                return found
            living = self.living(name)
        if living is None:
            raise ValidationError(f"Stack with id {name} does not exist")
        return living

    def living(self, name: str) -> Stack | None:
        """The stack of this name that is not deleted, if any."""
        with self.lock:
            for stack in self.stacks.values():
                if stack.name == name and stack.status != "DELETE_COMPLETE":
                    return stack
        return None

    # ---- operations -----------------------------------------------------------------------------

    def create_stack(self, params: Mapping[str, Any]) -> Stack:
        """Raises AlreadyExists, ValidationError, InsufficientCapabilities."""
        requests.refuse(params, "StackPolicyURL", "RollbackConfiguration")
        name, token = requests.stack_name(params), tokens.check(params)
        existing = self.living(name)
        if existing is not None and tokens.repeated(existing, "CreateStack", params):
            return existing
        self._refuse_taken(name)
        wanted, template = requests.deployment(params, self.cloud)
        policy = requests.policy(params, "StackPolicyBody", template)
        shapes.active(template, self.context(_nobody(self, name), wanted, template))
        with self.lock:
            self._refuse_taken(name)
            stack = self.new_stack(name)
            stack.protected = bool(params.get("EnableTerminationProtection"))
            stack.on_failure = requests.on_failure(params)
            tokens.note(stack, "CreateStack", params)
            stack.policy = policy
            retain = bool(params.get("RetainExceptOnCreate"))
            self.begin_create(stack, wanted, token, retain_except_on_create=retain)
        return stack

    def update_stack(self, params: Mapping[str, Any]) -> Stack:
        """Raises ValidationError, also when there is nothing to do."""
        requests.refuse(
            params, "StackPolicyURL", "StackPolicyDuringUpdateURL", "RollbackConfiguration"
        )
        stack = self.find(params.get("StackName"), deleted=False)
        disabled = bool(params.get("DisableRollback"))
        if tokens.repeated(stack, "UpdateStack", params):
            return stack
        states.require_updatable(stack)
        states.require_stable(stack, disabled=disabled)
        wanted, template = requests.deployment(params, self.cloud, stack.deployment)
        new_policy = requests.policy(params, "StackPolicyBody", template)
        policy = requests.policy(params, "StackPolicyDuringUpdateBody", template)
        planned = self.plan(stack, wanted, template)
        if not planned and not self.differs(stack, wanted, template):
            raise ValidationError("No updates are to be performed.")
        with self.lock:
            states.require_updatable(stack)
            tokens.note(stack, "UpdateStack", params)
            self.begin_update(
                stack,
                wanted,
                params.get("ClientRequestToken"),
                "DO_NOTHING" if disabled else "ROLLBACK",
                policy=policy,
                new_policy=new_policy,
                retain_except_on_create=bool(params.get("RetainExceptOnCreate")),
            )
        return stack

    def delete_stack(self, params: Mapping[str, Any]) -> None:
        """Begin to delete; a stack that is gone, or being deleted, is no failure."""
        name = str(params.get("StackName") or "")
        try:
            stack = self.find(name)
        except ValidationError:
            return
        with self.lock:
            # A repeated request is one that asks again, once the first has failed.
            tokens.repeated(stack, "DeleteStack", params)
            if stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
                return
            states.require_unprotected(stack)
            if stack.status.startswith("UPDATE_") and stack.busy:
                raise ValidationError(
                    f"Stack [{stack.id}] cannot be deleted while in status {stack.status}"
                )
            check_deletion(stack, self.neighbours(stack))
            retain = tuple(params.get("RetainResources") or ())
            if retain and stack.status != "DELETE_FAILED":
                raise ValidationError(
                    f"Invalid operation on stack [{stack.id}]. When you delete a stack, specify "
                    "which resources to retain only when the stack is in the DELETE_FAILED state."
                )
            tokens.note(stack, "DeleteStack", params)
            running = self.runs.get(stack.id)
            if running is not None:
                running.supersede()
            left = stack.operation.discarded if stack.operation else []
            stack.operation = Operation(
                "DELETE",
                "delete",
                token=params.get("ClientRequestToken"),
                discarded=left,
                retain=retain,
            )
            stack.change_sets.clear()
            stack.become("DELETE_IN_PROGRESS", "User Initiated")
            self.start(stack, after=running)

    def signal(self, params: Mapping[str, Any]) -> None:
        """Note a signal that a resource waits for; raises ValidationError when none is."""
        stack = self.find(params.get("StackName"), deleted=False)
        name = str(params.get("LogicalResourceId"))
        sent = requests.signal(params)
        with self.lock:
            record = stack.resources.get(name)
            if record is None:
                raise ValidationError(f"Resource {name} does not exist for stack {stack.name}")
            waits = record.rolling or (record.awaited is not None and record.settling)
            if not waits or not stack.busy:
                raise ValidationError(
                    f"Resource {name} is in {record.status} state and cannot be signaled"
                )
            known = with_signal(name, record.signals, sent)
            stack.record(replace(record, signals=known), record.status, received(sent))
        self.changed(stack)

    def set_policy(self, params: Mapping[str, Any]) -> None:
        """Give a stack a policy, which binds the updates that begin later."""
        requests.refuse(params, "StackPolicyURL")
        stack = self.find(params.get("StackName"), deleted=False)
        now = stack.deployment
        template = requests.read_template(now.template_text) if now else None
        policy = requests.policy(params, "StackPolicyBody", template)
        if policy is None:
            raise ValidationError("SetStackPolicy needs a StackPolicyBody")
        with self.lock:
            stack.policy = policy
        self.changed(stack)

    def protect(self, name: str | None, enabled: bool) -> Stack:
        stack = self.find(name, deleted=False)
        with self.lock:
            stack.protected = enabled
        self.changed(stack)
        return stack

    # ---- pieces that change sets use too --------------------------------------------------------

    def new_stack(self, name: str) -> Stack:
        """A stack of this name without anything in it; the caller holds the lock."""
        stack = _nobody(self, name)
        self.stacks[stack.id] = stack
        return stack

    def begin_create(
        self,
        stack: Stack,
        wanted: Deployment,
        token: str | None,
        change_set: str | None = None,
        *,
        retain_except_on_create: bool = False,
    ) -> None:
        stack.deployment = wanted
        stack.operation = Operation(
            "CREATE",
            "forward",
            stack.on_failure,
            token,
            change_set=change_set,
            retain_except_on_create=retain_except_on_create,
        )
        stack.become("CREATE_IN_PROGRESS", "User Initiated")
        self.start(stack)

    def begin_update(
        self,
        stack: Stack,
        wanted: Deployment,
        token: str | None,
        on_failure: str = "ROLLBACK",
        change_set: str | None = None,
        *,
        policy: str | None = None,
        new_policy: str | None = None,
        retain_except_on_create: bool = False,
    ) -> None:
        """Start, bound by the stack's policy or by the one for this update; after an update that
        failed and stayed, going back means to before that one.
        """
        failed = stack.operation if stack.status == "UPDATE_FAILED" else None
        stack.operation = Operation(
            "UPDATE",
            "forward",
            on_failure,
            token,
            previous=failed.previous if failed else stack.deployment,
            before=dict(failed.before) if failed else _made(stack),
            outputs_before=list(failed.outputs_before if failed else stack.outputs),
            imports_before=list(failed.imports_before if failed else stack.imports),
            discarded=list(failed.discarded) if failed else [],
            change_set=change_set,
            policy=policy or stack.policy,
            new_policy=new_policy,
            retain_except_on_create=retain_except_on_create,
        )
        stack.deployment = wanted
        stack.updated = time.time()
        stack.become("UPDATE_IN_PROGRESS", "User Initiated")
        self.start(stack)

    def plan(self, stack: Stack, wanted: Deployment, template: Template) -> list[Change]:
        """The changes to the stack's resources; raises ValidationError."""
        old = requests.read_template(stack.deployment.template_text) if stack.deployment else None
        retyped = sorted(
            name
            for name, entry in template.resources.items()
            if name in stack.resources and stack.resources[name].type != entry.type
        )
        if retyped:
            raise ValidationError(
                "Update of resource type is not permitted. The new template modifies resource "
                f"type of the following resources: [{', '.join(retyped)}]"
            )
        return changes(stack, old, template, wanted, self.context(stack, wanted, template))

    def differs(self, stack: Stack, wanted: Deployment, template: Template) -> bool:
        """Whether anything but resources changes: outputs, tags, parameters."""
        now = stack.deployment
        if now is None:
            return True
        before = requests.read_template(now.template_text)
        return (
            dict(before.outputs) != dict(template.outputs)
            or dict(now.tags) != dict(wanted.tags)
            or {k: v.value for k, v in now.parameters.items()}
            != {k: v.value for k, v in wanted.parameters.items()}
            or stack.status.endswith("_FAILED")
        )

    def context(self, stack: Stack, wanted: Deployment, template: Template) -> Any:
        zones = zones_for(template, self.cloud)
        return shapes.base_context(stack, wanted, template, zones, self.neighbours(stack))

    def neighbours(self, stack: Stack) -> Neighbours:
        """What a stack may know of the others now."""
        with self.lock:
            return neighbours(self.stacks.values(), stack)

    # ---- restarts -------------------------------------------------------------------------------

    def changed(self, stack: Stack) -> None:
        """To be called after each change of a stack: it is to be saved."""
        with self.lock:
            self._texts.changed(stack)
        self.on_change()

    def save(self) -> str:
        """Everything to be remembered, as JSON; a consistent moment."""
        with self.lock:
            return self._texts.whole(self.stacks.values())

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `save` returned, parsed; operations that were running go on where they were.

        May be called before the endpoint answers: the operations wait for it.
        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(
                f"stack state has version {state.get('version')}, this engine reads "
                f"{STATE_VERSION}; `local reset` starts afresh"
            )
        with self.lock:
            self.stacks = {each["id"]: stacks.from_plain(each) for each in state["stacks"]}
            for stack in self.stacks.values():
                for change_set in stack.change_sets.values():
                    if change_set.status in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                        change_set.status = "FAILED"
                        change_set.reason = "The local cloud was restarted; create it again."
                for key, each in stack.detections.items():
                    if each.status == "DETECTION_IN_PROGRESS":
                        reason = "The local cloud was restarted; detect again."
                        failed = replace(each, status="DETECTION_FAILED", reason=reason)
                        stack.detections[key] = failed
                if stack.busy:
                    log.info("stack %s goes on in %s", stack.name, stack.status)
                    self.start(stack, wait_for_endpoint=True)

    # ---- inside ---------------------------------------------------------------------------------

    def start(
        self, stack: Stack, after: Run | None = None, *, wait_for_endpoint: bool = False
    ) -> None:
        run = Run(
            stack,
            self.cloud,
            self.lock,
            lambda: self.changed(stack),
            lambda: self.neighbours(stack),
            after,
            resumed=wait_for_endpoint,
        )
        self.runs[stack.id] = run
        run.start()
        self.changed(stack)

    def _refuse_taken(self, name: str) -> None:
        if self.living(name) is not None:
            raise AlreadyExists(f"Stack [{name}] already exists")


def _made(stack: Stack) -> dict[str, Resource]:
    """What a failed update goes back to: not what a creation that failed left half made."""
    return {
        name: each
        for name, each in stack.resources.items()
        if each.physical_id is not None and each.status != "CREATE_FAILED"
    }


def _nobody(engine: Engine, name: str) -> Stack:
    identity = (
        f"arn:aws:cloudformation:{engine.region}:{engine.account}:stack/{name}/{uuid.uuid4()}"
    )
    return Stack(identity, name, engine.region, engine.account, created=time.time())


def _once(client: Callable[[str], Any]) -> Callable[[str], Any]:
    """One client per service, made when first asked for: making them is not thread-safe."""
    made: dict[str, Any] = {}
    lock = threading.Lock()

    def cached(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = client(service)
            return made[service]

    return cached
