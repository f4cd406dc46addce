"""Tags go with what carried them; moto tells of them for ever.

A NAT gateway and an endpoint keep theirs, as EC2 tells of both for a while after they are deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.models.internet_gateways import (
    EgressOnlyInternetGatewayBackend,
    InternetGatewayBackend,
)
from moto.ec2.models.network_acls import NetworkAclBackend
from moto.ec2.models.route_tables import RouteBackend

from provisimus.localcloud.hooks.cloud import replace

_DELETES = (
    (EgressOnlyInternetGatewayBackend, "delete_egress_only_internet_gateway"),
    (InternetGatewayBackend, "delete_internet_gateway"),
    (NetworkAclBackend, "delete_network_acl"),
    (RouteBackend, "delete_route_table"),
)
_MOTO = {name: getattr(owner, name) for owner, name in _DELETES}


def install() -> None:
    """Replace moto's methods."""
    for owner, name in _DELETES:
        replace(owner, name, _with_tags(_MOTO[name]))


def forget(backend: Any, identifier: str | None) -> None:
    """Drop the tags of what is gone."""
    backend.tags.pop(identifier, None)


def _with_tags(moto: Callable[..., Any]) -> Callable[..., Any]:
    def delete(backend: Any, *args: Any, **kw: Any) -> Any:
        result = moto(backend, *args, **kw)
        (identifier,) = (*args, *kw.values())
        forget(backend, identifier)
        return result

    return delete
