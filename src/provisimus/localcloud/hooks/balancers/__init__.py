"""Load balancers: what moto keeps of them, and the HAProxy that makes it true.

`install_records` is what the API refuses, names and remembers; `install` puts a real HAProxy
behind every balancer.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisimus.localcloud.hooks.balancers.keeper import Keeper
    from provisimus.localcloud.hooks.cloud import Cloud
    from provisimus.localcloud.processes import Nursery


def install_records() -> None:
    """Replace moto's methods; once in a process, before the first request."""
    from provisimus.localcloud.hooks.balancers import listeners, records, targets

    for hooked in (records, listeners, targets):
        hooked.install()


def install(cloud: Cloud, nursery: Nursery) -> Keeper:
    """Put a real HAProxy behind every balancer, on top of `install_records`."""
    from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

    from provisimus.localcloud.hooks.balancers import health, records
    from provisimus.localcloud.hooks.balancers.keeper import Keeper
    from provisimus.localcloud.hooks.balancers.refusals import denied
    from provisimus.localcloud.hooks.cloud import replace, replace_property

    keeper = Keeper(cloud, nursery)
    health.install(keeper)
    cloud.networks.lost.append(keeper.lost)
    under_create = ELBv2Backend.create_load_balancer
    under_delete = ELBv2Backend.delete_load_balancer

    def create(backend: Any, *args: Any, **kw: Any) -> Any:
        why = cloud.networks.unavailable
        if why is None and shutil.which("haproxy", path=_PROGRAMS) is None:
            why = "haproxy is not installed; run script/setup"
        if why is not None:
            raise denied(f"No load balancer can be made on this computer: {why}")
        with cloud.changes:
            made = under_create(backend, *args, **kw)
        keeper.keep(backend, made.arn)
        return made

    def delete(backend: Any, arn: str) -> None:
        balancer = backend.load_balancers.get(arn)
        if balancer is not None:
            records.refuse_protected(balancer)
            keeper.end(arn)
        with cloud.changes:
            under_delete(backend, arn)

    replace(ELBv2Backend, "create_load_balancer", create)
    replace(ELBv2Backend, "delete_load_balancer", delete)
    replace(FakeLoadBalancer, "activate", lambda _: None)
    replace_property(FakeLoadBalancer, "load_balancer_state", _state)
    return keeper


_PROGRAMS = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin"


def _state(balancer: Any) -> dict[str, str]:
    reason = getattr(balancer, "state_reason", None)
    return {"Code": balancer.state, **({"Reason": reason} if reason else {})}
