"""Container images: from a build manifest and a template Dockerfile to an image in the registry.

`plan_image` works out (`define_image`) and observes (`observe_image`), `build_image` makes what is
missing, `plan_images`, `plan_all` and `build_images` do so for several; `find_image` and
`read_image` ask the registry. Knows artifacts; knows nothing of machines and stacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.lazy import parts

if TYPE_CHECKING:
    from provisimus.images.build import build_image, build_images
    from provisimus.images.find import find_image, read_image
    from provisimus.images.plan import (
        ImagePlan,
        WantedImage,
        define_image,
        define_images,
        observe_image,
        plan_all,
        plan_image,
        plan_images,
    )

__all__ = [
    "ImagePlan",
    "WantedImage",
    "build_image",
    "build_images",
    "define_image",
    "define_images",
    "find_image",
    "observe_image",
    "plan_all",
    "plan_image",
    "plan_images",
    "read_image",
]

__getattr__ = parts(
    __name__,
    {
        "build": "build_image build_images",
        "find": "find_image read_image",
        "plan": (
            "ImagePlan WantedImage define_image define_images observe_image plan_all plan_image "
            "plan_images"
        ),
    },
)
