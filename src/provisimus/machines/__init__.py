"""Machine images: from a machine definition and container images to an AMI, with Packer.

The story is in ``bake.py`` and ``make.py``; ``plan.py`` says whether it is needed and why;
``reap.py`` removes what a killed bake left behind. What is decided without any cloud stands in
``preflight.py``, ``compose.py``, ``units.py``, ``staging.py``, ``packer_template.py`` and
``tags.py``. How images get into a registry and what a stack makes of an AMI is not known here; what
a bake has to ask of registries comes in through ``access.py``.
"""

from __future__ import annotations

from provisimus.machines.bake import bake
from provisimus.machines.plan import (
    ImageInput,
    MachinePlan,
    define_machine,
    held_by_stack,
    observe_machine,
    plan_machine,
)
from provisimus.machines.reap import Leftover, find_temporary, reap

__all__ = [
    "ImageInput",
    "Leftover",
    "MachinePlan",
    "bake",
    "define_machine",
    "find_temporary",
    "held_by_stack",
    "observe_machine",
    "plan_machine",
    "reap",
]
