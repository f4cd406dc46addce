"""The wire: moto's query protocol on one side, the engine on the other.

moto reads the request by AWS's own service model into `params` and writes the answer by it.
Nothing is decided here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores, method_names_from_class

from provisimus.localcloud.cloudformation import (
    change_sets,
    describe,
    detection,
    requests,
    rollbacks,
    support,
)
from provisimus.localcloud.cloudformation.engine import Engine
from provisimus.localcloud.cloudformation.errors import (
    CloudFormationError,
    ValidationError,
    unsupported,
)
from provisimus.localcloud.cloudformation.exports import neighbours

PAGE = 100


class WireError(ServiceException):
    """An error with AWS's code. moto finds the service model by an exception's module, so it
    must be a class of ours: ServiceException itself would be looked for in a service `core`.
    """


class CloudFormation(BaseResponse):
    """One request. Each public method is an action of the API."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        try:
            action = self._get_action()
            if camelcase_to_underscores(action) not in method_names_from_class(type(self)):
                raise unsupported(f"Operation {action}")
            if self.region != self.engine.region:
                raise ValidationError(
                    f"This local cloud's CloudFormation is in {self.engine.region}, not in "
                    f"{self.region}; set AWS_REGION={self.engine.region}"
                )
        except ValidationError as error:
            return self.serialized(ActionResult(WireError(error.code, error.message)))
        return super().call_action()

    # ---- stacks ---------------------------------------------------------------------------------

    def create_stack(self) -> ActionResult:
        return self._answer(lambda: {"StackId": self.engine.create_stack(self._given).id})

    def update_stack(self) -> ActionResult:
        return self._answer(lambda: {"StackId": self.engine.update_stack(self._given).id})

    def delete_stack(self) -> ActionResult:
        return self._answer(lambda: self.engine.delete_stack(self._given))

    def cancel_update_stack(self) -> ActionResult:
        return self._answer(lambda: rollbacks.cancel_update(self.engine, self._given))

    def continue_update_rollback(self) -> ActionResult:
        return self._answer(lambda: rollbacks.continue_rollback(self.engine, self._given))

    def rollback_stack(self) -> ActionResult:
        return self._answer(lambda: {"StackId": rollbacks.rollback(self.engine, self._given).id})

    def signal_resource(self) -> ActionResult:
        return self._answer(lambda: self.engine.signal(self._given))

    def update_termination_protection(self) -> ActionResult:
        enabled = str(self._given.get("EnableTerminationProtection")).lower() == "true"
        name = self._given.get("StackName")
        return self._answer(lambda: {"StackId": self.engine.protect(name, enabled).id})

    def set_stack_policy(self) -> ActionResult:
        return self._answer(lambda: self.engine.set_policy(self._given))

    def get_stack_policy(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            policy = self.engine.find(self._given.get("StackName"), deleted=False).policy
            return {} if policy is None else {"StackPolicyBody": policy}

        return self._answer(answer)

    def describe_stacks(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            name = self._given.get("StackName")
            living = [s for s in self.engine.stacks.values() if s.status != "DELETE_COMPLETE"]
            found = [self.engine.find(name)] if name else living[::-1]
            return self._page("Stacks", [describe.stack(each) for each in found])

        return self._answer(answer)

    def list_stacks(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            wanted = self._given.get("StackStatusFilter") or []
            found = [s for s in self.engine.stacks.values() if not wanted or s.status in wanted]
            return self._page("StackSummaries", [describe.summary(each) for each in found[::-1]])

        return self._answer(answer)

    def describe_stack_events(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            stack = self._stack()
            told = [describe.stack_event(stack, each) for each in reversed(stack.events)]
            return self._page("StackEvents", told)

        return self._answer(answer)

    def list_exports(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            exports = [
                {"ExportingStackId": stack.id, "Name": each.export, "Value": each.value}
                for stack in self.engine.stacks.values()
                for each in stack.outputs
                if each.export
            ]
            return self._page("Exports", exports)

        return self._answer(answer)

    def list_imports(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            name = str(self._given.get("ExportName"))
            importers = neighbours(self.engine.stacks.values()).importers.get(name)
            if not importers:
                raise ValidationError(f"Export '{name}' is not imported by any stack.")
            return self._page("Imports", sorted(importers))

        return self._answer(answer)

    # ---- resources ------------------------------------------------------------------------------

    def describe_stack_resources(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            physical, logical = (
                self._given.get(key) for key in ("PhysicalResourceId", "LogicalResourceId")
            )
            stack = self._owner(str(physical)) if physical else self._stack()
            return {
                "StackResources": [
                    describe.resource(stack, each)
                    for each in stack.resources.values()
                    if logical in (None, each.logical_id) and physical in (None, each.physical_id)
                ]
            }

        return self._answer(answer)

    def describe_stack_resource(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            stack, logical = self._stack(), self._given.get("LogicalResourceId")
            if logical not in stack.resources:
                raise ValidationError(f"Resource {logical} does not exist for stack {stack.name}")
            return {
                "StackResourceDetail": describe.resource_detail(stack, stack.resources[logical])
            }

        return self._answer(answer)

    def list_stack_resources(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            stack = self._stack()
            told = [describe.resource_summary(stack, each) for each in stack.resources.values()]
            return self._page("StackResourceSummaries", told)

        return self._answer(answer)

    # ---- drift ----------------------------------------------------------------------------------

    def detect_stack_drift(self) -> ActionResult:
        return self._answer(
            lambda: {"StackDriftDetectionId": detection.detect(self.engine, self._given)}
        )

    def detect_stack_resource_drift(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            found = detection.detect_resource(self.engine, self._given)
            return {"StackResourceDrift": describe.resource_drift(*found)}

        return self._answer(answer)

    def describe_stack_drift_detection_status(self) -> ActionResult:
        wanted = str(self._given.get("StackDriftDetectionId"))
        return self._answer(lambda: describe.detection(*detection.find(self.engine, wanted)))

    def describe_stack_resource_drifts(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            stack, wanted = self._stack(), self._given.get("StackResourceDriftStatusFilters")
            told = [
                describe.resource_drift(stack, each)
                for each in stack.drifts.values()
                if each.logical_id in stack.resources and (not wanted or each.status in wanted)
            ]
            return self._page(
                "StackResourceDrifts", told, int(self._given.get("MaxResults") or PAGE)
            )

        return self._answer(answer)

    # ---- templates ------------------------------------------------------------------------------

    def get_template(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            if self._given.get("ChangeSetName"):
                text = change_sets.find(self.engine, self._given)[1].deployment.template_text
            else:
                stack = self._stack()
                text = stack.deployment.template_text if stack.deployment else ""
            return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

        return self._answer(answer)

    def get_template_summary(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            if self._given.get("StackName"):
                deployment = self._stack().deployment
                text = deployment.template_text if deployment else ""
            else:
                text = self._body()
            return describe.template_summary(requests.read_template(text))

        return self._answer(answer)

    def validate_template(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            template = requests.read_template(self._body())
            support.check(template)
            told = describe.template_summary(template)
            keys = ("Description", "Capabilities", "CapabilitiesReason", "Parameters")
            return {key: told[key] for key in keys if key in told}

        return self._answer(answer)

    # ---- change sets ----------------------------------------------------------------------------

    def create_change_set(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            stack, made = change_sets.create(self.engine, self._given)
            return {"Id": made.id, "StackId": stack.id}

        return self._answer(answer)

    def describe_change_set(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            stack, found = change_sets.find(self.engine, self._given)
            values = str(self._given.get("IncludePropertyValues")).lower() == "true"
            return describe.change_set(stack, found, values=values)

        return self._answer(answer)

    def execute_change_set(self) -> ActionResult:
        return self._answer(lambda: change_sets.execute(self.engine, self._given))

    def delete_change_set(self) -> ActionResult:
        return self._answer(lambda: change_sets.delete(self.engine, self._given))

    def list_change_sets(self) -> ActionResult:
        def answer() -> dict[str, Any]:
            stack = self._stack()
            told = [describe.change_set_summary(stack, e) for e in stack.change_sets.values()]
            return self._page("Summaries", told)

        return self._answer(answer)

    # ---- pieces ---------------------------------------------------------------------------------

    @property
    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = self.params
        return given

    def _answer(self, make: Any) -> ActionResult:
        """The action's answer; read under the lock, so that it is of one moment.

        Actions that change something take the lock themselves and look things up without it.
        """
        try:
            if self._reads():
                with self.engine.lock:
                    return ActionResult(make() or {})
            return ActionResult(make() or {})
        except CloudFormationError as error:
            raise WireError(error.code, error.message) from error

    def _reads(self) -> bool:
        return str(self._get_action()).startswith(("Describe", "List", "Get"))

    def _stack(self) -> Any:
        return self.engine.find(self._given.get("StackName"))

    def _owner(self, physical_id: str) -> Any:
        for stack in self.engine.stacks.values():
            if any(each.physical_id == physical_id for each in stack.resources.values()):
                return stack
        raise ValidationError(f"Stack for {physical_id} does not exist")

    def _body(self) -> str:
        return requests.template_body(self._given, self.engine.cloud)

    def _page(self, key: str, items: list[Any], size: int = PAGE) -> dict[str, Any]:
        """One page of items, counted from the end so that new events shift nothing."""
        token = self._given.get("NextToken")
        start = len(items) - int(token) if token and token.isdigit() else 0
        left = len(items) - start - size
        page = {key: items[start : start + size]}
        return {**page, "NextToken": str(left)} if left > 0 else page
