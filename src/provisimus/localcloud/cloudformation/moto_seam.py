"""Where the engine takes the place of moto's CloudFormation.

moto's own package imports the models of every service that it could create from a template,
which costs between one and two seconds at start. Nothing of it is used here, so an empty package
stands in for it, with the same search path: who imports one of its modules by name still gets
moto's. Tied to the layout of moto 5.2.5, which is pinned.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

URL_BASES = [r"https?://cloudformation\.(.+)\.amazonaws\.com"]


class CloudFormationBackend(BaseBackend):
    """Holds nothing: moto only asks it where the URLs are."""


# By a backend's module moto finds the module `urls` beside it.
CloudFormationBackend.__module__ = "moto.cloudformation.models"


def take_the_place(dispatch: Any) -> None:
    """Route CloudFormation's requests to `dispatch`; before moto builds its app for them."""
    paths = {"{0}/$": dispatch}
    if "moto.cloudformation" in sys.modules:
        from moto.cloudformation import urls

        urls.url_paths = paths
        return
    import moto

    root = find_spec("moto")
    assert root is not None
    assert root.origin is not None
    package = ModuleType("moto.cloudformation")
    package.__path__ = [str(Path(root.origin).parent / "cloudformation")]
    package.cloudformation_backends = BackendDict(  # type: ignore[attr-defined]
        CloudFormationBackend, "cloudformation"
    )
    places = ModuleType("moto.cloudformation.urls")
    places.url_bases = URL_BASES  # type: ignore[attr-defined]
    places.url_paths = paths  # type: ignore[attr-defined]
    package.urls = places  # type: ignore[attr-defined]
    sys.modules[package.__name__] = package
    sys.modules[places.__name__] = places
    moto.cloudformation = package
