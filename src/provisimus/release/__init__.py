"""The chain: artifact → container image → machine image → stack, planned and carried out as one.

The only place that joins the stages. What other commands use of it:

- `plan_release(workspace, environment, asked, until=…)` plans the chain up to a stage: `"stack"`
  for a service, `"machine"` for a machine (or the machine of a service), `"image"` for an image.
  Read-only, and JSON-able through `ReleasePlan.plan`.
- `execute(plan, …)` makes what is missing, in order. A rerun goes on where the last one ended.
- `define_images_of_machine(workspace, environment, machine, version)` names the images of a
  machine, main image and side carts, by the name that each has in the Compose file.
- `plan_at_rest(…)` plans after what is under way to the same, or was left by an interrupted run.
- `one_at_a_time(workspace, environment, name, run)` is held while something of a service changes.
"""

from typing import TYPE_CHECKING

from provisimus.lazy import parts
from provisimus.release.execute import Released, execute

if TYPE_CHECKING:
    from provisimus.release.lock import one_at_a_time
    from provisimus.release.plan import ReleasePlan, define_images_of_machine, plan_release
    from provisimus.release.reattach import await_interrupted, plan_at_rest

__all__ = [
    "ReleasePlan",
    "Released",
    "await_interrupted",
    "define_images_of_machine",
    "execute",
    "one_at_a_time",
    "plan_at_rest",
    "plan_release",
]

__getattr__ = parts(
    __name__,
    {
        "lock": "one_at_a_time",
        "plan": "ReleasePlan define_images_of_machine plan_release",
        "reattach": "await_interrupted plan_at_rest",
    },
)
