"""CloudFormation for the local cloud, on moto's port, instead of moto's own.

How a request travels: `responses` (the wire) → `engine`, `change_sets` (what may be asked, and
when) → `operation` (one operation, in a thread) → `resource_work` (one resource and its events) →
`handlers/` (one file per resource type, driving the service APIs).
What is decided is pure: `template`, `intrinsics`, `parameters`, `support`, `schemas`, `shapes`,
`changes`, `describe`.

It is for rehearsal: what succeeds has happened, what cannot be done is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisimus.localcloud.cloudformation.engine import Engine


def mount(client: Callable[[str], Any], region: str, account: str) -> Engine:
    """Put the engine in the place of moto's CloudFormation; call before moto's app is built.

    `client("ec2")` makes a boto3 client of the same endpoint; it is called in the engine's
    threads, when a service is first needed, once per service. Other regions are refused.
    State: `Engine.save()` returns JSON, `Engine.restore(json.loads(…))` takes it up again;
    set `Engine.on_change` to be told when it changed.
    """
    from provisimus.localcloud.cloudformation.engine import Engine
    from provisimus.localcloud.cloudformation.moto_seam import take_the_place
    from provisimus.localcloud.cloudformation.responses import CloudFormation

    engine = Engine(client, region, account)
    CloudFormation.engine = engine
    take_the_place(CloudFormation.dispatch)
    return engine
