"""Container images: from a build manifest and a template Dockerfile to an image in the registry.

`plan_image` works out (`define_image`) and observes (`observe_image`), `build_image` makes what is
missing, `find_image` and `read_image` ask the registry. Knows artifacts; knows nothing of machines
and stacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisimus.images.build import build_image
    from provisimus.images.find import find_image, read_image
    from provisimus.images.plan import (
        ImagePlan,
        WantedImage,
        define_image,
        observe_image,
        plan_image,
    )

__all__ = [
    "ImagePlan",
    "WantedImage",
    "build_image",
    "define_image",
    "find_image",
    "observe_image",
    "plan_image",
    "read_image",
]

_HOMES = {
    "ImagePlan": "plan",
    "WantedImage": "plan",
    "build_image": "build",
    "define_image": "plan",
    "find_image": "find",
    "observe_image": "plan",
    "plan_image": "plan",
    "read_image": "find",
}


def __getattr__(name: str) -> Any:
    """Each part is loaded when it is used: reading a label needs no builder."""
    if name not in _HOMES:
        raise AttributeError(name)
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
