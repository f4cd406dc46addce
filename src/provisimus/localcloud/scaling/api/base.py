"""What every action needs: the keeper, the group that is meant, and how to refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.ec2.exceptions import EC2ClientError

from provisimus.localcloud.scaling.errors import ScalingError, invalid, unsupported
from provisimus.localcloud.scaling.group import Group, Version
from provisimus.localcloud.scaling.keeper import Keeper
from provisimus.localcloud.scaling.sight import version


class Base(BaseResponse):
    keeper: ClassVar[Keeper]

    def __init__(self) -> None:
        super().__init__(service_name="autoscaling")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        action = self._get_action()
        if camelcase_to_underscores(action or "") not in method_names_from_class(type(self)):
            status, headers, body = self.serialized(ActionResult(unsupported(f"Action {action}")))
            headers["status"] = str(status)
            return status, headers, body
        return super().call_action()

    def given(self, *honoured: str) -> dict[str, Any]:
        """The parameters. Raises ScalingError for one that this action does not honour."""
        found = {key: value for key, value in self._get_params().items() if value is not None}
        for name in found:
            if name not in honoured and name not in ("Action", "Version"):
                raise unsupported(f"Parameter {name} of {self._get_action()}")
        return found

    def meant(self, name: str | None = None) -> Group:
        """The group that the request names. Raises ScalingError when there is none."""
        wanted = name or str(self._get_params().get("AutoScalingGroupName"))
        found = self.keeper.groups.get(wanted)
        if found is None or found.deleting:
            raise invalid(
                f"AutoScalingGroup name not found - AutoScalingGroup '{wanted}' not found"
            )
        return found

    def change(self, change: Callable[[Group], Group], name: str | None = None) -> Group:
        """Change the group that the request names. Raises ScalingError when there is none."""
        changed = self.keeper.change(self.meant(name).name, change)
        assert changed is not None
        return changed

    def of_instance(self, identifier: str) -> Group:
        """The group that an instance belongs to. Raises ScalingError when there is none."""
        for group in list(self.keeper.groups.values()):
            if group.member(identifier):
                return group
        raise invalid(
            f"Instance Id not found - No managed instance found for instance ID: {identifier}"
        )

    def version(self, wanted: Mapping[str, Any]) -> Version:
        """What a launch template setting means. Raises ScalingError where there is none."""
        try:
            return version(self.keeper.cloud, wanted)
        except EC2ClientError as error:
            raise invalid(str(error.message)) from error

    def page(self, key: str, found: list[Any], largest: int = 100) -> ActionResult:
        """So many of a list as are asked for, and where to go on."""
        params = self._get_params()
        begin = int(params.get("NextToken") or 0)
        end = begin + min(int(params.get("MaxRecords") or largest), largest)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return ActionResult({key: found[begin:end], **more})


def when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


NOTHING = EmptyResult()
__all__ = ["NOTHING", "ActionResult", "Base", "ScalingError", "invalid", "unsupported", "when"]
