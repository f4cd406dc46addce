"""The resource types that this cloud makes: one file each, found by being here.

What a file must say is in `interface.py`; files that begin with an underscore are shared pieces.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from provisimus.localcloud.cloudformation.handlers.interface import Handler


@cache
def all_handlers() -> Mapping[str, Handler]:
    """Handlers by resource type."""
    found: dict[str, Handler] = {}
    for module in pkgutil.iter_modules(__path__):
        handler = getattr(import_module(f"{__name__}.{module.name}"), "HANDLER", None)
        if isinstance(handler, Handler):
            found[handler.type] = handler
    return found
