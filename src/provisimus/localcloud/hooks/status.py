"""Status checks that tell the truth: an instance passes when its kernel has spoken, until it hangs.

Source: "Status checks for Amazon EC2 instances" in the EC2 User Guide. AWS asks the instance's
network card; here its serial console is what the local cloud can hear.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance

from provisimus.localcloud.hooks.cloud import Cloud


def install(cloud: Cloud) -> None:
    """Replace what moto says of every instance."""

    def instance_status(instance: Any) -> dict[str, Any]:
        if instance._state.name != "running":
            return {"Status": "not-applicable"}
        machines = cloud.machines
        return check(passed=machines.has_spoken(instance.id) and not machines.hangs(instance.id))

    def system_status(instance: Any) -> dict[str, Any]:
        if instance._state.name != "running":
            return {"Status": "not-applicable"}
        return check(passed=cloud.machines.is_running(instance.id))

    Instance.instance_status = property(instance_status)  # type: ignore[method-assign, assignment]
    Instance.system_status = property(system_status)  # type: ignore[method-assign, assignment]


def check(*, passed: bool) -> dict[str, Any]:
    """One check as DescribeInstanceStatus tells it."""
    word = "passed" if passed else "failed"
    details = [{"Name": "reachability", "Status": word}]
    return {"Status": "ok" if passed else "impaired", "Details": details}
