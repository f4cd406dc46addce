"""RunInstances from a launch template: all that it says, but what the request says itself.

Source: API reference, RunInstances, "Any parameters that you specify in RunInstances override the
same parameters in the launch template". moto takes a few of them and forgets the rest.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.instances import InstanceResponse

from provisimus.localcloud.hooks.cloud import replace

_moto_run = InstanceResponse.run_instances


def install() -> None:
    """Replace moto's methods."""
    replace(InstanceResponse, "run_instances", _run)
    # moto keeps the tags that the template was made with.
    setattr(LaunchTemplate, "tags", property(_tags, lambda template, tags: None))  # noqa: B010


def _run(request: Any) -> Any:
    given = request._get_param("LaunchTemplate")
    if given:
        data = request.ec2_backend._get_template_from_args(given).data
        for name, value in data.items():
            if value is not None:
                request.params.setdefault(name, str(value) if name == "UserData" else value)
    return _moto_run(request)


def _tags(template: Any) -> Any:
    return template.get_tags()
