"""ModifyInstanceMetadataOptions: what a request does not name stays as it was.

Source: API reference, "If this parameter is not specified, the existing setting is retained".
moto forgets it, and an instance that demanded tokens would demand none.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import InstanceBackend

from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.hooks.launching import check_hops

_moto_modify = InstanceBackend.modify_instance_metadata_options


def install(cloud: Cloud) -> None:
    """Replace moto's method."""

    def modify(backend: Any, instance_id: str, *args: Any, **kw: Any) -> Any:
        with cloud.changes:
            check_hops(kw.get("hop_limit"))
            before = dict(vars(backend.get_instance(instance_id).metadata_options))
            options = _moto_modify(backend, instance_id, *args, **kw)
            if kw.get("hop_limit") is None:  # moto has its default there, not nothing
                options.http_put_response_hop_limit = before["http_put_response_hop_limit"]
            for name, value in vars(options).items():
                if value is None:
                    setattr(options, name, before[name])
            return options

    replace(InstanceBackend, "modify_instance_metadata_options", modify)
