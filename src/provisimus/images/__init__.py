"""Container images: from a build manifest and a template Dockerfile to an image in the registry.

`plan_image` works out (`define_image`) and observes (`observe_image`), `build_image` makes what is
missing, `find_image` and `read_image` ask the registry. Knows artifacts; knows nothing of machines
and stacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.lazy import parts

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

__getattr__ = parts(
    __name__,
    {
        "build": "build_image",
        "find": "find_image read_image",
        "plan": "ImagePlan WantedImage define_image observe_image plan_image",
    },
)
